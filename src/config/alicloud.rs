//! `[account]` and `[alicloud]`: which account, and where its services are reached.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

use super::parse::{self, MINUTE, Parsed, SECOND};
use super::problem::Fault;
use super::reader::Reader;
use super::source::Raw;

/// The account that this process serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// `account.id`: the account's number, digits only; the credentials must belong to it.
    pub id: String,
    /// `account.name`: a label for people, copied into every event.
    pub name: Option<String>,
}

impl Account {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let mend = "set it to the account's number: top right in the console, or AccountId in \
                    `aliyun sts GetCallerIdentity`";
        Self { id: r.required("account.id", mend, account_id), name: r.optional("account.name", parse::text) }
    }
}

fn account_id(raw: &Raw) -> Parsed<String> {
    let id = if let Raw::Integer(number) = raw { number.to_string() } else { parse::text(raw)? };
    if (10..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(id);
    }
    Err(Fault::new(format!("{id:?} is not an account id"), "an account id has digits only, usually 16"))
}

/// How the services of the cloud are reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Alicloud {
    /// `alicloud.network`: through which network.
    pub network: Network,
    /// `alicloud.region`, for STS, and where the regions of ECS are asked for; the other services are global.
    pub region: Option<String>,
    /// Addresses in place of those that follow from network and region.
    pub endpoints: Endpoints,
    /// `alicloud.allow_plain_http`: whether `endpoints` may be plain http to another machine.
    pub allow_plain_http: bool,
    /// `alicloud.proxy`: every request goes through it.
    pub proxy: Option<Url>,
    /// `alicloud.ca_file`: PEM certificates to trust in addition to the system's.
    pub ca_file: Option<PathBuf>,
    /// `alicloud.connect_timeout`, for one connection.
    pub connect_timeout: Duration,
    /// `alicloud.request_timeout`, for one attempt of one call.
    pub request_timeout: Duration,
    /// `alicloud.rate_share`: the share of each operation's documented quota that may be used, 0.01 to 1.
    pub rate_share: f64,
    /// `alicloud.concurrency`: calls in flight at most.
    pub concurrency: usize,
}

/// `alicloud.network`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Over the Internet.
    Public,
    /// Inside a virtual private cloud of Alibaba Cloud.
    Vpc,
}

/// `[alicloud.endpoints]`: the address of a service, `https` unless it is this machine or plain http is allowed;
/// without path. `None` = what follows from network and region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Security Token Service.
    pub sts: Option<Url>,
    /// Identity Management Service.
    pub ims: Option<Url>,
    /// Resource Access Management.
    pub ram: Option<Url>,
    /// Resource Manager.
    pub resource_manager: Option<Url>,
    /// Elastic Compute Service, in place of the addresses of all regions.
    pub ecs: Option<Url>,
    /// The metadata service of an ECS instance.
    pub ecs_metadata: Option<Url>,
}

const NETWORKS: &[(&str, Network)] = &[("public", Network::Public), ("vpc", Network::Vpc)];

impl Alicloud {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let allow_plain_http = r.value("alicloud.allow_plain_http", "false", parse::boolean);
        let alicloud = Self {
            network: r.value("alicloud.network", "public", parse::one_of(NETWORKS)),
            region: r.optional("alicloud.region", region),
            endpoints: Endpoints::read(r, allow_plain_http),
            allow_plain_http,
            proxy: r.optional("alicloud.proxy", parse::url),
            ca_file: r.optional("alicloud.ca_file", parse::file),
            connect_timeout: r.value("alicloud.connect_timeout", "5s", parse::duration(SECOND..=MINUTE)),
            request_timeout: r.value("alicloud.request_timeout", "30s", parse::duration(SECOND..=10 * MINUTE)),
            rate_share: r.value("alicloud.rate_share", "0.3", parse::fraction(0.01..=1.0)),
            concurrency: r.value("alicloud.concurrency", "16", parse::integer(1..=256)),
        };
        // STS has no address for all regions inside a VPC.
        let sts_is_known = r.is_given("alicloud.region") || r.is_given("alicloud.endpoints.sts");
        if alicloud.network == Network::Vpc && !sts_is_known {
            r.missing("alicloud.region", "network = \"vpc\" needs the region of the VPC, such as \"ap-southeast-1\"");
        }
        alicloud
    }
}

fn region(raw: &Raw) -> Parsed<String> {
    let region = parse::text(raw)?;
    if region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
        return Ok(region);
    }
    Err(Fault::new(format!("{region:?} is not a region id"), "write an id such as \"cn-hangzhou\" or \"eu-central-1\""))
}

impl Endpoints {
    fn read(r: &mut Reader<'_>, allow_plain_http: bool) -> Self {
        let parse = |raw: &Raw| endpoint(raw, allow_plain_http);
        Self {
            sts: r.optional("alicloud.endpoints.sts", parse),
            ims: r.optional("alicloud.endpoints.ims", parse),
            ram: r.optional("alicloud.endpoints.ram", parse),
            resource_manager: r.optional("alicloud.endpoints.resource_manager", parse),
            ecs: r.optional("alicloud.endpoints.ecs", parse),
            ecs_metadata: r.optional("alicloud.endpoints.ecs_metadata", metadata),
        }
    }
}

/// Plain http, as the service speaks it, to its own address or to a stand-in on this machine: it gives credentials.
fn metadata(raw: &Raw) -> Parsed<Url> {
    let url = endpoint(raw, true)?;
    if parse::is_loopback(&url) || url.host_str() == Some("100.100.100.200") {
        return Ok(url);
    }
    Err(Fault::new("no metadata service is on another machine", "write \"http://100.100.100.200\", or leave it out"))
}

fn endpoint(raw: &Raw, allow_plain_http: bool) -> Parsed<Url> {
    let url = parse::url(raw)?;
    if url.path() != "/" {
        return Err(Fault::new("the address has a path", "leave the path out: the services are called at /"));
    }
    if url.scheme() == "http" && !allow_plain_http && !parse::is_loopback(&url) {
        return Err(Fault::new(
            "plain http shows every reply to the network",
            "write https, or set alicloud.allow_plain_http = true",
        ));
    }
    Ok(url)
}
