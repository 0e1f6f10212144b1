//! Asking a daemon over HTTP: where it is, with which token, and what its refusals mean for the exit code.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::{Method, Response, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::Exit;
use super::told::Told;
use crate::config::Config;
use crate::secret::Secret;

/// Brokers take their time to acknowledge a request.
const TIMEOUT: Duration = Duration::from_secs(45);
/// How often it is asked how a request stands.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A daemon may restart while it is waited for, and reads the state before it knows anything.
const PATIENCE: Duration = Duration::from_secs(300);

/// Where the daemon is.
#[derive(Debug, clap::Args)]
pub(super) struct Where {
    /// The address at which the daemon takes requests [default: listen.admin]
    #[arg(long, value_name = "URL")]
    url: Option<Url>,
}

/// A daemon that can be asked.
pub(super) struct Daemon {
    http: reqwest::Client,
    base: String,
    account: String,
    token: Option<Secret>,
}

/// Why it did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error("listen.admin is \"off\" in this configuration; name the daemon with --url")]
    Off,
    #[error(
        "no daemon answers at {base} ({reason}); is `ramstream run` up, and is that its listen.admin? --url names \
         another address"
    )]
    NotThere { base: String, reason: String },
    #[error("{base} answered {status}, but not as ramstream does; is that the daemon's listen.admin?")]
    Foreign { base: String, status: StatusCode },
    #[error("{base}: {detail}{mend}")]
    Refused { base: String, status: StatusCode, detail: String, mend: &'static str },
}

impl AskError {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Off => Exit::Usage,
            Self::NotThere { .. } | Self::Foreign { .. } => Exit::Unavailable,
            Self::Refused { status, .. } => match *status {
                StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Exit::Usage,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Exit::Unavailable,
                _ => Exit::Failed,
            },
        }
    }

    /// Whether no daemon was found, so that another way to ask may help.
    pub(super) fn found_nobody(&self) -> bool {
        matches!(self, Self::Off | Self::NotThere { .. })
    }

    fn is_unknown_request(&self) -> bool {
        matches!(self, Self::Refused { status: StatusCode::NOT_FOUND, .. })
    }
}

/// What a daemon says of itself.
#[derive(Debug, Deserialize)]
pub(super) struct Status {
    pub(super) phase: String,
    pub(super) detail: Option<String>,
}

#[derive(Deserialize)]
struct Problem {
    detail: String,
}

impl Daemon {
    pub(super) fn of(config: &Config, at: &Where) -> Result<Self, AskError> {
        let base = match (&at.url, config.listen.admin) {
            (Some(url), _) => url.as_str().trim_end_matches('/').to_owned(),
            (None, Some(address)) => {
                let scheme = if config.listen.tls.is_some() { "https" } else { "http" };
                format!("{scheme}://{}", reachable(address))
            }
            (None, None) => return Err(AskError::Off),
        };
        // Neither a redirect nor a proxy from the environment decides where the token goes.
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| AskError::NotThere { base: base.clone(), reason: chain(&error) })?;
        Ok(Self { http, base, account: config.account.id.clone(), token: config.admin.token.clone() })
    }

    /// Asks, and reads the answer.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, AskError> {
        let mut request = self.http.request(method, format!("{}/v1/accounts/{}/{path}", self.base, self.account));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(|error| self.not_there(&error))?;
        if !answer.status().is_success() {
            return Err(self.refused(answer).await);
        }
        let status = answer.status();
        answer.json().await.map_err(|_| AskError::Foreign { base: self.base.clone(), status })
    }

    /// Says on standard error if others will have to serve what is asked here.
    pub(super) async fn tell_who_serves(&self) -> Result<(), AskError> {
        let status: Status = self.ask(Method::GET, "status", None).await?;
        let detail = status.detail.map(|detail| format!(": {detail}")).unwrap_or_default();
        match status.phase.as_str() {
            "parked" => eprintln!("this copy is parked; requests are served by the owner{detail}"),
            "refused" | "unavailable" | "failing" => {
                eprintln!("nothing is served at the moment; the request waits{detail}")
            }
            _ => {}
        }
        Ok(())
    }

    /// Waits until the request has ended, and shows meanwhile how it stands.
    pub(super) async fn wait(&self, mut told: Told, path: &str) -> Result<Told, AskError> {
        let mut heard_at = Instant::now();
        let mut rows_shown_at: Option<Instant> = None;
        let mut shown = String::new();
        loop {
            let line = told.progress();
            // Rows are counted faster than anybody reads.
            let is_time = !told.is_sending() || rows_shown_at.is_none_or(|at| at.elapsed() >= Duration::from_secs(1));
            if line != shown && is_time {
                eprintln!("{line}");
                shown = line;
                rows_shown_at = told.is_sending().then(Instant::now);
            }
            if told.has_ended() {
                return Ok(told);
            }
            sleep(LOOK_EVERY).await;
            match self.ask(Method::GET, path, None).await {
                Ok(news) => (told, heard_at) = (news, Instant::now()),
                // It restarts, or has not read what another process has appended.
                Err(error) if error.exit() == Exit::Unavailable || error.is_unknown_request() => {
                    if heard_at.elapsed() >= PATIENCE {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn not_there(&self, error: &reqwest::Error) -> AskError {
        AskError::NotThere { base: self.base.clone(), reason: chain(error) }
    }

    async fn refused(&self, answer: Response) -> AskError {
        let (base, status) = (self.base.clone(), answer.status());
        let Ok(Problem { detail }) = answer.json().await else { return AskError::Foreign { base, status } };
        let mend = match status {
            StatusCode::UNAUTHORIZED => {
                "; this command takes the token from admin.token_file or RAMSTREAM_ADMIN__TOKEN"
            }
            _ => "",
        };
        AskError::Refused { base, status, detail, mend }
    }
}

/// An address that everybody is listened to at is reached at this machine's own.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// The innermost cause: what the system says.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// Tells why, and the exit code for it.
pub(super) fn refused(error: &AskError) -> Exit {
    eprintln!("ramstream: {error}");
    error.exit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_everywhere_is_reached_here() {
        let reached = |address: &str| reachable(address.parse().unwrap()).to_string();
        assert_eq!(reached("0.0.0.0:9465"), "127.0.0.1:9465");
        assert_eq!(reached("[::]:9465"), "[::1]:9465");
        assert_eq!(reached("192.0.2.1:9465"), "192.0.2.1:9465");
    }
}
