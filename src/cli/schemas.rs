//! `ramstream schemas`: what describes the records, here and in the registry.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use clap::Subcommand;
use serde_json::{Value, json};

use super::format::{Format, write_json};
use super::{Exit, assemble, configure, kinds};
use crate::avro::SYNCS_SCHEMA;
use crate::config::{self, Config, Publishing, Purpose};
use crate::kafka::RegistryError;
use crate::model::Kind;
use crate::sync::Topics;
use crate::sync::subjects::{Fit, Subject, SubjectReport, look_at, subjects};

/// What the schema of the sync records is called here.
const SYNCS: &str = "syncs";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the subjects with their topics, without asking the registry
    #[command(
        after_help = "Examples:\n  ramstream schemas list\n  ramstream schemas list --format json | jq -r .schemas[].subject"
    )]
    List {
        /// Output format: a table for people, one JSON document for programs
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Compare every schema with the registry; register nothing
    ///
    /// Exit codes: 0 every schema is registered or compatible, 77 one is not compatible, 69 the registry cannot be reached.
    #[command(after_help = "Examples:\n  ramstream schemas check\n  \
                            ramstream schemas check --format json | jq '.schemas[] | select(.state == \"unfit\")'")]
    Check {
        /// Output format: a table for people, one JSON document for programs
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Register missing schemas, whatever registry.mode says
    ///
    /// Exit codes: 0 every schema is registered, 77 the registry refuses one, 69 it cannot be reached.
    #[command(after_help = "Example:\n  ramstream schemas register    for registry.mode = \"lookup\"")]
    Register,
    /// Print a schema exactly as it is registered
    #[command(after_help = "Examples:\n  ramstream schemas print user\n  ramstream schemas print syncs > syncs.avsc")]
    Print {
        /// Kind, or `syncs`
        #[arg(value_name = "NAME", value_parser = schema)]
        name: Schema,
    },
}

/// A schema by its name.
#[derive(Debug, Clone, Copy)]
struct Schema(&'static str);

fn schema(name: &str) -> Result<Schema, String> {
    if name == SYNCS {
        return Ok(Schema(SYNCS_SCHEMA));
    }
    kinds::parse(name).map(|kind| Schema(kind.schema())).map_err(|told| format!("{told}, {SYNCS}"))
}

pub(super) async fn run(args: &Args, file: Option<&Path>) -> anyhow::Result<Exit> {
    if let What::Print { name: Schema(text) } = &args.what {
        writeln!(io::stdout().lock(), "{}", text.trim_end())?;
        return Ok(Exit::Complete);
    }
    let config = configure(file, Purpose::Topics)?;
    let publishing = config.publishing.as_ref().context("kafka and registry are not configured")?;
    match &args.what {
        What::List { format } => list(&subjects_of(&config, publishing), *format),
        What::Check { format } => check(&config, publishing, *format).await,
        What::Register | What::Print { .. } => register(&config, publishing).await,
    }
}

fn subjects_of(config: &Config, publishing: &Publishing) -> Vec<Subject> {
    subjects(&Topics::new(&publishing.kafka.topic_prefix, &config.account.id))
}

fn list(subjects: &[Subject], format: Format) -> anyhow::Result<Exit> {
    let mut out = io::stdout().lock();
    if format == Format::Json {
        let schemas = subjects
            .iter()
            .map(|subject| json!({ "subject": subject.name, "topic": &*subject.topic, "schema": of(subject) }));
        write_json(&mut out, &json!({ "schemas": schemas.collect::<Vec<Value>>() }))?;
        return Ok(Exit::Complete);
    }
    let width = width(subjects);
    writeln!(out, "{:width$}  SCHEMA", "SUBJECT")?;
    for subject in subjects {
        writeln!(out, "{:width$}  {}", subject.name, of(subject))?;
    }
    Ok(Exit::Complete)
}

/// The name that `print` knows it by.
fn of(subject: &Subject) -> &'static str {
    subject.kind.map_or(SYNCS, Kind::as_str)
}

fn width(subjects: &[Subject]) -> usize {
    subjects.iter().map(|subject| subject.name.len()).max().unwrap_or(0)
}

async fn check(config: &Config, publishing: &Publishing, format: Format) -> anyhow::Result<Exit> {
    let registry = assemble::registry(&publishing.registry)?;
    let subjects = subjects_of(config, publishing);
    let mut reports = Vec::new();
    for subject in &subjects {
        match look_at(&registry, subject).await {
            Ok(report) => reports.push((subject, report)),
            Err(error) => return Ok(refused(&error)),
        }
    }
    let mut out = io::stdout().lock();
    match format {
        Format::Table => print_reports(&mut out, &reports, width(&subjects))?,
        Format::Json => {
            let schemas: Vec<Value> = reports.iter().map(|(subject, report)| as_json(subject, report)).collect();
            write_json(&mut out, &json!({ "schemas": schemas }))?;
        }
    }
    let is_unfit = |(_, report): &(&Subject, SubjectReport)| matches!(report.fit, Fit::Unfit { .. });
    Ok(if reports.iter().any(is_unfit) { Exit::Refused } else { Exit::Complete })
}

fn print_reports(out: &mut impl Write, reports: &[(&Subject, SubjectReport)], width: usize) -> io::Result<()> {
    for (subject, SubjectReport { fit, other_level }) in reports {
        let told = match fit {
            Fit::Registered(id) => format!("registered, id {id}"),
            Fit::New => "not registered; the subject does not exist".to_owned(),
            Fit::Fits { versions } => format!("not registered; compatible with all {versions} versions"),
            Fit::Unfit { version, reason } => format!("not compatible with version {version}: {reason}"),
        };
        let level = other_level.as_ref().map(|level| format!("; its level is {level}, not FULL_TRANSITIVE"));
        writeln!(out, "{:width$}  {told}{}", subject.name, level.unwrap_or_default())?;
    }
    Ok(())
}

fn as_json(subject: &Subject, SubjectReport { fit, other_level }: &SubjectReport) -> Value {
    let (state, id, reason) = match fit {
        Fit::Registered(id) => ("registered", Some(*id), None),
        Fit::New => ("new", None, None),
        Fit::Fits { .. } => ("fits", None, None),
        Fit::Unfit { version, reason } => ("unfit", None, Some(format!("version {version}: {reason}"))),
    };
    json!({ "subject": subject.name, "topic": &*subject.topic, "schema": of(subject), "state": state, "id": id,
        "reason": reason, "other_level": other_level })
}

async fn register(config: &Config, publishing: &Publishing) -> anyhow::Result<Exit> {
    let settings = config::Registry { mode: config::RegistryMode::Register, ..publishing.registry.clone() };
    let registry = assemble::registry(&settings)?;
    let subjects = subjects_of(config, publishing);
    let width = width(&subjects);
    for subject in &subjects {
        match registry.resolve(&subject.name, subject.schema).await {
            Ok(resolved) => writeln!(io::stdout().lock(), "{:width$}  id {}", subject.name, resolved.id)?,
            Err(error) => return Ok(refused(&error)),
        }
    }
    Ok(Exit::Complete)
}

fn refused(error: &RegistryError) -> Exit {
    eprintln!("ramstream: {error}");
    match error {
        RegistryError::Unreachable { .. } => Exit::Unavailable,
        RegistryError::Configuration { .. } => Exit::Usage,
        _ => Exit::Refused,
    }
}
