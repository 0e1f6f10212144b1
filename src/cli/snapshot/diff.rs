//! `ramstream snapshot diff`: two exports, or an export and the account as it is now.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use serde::Serialize;
use serde_json::value::RawValue;

use super::super::{Exit, assemble, configure, format::Format, waiting::with_progress};
use super::words::words;
use crate::{
    alicloud::{CallError, Client},
    config::Purpose,
    diff::{Change, between},
    model::{Kind, Names, Rank, Reason, Scope, Unknown},
    snapshot::{Export, Manifest, ReadError},
    sync,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Export to compare from
    #[arg(value_name = "A")]
    from: PathBuf,
    /// Export to compare with
    #[arg(value_name = "B", required_unless_present = "now")]
    to: Option<PathBuf>,
    /// Compare with the account as it is now, read through the cloud's API
    #[arg(long, conflicts_with = "to")]
    now: bool,
    /// Output format: one line per difference for people, one JSON object per line for programs
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// What came of a comparison.
struct Compared {
    changes: Vec<Change>,
    /// What they are called, before and after.
    names: [Names; 2],
    /// What limits the comparison, a sentence each.
    notes: Vec<String>,
    /// Whether something could not be read.
    unknown: bool,
    /// What was compared, in one clause.
    what: String,
}

pub(super) async fn run(args: &Args, file: Option<&Path>) -> anyhow::Result<Exit> {
    let Some(from) = read(&args.from) else { return Ok(Exit::Usage) };
    let compared = match &args.to {
        None => match now(from, file).await? {
            Ok(compared) => compared,
            Err(exit) => return Ok(exit),
        },
        Some(to) => {
            let Some(to) = read(to) else { return Ok(Exit::Usage) };
            match exports(from, to) {
                Ok(compared) => compared,
                Err(why) => {
                    eprintln!("ramstream: {why}");
                    return Ok(Exit::Usage);
                }
            }
        }
    };
    let mut out = io::stdout().lock();
    match args.format {
        Format::Table => print(&mut out, &compared)?,
        Format::Json => print_json(&mut out, &compared)?,
    }
    Ok(match (compared.changes.is_empty(), compared.unknown) {
        (false, _) => Exit::Different,
        (true, true) => Exit::Partial,
        (true, false) => Exit::Complete,
    })
}

fn read(directory: &Path) -> Option<Export> {
    let told = |error: ReadError| eprintln!("ramstream: {error}");
    Export::read(directory).map_err(told).ok()
}

fn exports(from: Export, to: Export) -> Result<Compared, String> {
    let (a, b) = (&from.manifest, &to.manifest);
    if a.account_id != b.account_id {
        return Err(format!(
            "the exports are of different accounts, {} and {}: give two of one account",
            a.account_id, b.account_id
        ));
    }
    let (kinds, mut notes) = common_kinds(a, b);
    if a.lineage != b.lineage {
        notes.push(format!(
            "the exports are of different lineages, {} and {}: the state was begun anew in between, and sequences do not \
             tell which is the later one",
            a.lineage, b.lineage
        ));
    } else if a.sequence > b.sequence {
        notes.push(format!(
            "A (sequence {}) is later than B ({}): the differences are those of going back",
            a.sequence, b.sequence
        ));
    }
    // Of a kind that is left out by configuration nobody expects anything.
    let is_off =
        |kind: Kind| b.unknown_scopes.iter().any(|it| it.reason == Reason::Off && it.scope.kind() == Some(kind));
    let unread = b.kinds.iter().filter(|file| kinds.contains(&file.kind) && !file.baseline && !is_off(file.kind));
    let unread: Vec<Kind> = unread.map(|file| file.kind).collect();
    notes.extend(unread.iter().map(|kind| format!("{kind} had never been read when B was written: not compared")));
    for (label, manifest) in [("A", a), ("B", b)] {
        let of_these =
            manifest.unknown_scopes.iter().filter(|scope| scope.scope.kind().is_some_and(|k| kinds.contains(&k)));
        let of_these = of_these.filter(|scope| scope.reason != Reason::Off || scope.since.is_some());
        notes.extend(of_these.map(|unknown| {
            let (scope, why) = (&unknown.scope, unknown.reason.as_str());
            format!(
                "{scope} was not known when {label} was written ({why}): compared is what was published of it before"
            )
        }));
    }
    let what = format!("sequence {} and sequence {} of account {}", a.sequence, b.sequence, a.account_id);
    Ok(Compared {
        changes: between(&from.state, &to.state, &kinds),
        names: [from.state.names(), to.state.names()],
        notes,
        unknown: !unread.is_empty(),
        what,
    })
}

/// The kinds that both hold, and what is to be said of the others.
fn common_kinds(a: &Manifest, b: &Manifest) -> (Vec<Kind>, Vec<String>) {
    let holds = |manifest: &Manifest, kind: Kind| manifest.kinds.iter().any(|file| file.kind == kind);
    let (mut kinds, mut notes) = (Vec::new(), Vec::new());
    for kind in Kind::ALL {
        match (holds(a, *kind), holds(b, *kind)) {
            (true, true) => kinds.push(*kind),
            (true, false) => notes.push(format!("{kind} is in A alone: not compared")),
            (false, true) => notes.push(format!("{kind} is in B alone: not compared")),
            (false, false) => {}
        }
    }
    (kinds, notes)
}

/// Compares an export with the account as it is; the exit code if that cannot be.
async fn now(from: Export, file: Option<&Path>) -> anyhow::Result<Result<Compared, Exit>> {
    let config = configure(file, Purpose::Reading)?;
    let Export { manifest, state } = from;
    if config.account.id != manifest.account_id {
        eprintln!(
            "ramstream: the export is of account {}, account.id is {}: configure the account of the export",
            manifest.account_id, config.account.id
        );
        return Ok(Err(Exit::Usage));
    }
    let state = state.leaving_out(Arc::new(config.collect.redacted()));
    let settings = assemble::client_settings(&config.alicloud, assemble::credentials(&config)?, None, None)?;
    let client = Client::new(settings, &config.account.id)?;
    let (budget, delay) = (config.sync.time_budget, config.sync.confirm_delay);
    let comparing = sync::compare_with_account(&client, &state, &config.collect.kinds, budget, delay);
    let comparison = match with_progress("comparing with the account", comparing).await {
        Err(error @ CallError::ForeignAccount { .. }) => {
            eprintln!("ramstream: {error}");
            return Ok(Err(Exit::Refused));
        }
        outcome => outcome.context("asking whose the credentials are")?,
    };
    let is_held = |kind: Kind| manifest.kinds.iter().any(|file| file.kind == kind);
    let mut diff = comparison.diff;
    let names = names_after(state.names(), &diff.changes);
    diff.changes.retain(|change| is_held(change.kind));
    let unknown = diff.kinds.iter().filter(|(kind, _)| is_held(**kind)).flat_map(|(_, outcome)| &outcome.unknown);
    let (off, unknown): (Vec<_>, Vec<_>) = unknown.partition(|(_, why)| why.reason == Reason::Off);
    let not_compared = |(scope, why): &(&Scope, &Unknown)| format!("{scope} is not known, not compared: {why}");
    let mut notes: Vec<String> = unknown.iter().map(not_compared).collect();
    let unknown = !notes.is_empty();
    // What is left out by configuration is worth a word only where the export has some of it.
    let has_some = |(scope, _): &&(&Scope, &Unknown)| scope.kind().is_some_and(|kind| !state.entities(kind).is_empty());
    notes.extend(off.iter().filter(has_some).map(not_compared));
    let others: Vec<&str> = Kind::ALL.iter().filter(|kind| !is_held(**kind)).map(|kind| kind.as_str()).collect();
    if !others.is_empty() {
        notes.push(format!("not in the export, not compared: {}", others.join(", ")));
    }
    let what = format!("sequence {} and account {} as it is now", manifest.sequence, manifest.account_id);
    Ok(Ok(Compared { changes: diff.changes, names: [state.names(), names], notes, unknown, what }))
}

/// The names once the changes are made.
fn names_after(mut names: Names, changes: &[Change]) -> Names {
    for change in changes.iter().filter(|change| change.kind.rank() == Rank::Entity) {
        match change.after.as_deref().and_then(|after| change.kind.name_in(after)) {
            Some(name) => names.insert(&change.key, name),
            None => names.remove(&change.key),
        };
    }
    names
}

fn print(out: &mut impl Write, compared: &Compared) -> io::Result<()> {
    let [before, after] = &compared.names;
    for change in &compared.changes {
        writeln!(out, "{}", words(change, before, after))?;
    }
    for note in &compared.notes {
        writeln!(out, "note: {note}")?;
    }
    let what = &compared.what;
    match compared.changes.len() {
        0 => writeln!(out, "nothing differs between {what}"),
        1 => writeln!(out, "1 difference between {what}"),
        count => writeln!(out, "{count} differences between {what}"),
    }
}

/// One line of JSON.
#[derive(Serialize)]
struct Difference<'a> {
    event_type: String,
    op: &'a str,
    key: &'a str,
    changed_fields: &'a [&'static str],
    before: Option<&'a RawValue>,
    after: Option<&'a RawValue>,
}

fn print_json(out: &mut impl Write, compared: &Compared) -> anyhow::Result<()> {
    for change in &compared.changes {
        let raw =
            |json: &'_ Option<Arc<str>>| json.as_deref().map(str::to_owned).map(RawValue::from_string).transpose();
        let (before, after) = (raw(&change.before)?, raw(&change.after)?);
        let difference = Difference {
            event_type: format!("{}.{}", change.kind, change.verb),
            op: change.op.as_str(),
            key: change.key.as_str(),
            changed_fields: &change.changed_fields,
            before: before.as_deref(),
            after: after.as_deref(),
        };
        serde_json::to_writer(&mut *out, &difference)?;
        writeln!(out)?;
    }
    for note in &compared.notes {
        eprintln!("note: {note}");
    }
    Ok(())
}
