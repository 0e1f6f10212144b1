//! Whether there is a configuration, and what is left to check with where there is only half of one.

use std::path::Path;

use super::report::{Part, Row};
use crate::cli::Exit;
use crate::config::{self, Config, Loaded, Problem, Purpose};

/// The configuration as far as it goes, and what is wrong with it.
pub(super) fn check(file: Option<&Path>) -> (Option<Config>, Vec<Row>) {
    let load = |purpose| config::load(file, std::env::vars_os(), purpose);
    match load(Purpose::Publishing) {
        Ok(Loaded { config, warnings, .. }) => {
            let warned = warnings
                .into_iter()
                .map(|Problem { key, reason, mend, .. }| Row::warning(Part::Configuration, key, reason, mend));
            let fine = Row::ok(Part::Configuration, "every key", "is known and has a valid value");
            (Some(config), [fine].into_iter().chain(warned).collect())
        }
        Err(refused) => {
            let rows = refused.problems.into_iter().map(|Problem { key, origin, reason, mend }| {
                let what = origin.map_or_else(|| key.clone(), |origin| format!("{key} ({origin})"));
                Row::failed(Part::Configuration, what, Exit::Usage, reason, mend)
            });
            // Where only the cloud's or only Kafka's half is wrong, the other can be looked at.
            let halves = [Purpose::Topics, Purpose::Reading, Purpose::Asking];
            (halves.into_iter().find_map(|purpose| Some(load(purpose).ok()?.config)), rows.collect())
        }
    }
}
