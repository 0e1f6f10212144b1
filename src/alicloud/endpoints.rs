//! Where the services answer: versions, default hosts, overrides.
//!
//! Promises one validated address per service. Public hosts are the default; with [`Network::Vpc`] the
//! services that have an address inside Alibaba Cloud's private networks are called there, ResourceManager,
//! which has none, stays on its public host. RAM, IMS and ResourceManager are global: the same hosts serve
//! the international site. ECS answers in each region for that region alone, so its host follows from the region of
//! the call: from the id, which is checked, and never from a host name in a reply, for whoever could forge one would be
//! sent signed requests (a signature is good for anybody who has it, for a quarter of an hour). Source: the vendor's published endpoint table (repository aliyun/aliyun-openapi-meta).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use reqwest::Url;

/// A service (a product, in the vendor's words) that is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Security Token Service: whose credentials these are.
    Sts,
    /// Identity Management Service: users and groups.
    Ims,
    /// Resource Access Management: roles and policies.
    Ram,
    /// ResourceManager: policy attachments of every scope.
    ResourceManager,
    /// Elastic Compute Service: instances, region by region.
    Ecs,
}

impl Service {
    /// Every service.
    pub const ALL: &[Self] = &[Self::Sts, Self::Ims, Self::Ram, Self::ResourceManager, Self::Ecs];

    /// The version of the service's interface, as `x-acs-version` carries it.
    #[must_use]
    pub fn version(self) -> &'static str {
        match self {
            Self::Sts => "2015-04-01",
            Self::Ims => "2019-08-15",
            Self::Ram => "2015-05-01",
            Self::ResourceManager => "2020-03-31",
            Self::Ecs => "2014-05-26",
        }
    }

    /// The service's name in one snake_case word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sts => "sts",
            Self::Ims => "ims",
            Self::Ram => "ram",
            Self::ResourceManager => "resource_manager",
            Self::Ecs => "ecs",
        }
    }

    fn default_host(self, network: Network, region: Option<&str>) -> Result<String, EndpointError> {
        Ok(match (self, network, region) {
            (Self::Sts, Network::Public, None) => "sts.aliyuncs.com".into(),
            (Self::Sts, Network::Public, Some(region)) => format!("sts.{region}.aliyuncs.com"),
            (Self::Sts, Network::Vpc, Some(region)) => format!("sts-vpc.{region}.aliyuncs.com"),
            (Self::Ecs, Network::Public, None) => "ecs.aliyuncs.com".into(),
            (Self::Ecs, Network::Public, Some(region)) => format!("ecs.{region}.aliyuncs.com"),
            (Self::Ecs, Network::Vpc, Some(region)) => format!("ecs-vpc.{region}.aliyuncs.com"),
            // Inside a private network without a region nothing can be asked of it; STS then needs its own address, too.
            (Self::Ecs, Network::Vpc, None) => "ecs.aliyuncs.com".into(),
            (Self::Sts, Network::Vpc, None) => return Err(EndpointError::RegionNeeded),
            (Self::Ims, Network::Public, _) => "ims.aliyuncs.com".into(),
            (Self::Ims, Network::Vpc, _) => "ims.vpc-proxy.aliyuncs.com".into(),
            (Self::Ram, Network::Public, _) => "ram.aliyuncs.com".into(),
            (Self::Ram, Network::Vpc, _) => "ram.vpc-proxy.aliyuncs.com".into(),
            (Self::ResourceManager, ..) => "resourcemanager.aliyuncs.com".into(),
        })
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// From where the services are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// Over the Internet.
    #[default]
    Public,
    /// From inside a virtual private cloud of Alibaba Cloud.
    Vpc,
}

/// What decides the addresses.
#[derive(Debug, Clone, Default)]
pub struct EndpointSettings {
    /// From where the services are called.
    pub network: Network,
    /// The region whose STS is called, e.g. `eu-central-1`; without it the global STS host (public network only).
    pub region: Option<String>,
    /// Addresses in place of the defaults, e.g. `https://ims.internal.example:8443`.
    pub overrides: BTreeMap<Service, String>,
    /// Accepts `http://` for overrides beyond this machine. Without it plain HTTP is accepted for
    /// loopback addresses only: signatures do not hide what is read.
    pub allow_plain_http: bool,
}

