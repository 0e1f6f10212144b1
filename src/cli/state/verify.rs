//! `ramstream state verify`: the daemon's own verification, check by check.

use std::io::{self, Write};

use serde_json::json;

use super::{Exit, Format, how_to_make_the_topic_anew, write_json};
use crate::sync::{AccountTopics, Check, Finding, Refusal};

pub(super) async fn run(account: &AccountTopics, format: Format) -> anyhow::Result<Exit> {
    let checks = account.checks().await?;
    let mut out = io::stdout().lock();
    match format {
        Format::Table => print_table(&mut out, account, &checks)?,
        Format::Json => {
            let checks: Vec<_> = checks.iter().map(as_json).collect();
            let document = json!({ "account_id": account.account_id, "checks": checks });
            write_json(&mut out, &document)?;
        }
    }
    let is_sound = checks.iter().all(|check| matches!(check.finding, Finding::Holds));
    Ok(if is_sound { Exit::Complete } else { Exit::Refused })
}

fn print_table(out: &mut impl Write, account: &AccountTopics, checks: &[Check]) -> io::Result<()> {
    let refusals: Vec<&Refusal> = checks.iter().flat_map(Check::refusals).collect();
    for Check { name, promise, finding } in checks {
        writeln!(out, "{:<8}  {name:<9}  {promise}", verdict(finding))?;
    }
    for refusal in &refusals {
        writeln!(out, "\n{refusal}")?;
    }
    if refusals.iter().any(|refusal| refusal.needs_new_topic()) {
        writeln!(out, "\n{}", how_to_make_the_topic_anew(account))?;
    }
    match refusals.len() {
        0 => writeln!(out, "\nthe state of account {} is sound", account.account_id),
        _ => writeln!(out, "\nthe state of account {} is refused: nothing is published on it", account.account_id),
    }
}

fn verdict(finding: &Finding) -> &'static str {
    match finding {
        Finding::Holds => "holds",
        Finding::Refused(_) => "refused",
        Finding::NotJudged => "unknown",
    }
}

fn as_json(check: &Check) -> serde_json::Value {
    let refusals = check.refusals().iter().map(|refusal| {
        json!({ "section": refusal.section(), "what": refusal.what(), "fix": refusal.mend(),
            "needs_new_topic": refusal.needs_new_topic() })
    });
    json!({ "name": check.name, "promise": check.promise, "verdict": verdict(&check.finding),
        "refusals": refusals.collect::<Vec<_>>() })
}
