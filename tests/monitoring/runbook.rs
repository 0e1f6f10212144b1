//! The links of the runbook, and those to it, lead somewhere.

use std::collections::BTreeSet;

use ramstream::model::Reason;

const RUNBOOK: &str = include_str!("../../docs/runbook.md");
const README: &str = include_str!("../../README.md");

/// As pages show headings: lower case, blanks as dashes, no punctuation.
pub(crate) fn anchors() -> BTreeSet<String> {
    let headings =
        RUNBOOK.lines().filter(|line| line.starts_with("##")).map(|line| line.trim_start_matches('#').trim());
    let kept = |c: &char| c.is_alphanumeric() || *c == ' ' || *c == '-';
    headings.map(|heading| heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")).collect()
}

fn links_to<'a>(page: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
    page.split(start).skip(1).filter_map(|rest| rest.split(')').next())
}

#[test]
fn every_reason_for_not_knowing_is_told_of() {
    let section = RUNBOOK.split("### RamstreamPartial\n").nth(1).and_then(|rest| rest.split("\n### ").next()).unwrap();
    for reason in Reason::ALL.iter().filter(|reason| **reason != Reason::Off) {
        assert!(section.contains(&format!("`{}`", reason.as_str())), "{}", reason.as_str());
    }
}

#[test]
fn every_link_to_a_section_leads_to_one() {
    let anchors = anchors();
    let links: Vec<&str> = links_to(RUNBOOK, "](#").chain(links_to(README, "](docs/runbook.md#")).collect();
    assert!(links.len() > 10, "{links:?}");
    for link in links {
        assert!(anchors.contains(link), "#{link} leads nowhere; there are {anchors:?}");
    }
}
