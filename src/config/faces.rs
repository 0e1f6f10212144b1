//! `[listen]` and `[log]`: what the daemon shows of itself.

use std::net::SocketAddr;

use tracing_subscriber::EnvFilter;

use super::parse::{self, Parsed};
use super::problem::Fault;
use super::reader::Reader;
use super::source::Raw;

/// Where the daemon listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// `listen.metrics`: for `/metrics`, `/livez` and `/readyz`; `None` = nowhere.
    pub metrics: Option<SocketAddr>,
}

impl Listen {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let address = parse::or_word("off", parse::socket_address);
        Self { metrics: r.value("listen.metrics", "127.0.0.1:9464", address) }
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
