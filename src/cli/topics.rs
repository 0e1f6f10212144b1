//! `ramstream topics`: the topics as they should be and as they are, and who needs which rights on them.

mod acls;

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use clap::Subcommand;
use serde_json::{Value, json};

use super::format::{Format, write_json};
use super::{Exit, assemble, configure};
use crate::config::{Publishing, Purpose};
use crate::kafka::topics::{Cleanup, Presence, Severity, TopicReport, TopicSpec};
use crate::sync::AccountTopics;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the topics with the settings that they are to have; no broker is asked
    #[command(
        after_help = "Examples:\n  ramstream topics list\n  ramstream topics list --format json | jq -r .topics[].name"
    )]
    List {
        /// How to print: a table for people, one JSON document for programs
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Create the topics that are missing, whatever kafka.create_topics says; none that exists is changed
    ///
    /// Exit codes: 0 all are there as wanted, 77 one is not and would be refused, 69 the brokers cannot be reached.
    #[command(after_help = "Examples:\n  ramstream topics create\n  \
                            ramstream topics create --print > topics.sh    for somebody who may create topics")]
    Create {
        /// Print the commands of Kafka's own tool instead; no broker is asked
        #[arg(long)]
        print: bool,
    },
    /// Hold the topics against what they should be; nothing is changed
    ///
    /// Exit codes: 0 all are there as wanted or would be created, 77 one would be refused, 69 the brokers cannot be reached.
    #[command(after_help = "Examples:\n  ramstream topics describe\n  \
                            ramstream topics describe --format json | jq '.topics[] | select(.findings != [])'")]
    Describe {
        /// How to print: a table for people, one JSON document for programs
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Print the commands of Kafka's own tool that give everybody the rights that they need, and no more
    ///
    /// Names come from the configuration; `Create` is among the writer's rights where kafka.create_topics is true. Read the
    /// commands, then run them. Nothing in them denies or takes away: brokers have to refuse what no rule allows
    /// (allow.everyone.if.no.acl.found=false). One run is for one account; where several share the topics, run it for each.
    #[command(after_help = acls::EXAMPLES)]
    Acls(acls::Args),
}

pub(super) async fn run(args: &Args, file: Option<&Path>) -> anyhow::Result<Exit> {
    let config = configure(file, Purpose::Topics)?;
    let Publishing { kafka, .. } = config.publishing.as_ref().context("kafka and registry are not configured")?;
    let account = assemble::account_topics(&config, kafka);
    match &args.what {
        What::List { format } => list(&account.plan(), *format),
        What::Create { print: true } => print_commands(&account),
        What::Create { print: false } => show(&account, account.create_topics().await, Format::Table),
        What::Describe { format } => show(&account, account.look_at_topics().await, *format),
        What::Acls(args) => acls::run(args, &account, kafka.create_topics),
    }
}

fn list(plan: &[TopicSpec], format: Format) -> anyhow::Result<Exit> {
    let mut out = io::stdout().lock();
    if format == Format::Json {
        let topics: Vec<Value> = plan.iter().map(spec_as_json).collect();
        write_json(&mut out, &json!({ "topics": topics }))?;
        return Ok(Exit::Complete);
    }
    let width = plan.iter().map(|spec| spec.name.len()).max().unwrap_or(0);
    writeln!(out, "{:width$}  PARTITIONS  REPLICAS  CLEANUP  RETENTION", "TOPIC")?;
    for spec in plan {
        let retention = spec.retention.map_or_else(|| "for ever".to_owned(), days);
        let (partitions, replicas, cleanup) = (spec.partitions, spec.replication, cleanup(spec.cleanup));
        writeln!(out, "{:width$}  {partitions:>10}  {replicas:>8}  {cleanup:<7}  {retention}", spec.name)?;
    }
    Ok(Exit::Complete)
}

fn cleanup(cleanup: Cleanup) -> &'static str {
    match cleanup {
        Cleanup::Compact => "compact",
        Cleanup::Delete => "delete",
    }
}

fn days(retention: Duration) -> String {
    let hours = retention.as_secs() / 3600;
    if hours.is_multiple_of(24) { format!("{} d", hours / 24) } else { format!("{hours} h") }
}

fn spec_as_json(spec: &TopicSpec) -> Value {
    let settings: serde_json::Map<String, Value> =
        spec.all_settings().into_iter().map(|(name, value)| (name, Value::from(value))).collect();
    json!({ "name": spec.name, "partitions": spec.partitions, "replication": spec.replication, "settings": settings })
}

fn print_commands(account: &AccountTopics) -> anyhow::Result<Exit> {
    let mut out = io::stdout().lock();
    for command in account.commands_for_all_topics() {
        writeln!(out, "{command}")?;
    }
    Ok(Exit::Complete)
}

fn show<E: std::fmt::Display>(
    account: &AccountTopics,
    looked: Result<Vec<TopicReport>, E>,
    format: Format,
) -> anyhow::Result<Exit> {
    let reports = match looked {
        Ok(reports) => reports,
        Err(error) => {
            eprintln!("ramstream: {error}");
            return Ok(Exit::Unavailable);
        }
    };
    let mut out = io::stdout().lock();
    match format {
        Format::Table => print_reports(&mut out, &reports)?,
        Format::Json => {
            let topics: Vec<Value> = reports.iter().map(report_as_json).collect();
            write_json(&mut out, &json!({ "account_id": account.account_id, "topics": topics }))?;
        }
    }
    Ok(if reports.iter().any(TopicReport::is_refused) { Exit::Refused } else { Exit::Complete })
}

fn print_reports(out: &mut impl Write, reports: &[TopicReport]) -> io::Result<()> {
    let width = reports.iter().map(|report| report.name.len()).max().unwrap_or(0);
    for report in reports {
        writeln!(out, "{:width$}  {}", report.name, presence(report))?;
        for finding in &report.findings {
            let word = severity(finding.severity);
            writeln!(out, "  {word}: {} {}\n    mend: {}", finding.setting, finding.reason, finding.mend)?;
        }
    }
    let refused = reports.iter().filter(|report| report.is_refused()).count();
    match refused {
        0 => writeln!(out, "\n{} topics, nothing stands against publishing", reports.len()),
        _ => writeln!(out, "\n{} topics, {refused} refused: nothing would be published", reports.len()),
    }
}

fn presence(report: &TopicReport) -> &'static str {
    match (report.presence, report.findings.is_empty()) {
        (Presence::Created, _) => "created",
        (Presence::Found, true) => "as wanted",
        (Presence::Found, false) => "found",
        (Presence::Missing, true) => "missing; the brokers would let it be created",
        (Presence::Missing, false) => "missing",
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Refused => "refused",
        Severity::Warning => "warning",
    }
}

fn report_as_json(report: &TopicReport) -> Value {
    let presence = match report.presence {
        Presence::Found => "found",
        Presence::Created => "created",
        Presence::Missing => "missing",
    };
    let findings = report.findings.iter().map(|finding| {
        json!({ "severity": severity(finding.severity), "setting": finding.setting, "reason": finding.reason,
            "mend": finding.mend })
    });
    json!({ "name": report.name, "presence": presence, "findings": findings.collect::<Vec<_>>() })
}
