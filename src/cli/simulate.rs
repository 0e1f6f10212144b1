//! `ramstream simulate`: a simulated Alibaba Cloud account on this machine, until it is stopped.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use tokio_util::sync::CancellationToken;

use crate::secret::Secret;
use crate::simulator::seed::Size;
use crate::simulator::throttle::Limits;
use crate::simulator::{self, Running, Settings};

const CONTROL_HELP: &str = "\
Control address (plain JSON over HTTP):
  GET    /healthz, /account, /calls, /faults
  POST   /save       write the --account file
  POST   /faults     {\"operation\":\"ListUsers\",\"fault\":\"missing_marker\"}
                     optional: version, page, parameters {name: value}, times, probability
                     error takes status, code, message; slow delay_ms; throttle retry_after_ms
                     faults: error throttle deny expired_token http_5xx html reset reset_after
                     slow stale truncate_body truncate_json missing_marker repeated_marker
                     endless_marker empty_page repeated_row reordered missing_array
                     empty partial
  DELETE /faults     remove all faults
  POST   /freeze     {\"user\":\"name or id\"}
  POST   /unfreeze   the same
  POST   /recreate   {\"instance\":\"its id\"}   recreate it under its id
  POST   /edit       {\"table\":\"roles\",\"id\":\"…\",\"set\":{\"role_name\":\"new\"}}
                     tables: users, groups, roles, access_keys; for what the services could show
                     but no public operation does
  POST   /regions    {\"regions\":[\"eu-central-1\"]}
  POST   /root-mfa   {\"enabled\":true}
  POST   /pages      {\"largest_page\":3}   rows per page at most, or null
  POST   /latency    {\"latency_ms\":20}
  POST   /throttle   {\"quota_percent\":50,\"percent_of_calls\":10,
                      \"operation\":\"ListUsers\",\"retry_after_ms\":500}
                     any of these; \"quota_percent\":null lifts the quotas
  POST   /policy     a RAM policy that every call is judged by, or null
  POST   /sessions   {\"seconds\":5,\"external_id\":\"x\"}   of temporary keys from now on
  POST   /oidc       {\"provider_arn\":\"…\",\"token\":\"…\"}   what AssumeRoleWithOIDC accepts
  POST   /instance   {\"role\":\"reader\",\"mode\":\"hardened\"}   the metadata service
                     modes: hardened, both, v1; \"fails\":true lets it fail
  POST   /clock      {\"offset_seconds\":1200,\"judge_requests_by\":\"machine_clock\"}
                     without the second part, requests with the right time expire";

/// Runs a simulated Alibaba Cloud account that Alibaba's own clients accept.
#[derive(Debug, Args)]
#[command(after_long_help = CONTROL_HELP)]
pub(super) struct SimulateArgs {
    /// Where to serve plain HTTP: a port on loopback, or IP:PORT
    #[arg(long, value_name = "ADDRESS", default_value = "9480", value_parser = address)]
    http: SocketAddr,
    /// Where to serve HTTPS, with a certificate made at start: a port on loopback, or IP:PORT
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    https: Option<SocketAddr>,
    /// File to write the certificate authority for HTTPS to (PEM)
    #[arg(long, value_name = "FILE", requires = "https")]
    ca_out: Option<PathBuf>,
    /// Where to serve the control address (faults, the account): a port on loopback, or IP:PORT
    #[arg(long, value_name = "ADDRESS", default_value = "9481", value_parser = address)]
    control: SocketAddr,
    /// Where to serve the metadata service of an ECS instance (and /credentials, for a credentials URI): a port on loopback, or IP:PORT
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    metadata: Option<SocketAddr>,
    /// File of the account (JSON): loaded if it exists, written at the end and on request
    #[arg(long, value_name = "FILE")]
    account: Option<PathBuf>,
    /// Access key to accept; made up if absent
    #[arg(long, value_name = "ID", env = "SIMULATED_ACCESS_KEY_ID")]
    access_key_id: Option<String>,
    /// Its secret; made up if absent
    #[arg(long, value_name = "SECRET", env = "SIMULATED_ACCESS_KEY_SECRET", hide_env_values = true, value_parser = secret)]
    access_key_secret: Option<Secret>,
    /// User, by name or id, who owns the key; the root account if absent (which may not assume roles)
    #[arg(long, value_name = "USER")]
    key_owner: Option<String>,
    /// Latency to add to every answer, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency_ms: u64,
    /// Percentage of Alibaba's request quotas that each operation grants; `off` grants everything
    #[arg(long, value_name = "PERCENT", default_value = "100", value_parser = quota)]
    quota_percent: Quota,
    /// `x-acs-retry-after` of throttled replies, in milliseconds; not sent if absent, as the services do
    #[arg(long, value_name = "MS")]
    retry_after_ms: Option<u64>,
    /// File to append every mutation and every request to (JSON lines)
    #[arg(long, value_name = "FILE")]
    truth_log: Option<PathBuf>,
    #[command(flatten)]
    size: SizeArgs,
}

/// The account that is made up where there is no account file yet.
#[derive(Debug, Args)]
#[command(next_help_heading = "Made-up account")]
struct SizeArgs {
    /// RAM users (at most 5000)
    #[arg(long, value_name = "N", default_value_t = Size::default().users)]
    users: usize,
    /// Groups (at most 300)
    #[arg(long, value_name = "N", default_value_t = Size::default().groups)]
    groups: usize,
    /// Users in groups (at most 10 per user)
    #[arg(long, value_name = "N", default_value_t = Size::default().memberships)]
    memberships: usize,
    /// Roles (at most 1000)
    #[arg(long, value_name = "N", default_value_t = Size::default().roles)]
    roles: usize,
    /// Custom policies (at most 1500)
    #[arg(long, value_name = "N", default_value_t = Size::default().custom_policies)]
    custom_policies: usize,
    /// System policies
    #[arg(long, value_name = "N", default_value_t = Size::default().system_policies)]
    system_policies: usize,
    /// Policy attachments (at most 20 system and 10 custom ones per user, group and role)
    #[arg(long, value_name = "N", default_value_t = Size::default().attachments)]
    attachments: usize,
    /// Access keys (at most 2 per user)
    #[arg(long, value_name = "N", default_value_t = Size::default().access_keys)]
    access_keys: usize,
    /// Users who may sign in to the console
    #[arg(long, value_name = "N", default_value_t = Size::default().login_profiles)]
    login_profiles: usize,
    /// Users with a second factor
    #[arg(long, value_name = "N", default_value_t = Size::default().mfa_devices)]
    mfa_devices: usize,
    /// ECS instances, spread over the account's regions
    #[arg(long, value_name = "N", default_value_t = Size::default().instances)]
    instances: usize,
    /// Seed: the same number makes the same account
    #[arg(long, value_name = "N", default_value_t = Size::default().seed)]
    seed: u64,
}

/// Runs until `shutdown`, then saves the account.
///
/// # Errors
/// An address is taken, a file cannot be read or written, or the size is more than the service allows.
pub(super) async fn run(args: SimulateArgs, shutdown: CancellationToken) -> anyhow::Result<()> {
    let running = simulator::start(settings(args)).await.context("starting the simulated account")?;
    println!("{}", introduction(&running));
    shutdown.cancelled().await;
    running.shutdown().await.context("saving the simulated account")
}

fn settings(args: SimulateArgs) -> Settings {
    let size = args.size;
    Settings {
        http: args.http,
        https: args.https,
        control: args.control,
        metadata: args.metadata,
        size: Size {
            users: size.users,
            groups: size.groups,
            memberships: size.memberships,
            roles: size.roles,
            custom_policies: size.custom_policies,
            system_policies: size.system_policies,
            attachments: size.attachments,
            access_keys: size.access_keys,
            login_profiles: size.login_profiles,
            mfa_devices: size.mfa_devices,
            instances: size.instances,
            seed: size.seed,
        },
        account_file: args.account,
        access_key_id: args.access_key_id,
        access_key_secret: args.access_key_secret,
        key_owner: args.key_owner,
        latency: Duration::from_millis(args.latency_ms),
        limits: Limits {
            quota_percent: args.quota_percent.0,
            retry_after_ms: args.retry_after_ms,
            ..Limits::default()
        },
        clock_offset_seconds: 0,
        truth_log: args.truth_log,
        ca_out: args.ca_out,
    }
}

/// What a person needs to use the account. The key is worth nothing outside of this process.
fn introduction(running: &Running) -> String {
    let Running { http, control, account_id, access_key_id, access_key_secret, .. } = running;
    let secret = access_key_secret.expose();
    let https = running.https.map_or_else(String::new, |https| format!("\n  services over HTTPS  https://{https}"));
    format!(
        "\
Simulated Alibaba Cloud account {account_id}
  services over HTTP   http://{http}{https}
  control address      http://{control}
  access key id        {access_key_id}
  access key secret    {secret}

The key, for whatever follows:
  export ALIBABA_CLOUD_ACCESS_KEY_ID={access_key_id} ALIBABA_CLOUD_ACCESS_KEY_SECRET={secret}

aliyun CLI:
  aliyun configure set --profile simulated --mode AK --region cn-hangzhou --access-key-id $ALIBABA_CLOUD_ACCESS_KEY_ID --access-key-secret $ALIBABA_CLOUD_ACCESS_KEY_SECRET
  aliyun ram CreateUser --UserName jane.doe --profile simulated --insecure --endpoint {http}

Python SDK (alibabacloud_ims20190815 and its siblings):
  Config(access_key_id=…, access_key_secret=…, protocol='http', endpoint='{http}')

ramstream:
  export RAMSTREAM_ACCOUNT__ID={account_id}
  for service in STS IMS RAM RESOURCE_MANAGER; do export RAMSTREAM_ALICLOUD__ENDPOINTS__$service=http://{http}; done

A change that no API makes, and a fault:
  curl -X POST http://{control}/freeze -d '{{\"user\":\"jane.doe\"}}'
  curl -X POST http://{control}/faults -d '{{\"operation\":\"ListUsers\",\"fault\":\"throttle\",\"times\":3}}'

Ctrl-C ends it."
    )
}

/// A port on loopback, or an address with a port.
fn address(text: &str) -> Result<SocketAddr, String> {
    match text.parse::<u16>() {
        Ok(port) => Ok(SocketAddr::from((IpAddr::from(Ipv4Addr::LOCALHOST), port))),
        Err(_) => text.parse().map_err(|_| "expected a port, or an IP address and a port (127.0.0.1:9480)".to_owned()),
    }
}

#[derive(Clone, Copy, Debug)]
struct Quota(Option<u32>);

fn quota(text: &str) -> Result<Quota, String> {
    match text {
        "off" => Ok(Quota(None)),
        _ => text.parse().map(|percent| Quota(Some(percent))).map_err(|_| "expected a number, or `off`".to_owned()),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "clap's value parsers return a Result")]
fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}
