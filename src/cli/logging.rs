//! Log lines on standard error: text on a terminal, JSON elsewhere.

use std::io::{IsTerminal, stderr};

use anyhow::Context;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::{Log, LogFormat};

/// Libraries that talk too much at `info`; a filter that names them outranks this.
const QUIETER: &str = "librdkafka=warn,rdkafka=warn,hyper=warn,hyper_util=warn,reqwest=warn";

/// Begins logging as `log` says; `RUST_LOG`, if set, outranks its level.
///
/// # Errors
/// If logging has begun already.
pub(super) fn start(log: &Log) -> anyhow::Result<()> {
    let level = std::env::var("RUST_LOG").ok().filter(|level| !level.is_empty()).unwrap_or_else(|| log.level.clone());
    let begun = tracing_subscriber::registry().with(lines(log.format)).with(filter(&level)).try_init();
    begun.context("beginning to log")
}

/// Parts of `level` that are no filter are named on standard error and left out.
fn filter(level: &str) -> EnvFilter {
    EnvFilter::builder().parse_lossy(format!("{QUIETER},{level}"))
}

fn lines(format: LogFormat) -> Box<dyn Layer<Registry> + Send + Sync> {
    let on_terminal = stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(stderr);
    let as_text = match format {
        LogFormat::Auto => on_terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    if as_text {
        let coloured = on_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        lines.with_ansi(coloured).boxed()
    } else {
        lines.json().flatten_event(true).with_span_list(false).boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::filter;

    /// The directives of a filter, in its own notation.
    fn directives(level: &str) -> BTreeSet<String> {
        filter(level).to_string().split(',').map(str::to_owned).collect()
    }

    #[test]
    fn a_filter_that_names_librdkafka_outranks_the_default_for_it() {
        assert!(directives("debug").is_superset(&["debug".into(), "librdkafka=warn".into()].into()));
        let named = directives("info,librdkafka=debug");
        assert!(named.contains("librdkafka=debug") && !named.contains("librdkafka=warn"), "{named:?}");
    }
}
