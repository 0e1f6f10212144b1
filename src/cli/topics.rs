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
    /// List the topics with the settings they should have, without asking a broker
    #[command(
        after_help = "Examples:\n  ramstream topics list\n  ramstream topics list --format json | jq -r .topics[].name"
    )]
    List {
        /// Output format: a table for people, one JSON document for programs
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Create missing topics, whatever kafka.create_topics says; change none that exists
    ///
    /// Exit codes: 0 every topic is as it should be, 77 one would be refused, 69 the brokers cannot be reached.
    #[command(after_help = "Examples:\n  ramstream topics create\n  \
                            ramstream topics create --print > topics.sh    for whoever may create topics")]
    Create {
        /// Print the commands of Kafka's own tool instead, without asking a broker
        #[arg(long)]
        print: bool,
    },
    /// Compare the topics with what they should be; change nothing
    ///
    /// Exit codes: 0 every topic is as it should be or would be created, 77 one would be refused, 69 the brokers cannot be reached.
    #[command(after_help = "Examples:\n  ramstream topics describe\n  \
                            ramstream topics describe --format json | jq '.topics[] | select(.findings != [])'")]
    Describe {
        /// Output format: a table for people, one JSON document for programs
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Print the commands of Kafka's own tool that grant everybody the rights they need, and no more
    ///
    /// Names come from the configuration; the writer gets `Create` if kafka.create_topics is true. Read the commands, then run
    /// them with Kafka's bin directory on PATH. They only grant, never deny or revoke: the brokers must refuse what no rule
    /// allows (allow.everyone.if.no.acl.found=false). Run it once per account if several accounts share the topics.
    #[command(after_help = acls::EXAMPLES)]
    Acls(acls::Args),
}

pub(super) async fn run(args: &Args, file: Option<&Path>) -> anyhow::Result<Exit> {
    let config = configure(file, Purpose::Kafka)?;
    let Publishing { kafka, .. } = config.publishing.as_ref().context("kafka is not configured")?;
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
            writeln!(out, "  {word}: {} {}\n    fix: {}", finding.setting, finding.reason, finding.mend)?;
        }
    }
    let refused = reports.iter().filter(|report| report.is_refused()).count();
    match refused {
        0 => writeln!(out, "\n{} topics, nothing prevents publishing", reports.len()),
        _ => writeln!(out, "\n{} topics, {refused} refused: nothing would be published", reports.len()),
    }
}

fn presence(report: &TopicReport) -> &'static str {
    match (report.presence, report.findings.is_empty()) {
        (Presence::Created, _) => "created",
        (Presence::Found, true) => "as it should be",
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
            "fix": finding.mend })
    });
    json!({ "name": report.name, "presence": presence, "findings": findings.collect::<Vec<_>>() })
}
