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
    /// `alicloud.region`, if one is set; RAM itself is global.
    pub region: Option<String>,
    /// The addresses: defaults by `network` and `region`, or as configured.
    pub endpoints: Endpoints,
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

/// The base address of each service; the path is always `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Security Token Service.
    pub sts: Url,
    /// Identity Management Service.
    pub ims: Url,
    /// Resource Access Management.
    pub ram: Url,
    /// Resource Manager.
    pub resource_manager: Url,
}

/// Through which network the services are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Network {
    Public,
    Vpc,
}

impl Alicloud {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let region = r.optional("alicloud.region", region);
        let network =
            r.value("alicloud.network", "public", parse::one_of(&[("public", Network::Public), ("vpc", Network::Vpc)]));
        if network == Network::Vpc && !r.is_given("alicloud.region") && !r.is_given("alicloud.endpoints.sts") {
            r.missing("alicloud.region", "network = \"vpc\" needs the region of the VPC, such as \"ap-southeast-1\"");
        }
        Self {
            endpoints: Endpoints::read(r, network, region.as_deref()),
            region,
            ca_file: r.optional("alicloud.ca_file", parse::file),
            connect_timeout: r.value("alicloud.connect_timeout", "5s", parse::duration(SECOND..=MINUTE)),
            request_timeout: r.value("alicloud.request_timeout", "30s", parse::duration(SECOND..=10 * MINUTE)),
            rate_share: r.value("alicloud.rate_share", "0.3", parse::fraction(0.01..=1.0)),
            concurrency: r.value("alicloud.concurrency", "16", parse::integer(1..=256)),
        }
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
    /// The hosts are those of Alibaba's published product table: RAM, IMS and Resource Manager have one host for all
    /// regions and both sites, STS has regional ones too; Resource Manager has none inside a VPC.
    fn read(r: &mut Reader<'_>, network: Network, region: Option<&str>) -> Self {
        let plain_allowed = r.value("alicloud.allow_plain_http", "false", parse::boolean);
        let vpc = network == Network::Vpc;
        let sts = match region {
            Some(region) if vpc => format!("sts-vpc.{region}.aliyuncs.com"),
            Some(region) => format!("sts.{region}.aliyuncs.com"),
            None => "sts.aliyuncs.com".to_owned(),
        };
        let ims = if vpc { "ims.vpc-proxy.aliyuncs.com" } else { "ims.aliyuncs.com" };
        let ram = if vpc { "ram.vpc-proxy.aliyuncs.com" } else { "ram.aliyuncs.com" };
        let mut endpoint = |name: &str, host: &str| {
            let parse = |raw: &Raw| endpoint(raw, plain_allowed);
            r.value(&format!("alicloud.endpoints.{name}"), &format!("https://{host}"), parse)
        };
        Self {
            sts: endpoint("sts", &sts),
            ims: endpoint("ims", ims),
            ram: endpoint("ram", ram),
            resource_manager: endpoint("resource_manager", "resourcemanager.aliyuncs.com"),
        }
    }
}

fn endpoint(raw: &Raw, plain_allowed: bool) -> Parsed<Url> {
    let url = parse::url(raw)?;
    if url.path() != "/" {
        return Err(Fault::new("the address has a path", "leave the path out: the services are called at /"));
    }
    if url.scheme() == "http" && !plain_allowed && !parse::is_loopback(&url) {
        return Err(Fault::new(
            "plain http shows every reply to the network",
            "write https, or set alicloud.allow_plain_http = true",
        ));
    }
    Ok(url)
}
