//! What every command with a configuration begins with: load it, begin to log, tell the warnings.

use std::path::{Path, PathBuf};

use tracing::warn;

use super::logging;
use crate::config::{self, Config, Purpose};

/// The file to read: as typed, or as `RAMSTREAM_CONFIG` says; `None` = the default one, if it is there.
pub(super) fn config_file(typed: Option<PathBuf>) -> Option<PathBuf> {
    let variable = || std::env::var_os(config::FILE_VARIABLE).filter(|name| !name.is_empty());
    typed.or_else(|| variable().map(PathBuf::from))
}

/// The configuration, for a command that does `purpose`; logging has begun afterwards.
///
/// # Errors
/// [`config::Refused`], or that logging has begun already.
pub fn configure(file: Option<&Path>, purpose: Purpose) -> anyhow::Result<Config> {
    let loaded = config::load(file, std::env::vars_os(), purpose)?;
    logging::start(&loaded.config.log)?;
    for warning in loaded.warnings {
        warn!(key = warning.key, fix = warning.mend, "configuration: {}", warning.reason);
    }
    Ok(loaded.config)
}