/// Why an address cannot be used; each text names the mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// STS has no global host inside private networks.
    #[error("the VPC endpoint of sts depends on the region: set the region, or override the endpoint of sts")]
    RegionNeeded,
    /// The region would not make a host name.
    #[error("{region:?} is not a region: use an id like \"eu-central-1\"")]
    BadRegion {
        /// The region as given.
        region: String,
    },
    /// The override is not a bare HTTP address.
    #[error("endpoint of {service} {url:?} {what}: write it like \"https://host\" or \"https://host:port\"")]
    BadUrl {
        /// The service.
        service: Service,
        /// The address as given.
        url: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Plain HTTP to another machine.
    #[error(
        "endpoint of {service} {url:?} is plain http beyond this machine: use https, or allow plain http expressly"
    )]
    PlainHttp {
        /// The service.
        service: Service,
        /// The address as given.
        url: String,
    },
}

/// One address per service, and for ECS one per region.
#[derive(Debug, Clone)]
pub struct Endpoints {
    by_service: BTreeMap<Service, Endpoint>,
    network: Network,
    /// ECS is called at one address in every region.
    ecs_is_overridden: bool,
}

/// An address, and the host as it is signed.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    pub(super) url: Url,
    pub(super) host: String,
}

impl Endpoints {
    /// Works out and checks every address.
    ///
    /// # Errors
    ///
    /// The first address that cannot be used.
    pub fn new(settings: &EndpointSettings) -> Result<Self, EndpointError> {
        let region = settings.region.as_deref();
        if let Some(region) = region
            && !is_region(region)
        {
            return Err(EndpointError::BadRegion { region: region.to_owned() });
        }
        let mut by_service = BTreeMap::new();
        for &service in Service::ALL {
            let url = match settings.overrides.get(&service) {
                Some(url) => url.clone(),
                None => format!("https://{}", service.default_host(settings.network, region)?),
            };
            by_service.insert(service, Endpoint::parse(service, &url, settings.allow_plain_http)?);
        }
        let ecs_is_overridden = settings.overrides.contains_key(&Service::Ecs);
        Ok(Self { by_service, network: settings.network, ecs_is_overridden })
    }

    /// Where `service` answers; for a regional service that of `region`, where a call is about one.
    pub(super) fn of(&self, service: Service, region: Option<&str>) -> Cow<'_, Endpoint> {
        let regional = region.filter(|region| service == Service::Ecs && is_region(region) && !self.ecs_is_overridden);
        let host = regional.and_then(|region| service.default_host(self.network, Some(region)).ok());
        match host.and_then(|host| Endpoint::parse(service, &format!("https://{host}"), false).ok()) {
            Some(endpoint) => Cow::Owned(endpoint),
            None => Cow::Borrowed(self.by_service.get(&service).expect("new() fills in every service")),
        }
    }
}

impl Endpoint {
    fn parse(service: Service, text: &str, allow_plain_http: bool) -> Result<Self, EndpointError> {
        let bad = |what| EndpointError::BadUrl { service, url: text.to_owned(), what };
        let url = Url::parse(text).map_err(|_| bad("is not a URL"))?;
        if !url.username().is_empty() || url.password().is_some() {
            // The address is shown in errors and logs; whatever stands here must not be.
            return Err(EndpointError::BadUrl { service, url: "…".into(), what: "carries a user name or password" });
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(bad("has a path, a query or a fragment"));
        }
        let host = url.host_str().ok_or_else(|| bad("has no host"))?;
        match url.scheme() {
            "https" => {}
            "http" if allow_plain_http || is_loopback(host) => {}
            "http" => return Err(EndpointError::PlainHttp { service, url: text.to_owned() }),
            _ => return Err(bad("is neither https nor http")),
        }
        // `port()` is None for the scheme's default port, which HTTP clients leave out of `Host`, too.
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Ok(Self { url, host })
    }
}

