//! `[listen]`, `[admin]` and `[log]`: what the daemon shows of itself, and who may ask.

use std::net::SocketAddr;
use std::path::PathBuf;

use tracing_subscriber::EnvFilter;

use super::parse::{self, Parsed};
use super::problem::Fault;
use super::reader::Reader;
use super::source::Raw;
use crate::secret::Secret;

/// Where the daemon listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// `listen.metrics`: for `/metrics`, `/livez` and `/readyz`; `None` = nowhere.
    pub metrics: Option<SocketAddr>,
    /// `listen.admin`: for requests; `None` = nowhere.
    pub admin: Option<SocketAddr>,
    /// What both speak TLS with; `None` = plain HTTP.
    pub tls: Option<TlsFiles>,
}

/// The files of a listener's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// `listen.tls_certificate_file`: PEM certificates, the listener's own first.
    pub certificate: PathBuf,
    /// `listen.tls_key_file`: its private key, PEM.
    pub key: PathBuf,
}

impl TlsFiles {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        const CERTIFICATE: &str = "listen.tls_certificate_file";
        const KEY: &str = "listen.tls_key_file";
        let (certificate, key) = (r.optional(CERTIFICATE, parse::file), r.secret_file(KEY));
        match (r.is_given(CERTIFICATE), r.is_given(KEY)) {
            (true, false) => r.missing(KEY, "name the file with the certificate's private key (PEM)"),
            (false, true) => r.missing(CERTIFICATE, "name the file with the certificate of that key (PEM)"),
            _ => {}
        }
        Some(Self { certificate: certificate?, key: key? })
    }
}

impl Listen {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let address = parse::or_word("off", parse::socket_address);
        Self {
            metrics: r.value("listen.metrics", "127.0.0.1:9464", &address),
            admin: r.value("listen.admin", "127.0.0.1:9465", &address),
            tls: TlsFiles::read(r),
        }
    }
}

/// Who may ask over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Admin {
    /// `admin.token`, or what `admin.token_file` holds: whoever shows it may ask. Without one, everybody on this machine.
    pub token: Option<Secret>,
}

/// A shorter token can be guessed.
const TOKEN_MIN_CHARS: usize = 16;

impl Admin {
    pub(super) fn read(r: &mut Reader<'_>, listen: &Listen) -> Self {
        let token = r.secret("admin.token");
        let key = if r.is_given("admin.token") { "admin.token" } else { "admin.token_file" };
        let mend = "make one with `openssl rand -hex 32`";
        if let Some(token) = &token {
            let is_sent_whole = |byte: u8| byte.is_ascii_graphic();
            if !token.expose().bytes().all(is_sent_whole) {
                r.fault(key, "the token has spaces or characters that an HTTP header cannot carry", mend);
            } else if token.expose().len() < TOKEN_MIN_CHARS {
                r.fault(key, format!("the token is shorter than {TOKEN_MIN_CHARS} characters"), mend);
            }
        }
        let is_given = token.is_some() || r.is_given("admin.token") || r.is_given("admin.token_file");
        if let Some(address) = listen.admin.filter(|address| !address.ip().is_loopback() && !is_given) {
            r.fault(
                "listen.admin",
                format!("{address} is not a loopback address, and without a token anybody could send requests to it"),
                "set admin.token_file (or RAMSTREAM_ADMIN__TOKEN), or listen on 127.0.0.1:9465, or write \"off\"",
            );
        }
        Self { token }
    }
}

/// How log lines look, and which there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// `log.format`.
    pub format: LogFormat,
    /// `log.level`: a filter in tracing's notation, such as `info` or `info,ramstream::sync=debug`.
    pub level: String,
}

/// `log.format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

const FORMATS: &[(&str, LogFormat)] =
    &[("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];

impl Log {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        Self {
            format: r.value("log.format", "auto", parse::one_of(FORMATS)),
            level: r.value("log.level", "info", level),
        }
    }
}

impl Default for Log {
    /// For commands that have no configuration.
    fn default() -> Self {
        Self { format: LogFormat::Auto, level: "info".to_owned() }
    }
}

fn level(raw: &Raw) -> Parsed<String> {
    let level = parse::text(raw)?;
    match EnvFilter::try_new(&level) {
        Ok(_) => Ok(level),
        Err(error) => Err(Fault::new(
            format!("{level:?}: {error}"),
            "write error, warn, info, debug or trace, or a list such as \"info,ramstream::sync=debug\"",
        )),
    }
}
