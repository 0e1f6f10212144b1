//! The exit codes of the program, of its help and of the runbook.

use std::collections::BTreeSet;
use std::process::Command;

use ramstream::cli::Exit;

use crate::runbook::anchors;

/// Every code there is; a new one does not compile until it is here.
fn every_code() -> BTreeSet<u8> {
    use Exit::{Complete, Different, Failed, Partial, Refused, Superseded, Unavailable, Usage};
    let next = |exit| match exit {
        Complete => Some(Failed),
        Failed => Some(Different),
        Different => Some(Partial),
        Partial => Some(Usage),
        Usage => Some(Unavailable),
        Unavailable => Some(Superseded),
        Superseded => Some(Refused),
        Refused => None,
    };
    std::iter::successors(Some(Complete), |exit| next(*exit)).map(|exit| exit as u8).collect()
}

#[test]
fn every_exit_code_has_its_section_in_the_runbook_and_every_section_its_code() {
    let sections = anchors().into_iter().filter_map(|anchor| anchor.strip_prefix("exit-")?.parse().ok());
    assert_eq!(sections.collect::<BTreeSet<u8>>(), every_code());
}

#[test]
fn the_help_tells_every_exit_code() {
    let help = Command::new(env!("CARGO_BIN_EXE_ramstream")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let codes = help.split("Exit codes:").nth(1).unwrap().split(|c: char| !c.is_ascii_digit());
    assert_eq!(codes.filter_map(|code| code.parse().ok()).collect::<BTreeSet<u8>>(), every_code());
}