/// Whether it can stand in a host name as one label, as the id of a region does.
pub(super) fn is_region(text: &str) -> bool {
    (1..=63).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::{EndpointError, EndpointSettings, Endpoints, Network, Service};

    fn with_override(service: Service, url: &str) -> EndpointSettings {
        EndpointSettings { overrides: [(service, url.to_owned())].into(), ..EndpointSettings::default() }
    }

    fn hosts(settings: &EndpointSettings) -> Vec<String> {
        let endpoints = Endpoints::new(settings).unwrap();
        Service::ALL.iter().map(|&service| endpoints.of(service, None).url.to_string()).collect()
    }

    #[test]
    fn default_hosts_are_public_and_https() {
        assert_eq!(
            hosts(&EndpointSettings::default()),
            [
                "https://sts.aliyuncs.com/",
                "https://ims.aliyuncs.com/",
                "https://ram.aliyuncs.com/",
                "https://resourcemanager.aliyuncs.com/",
                "https://ecs.aliyuncs.com/"
            ]
        );
    }

    #[test]
    fn a_private_network_has_hosts_of_its_own_and_needs_a_region_for_sts() {
        let mut settings = EndpointSettings { network: Network::Vpc, ..EndpointSettings::default() };
        assert_eq!(Endpoints::new(&settings).unwrap_err(), EndpointError::RegionNeeded);
        settings.region = Some("eu-central-1".into());
        assert_eq!(
            hosts(&settings)[..2],
            ["https://sts-vpc.eu-central-1.aliyuncs.com/", "https://ims.vpc-proxy.aliyuncs.com/"]
        );
        settings.region = Some("evil.example/".into());
        assert!(matches!(Endpoints::new(&settings), Err(EndpointError::BadRegion { .. })));
    }

    #[test]
    fn each_region_of_ecs_has_a_host_of_its_own_and_an_override_stands_for_all_of_them() {
        let host = |settings: &EndpointSettings, region: &str| {
            Endpoints::new(settings).unwrap().of(Service::Ecs, Some(region)).url.to_string()
        };
        let public = EndpointSettings::default();
        assert_eq!(host(&public, "eu-central-1"), "https://ecs.eu-central-1.aliyuncs.com/");
        let region = Some("cn-hangzhou".into());
        let vpc = EndpointSettings { network: Network::Vpc, region, ..EndpointSettings::default() };
        assert_eq!(host(&vpc, "eu-central-1"), "https://ecs-vpc.eu-central-1.aliyuncs.com/");
        assert_eq!(host(&with_override(Service::Ecs, "http://127.0.0.1:1"), "eu-central-1"), "http://127.0.0.1:1/");
    }

    #[test]
    fn a_region_never_leads_a_signed_request_to_another_domain() {
        let endpoints = Endpoints::new(&EndpointSettings::default()).unwrap();
        for region in ["", "evil.example/", "a.b", "x@evil.example", "x#", "x?", "EU", "ü", &"a".repeat(64)] {
            let endpoint = endpoints.of(Service::Ecs, Some(region)).into_owned();
            assert_eq!(endpoint.host, "ecs.aliyuncs.com", "{region}");
        }
        assert_eq!(endpoints.of(Service::Ram, Some("eu-central-1")).host, "ram.aliyuncs.com", "it is global");
    }

    #[test]
    fn the_signed_host_carries_a_port_only_if_it_is_not_the_default_one() {
        for (url, host) in [
            ("https://ims.example:8443", "ims.example:8443"),
            ("https://ims.example:443", "ims.example"),
            ("http://127.0.0.1:80/", "127.0.0.1"),
            ("http://[::1]:8080", "[::1]:8080"),
        ] {
            let endpoints = Endpoints::new(&with_override(Service::Ims, url)).unwrap();
            assert_eq!(endpoints.of(Service::Ims, None).host, host);
        }
    }

    #[test]
    fn plain_http_beyond_this_machine_needs_an_express_word() {
        let mut settings = with_override(Service::Ram, "http://simulator:8080");
        assert!(matches!(Endpoints::new(&settings), Err(EndpointError::PlainHttp { service: Service::Ram, .. })));
        settings.allow_plain_http = true;
        assert!(Endpoints::new(&settings).is_ok());
        assert!(Endpoints::new(&with_override(Service::Ram, "http://localhost:8080")).is_ok());
    }

    #[test]
    fn an_override_that_is_not_a_bare_address_is_refused_and_a_password_in_it_is_not_shown() {
        for url in ["ram.example", "https://ram.example/path", "https://ram.example?x=1", "ftp://ram.example"] {
            let error = Endpoints::new(&with_override(Service::Ram, url)).unwrap_err();
            assert!(matches!(error, EndpointError::BadUrl { .. }), "{url}: {error}");
        }
        let error = Endpoints::new(&with_override(Service::Ram, "https://me:hush@ram.example")).unwrap_err();
        assert!(!error.to_string().contains("hush"), "{error}");
    }
}
