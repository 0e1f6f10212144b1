//! `ramstream tail`: show what comes out of the topics; nothing is written anywhere.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use clap::ValueEnum;
use jiff::Timestamp;

use super::shutdown::on_signals_quietly;
use super::{Exit, assemble, configure};
use crate::config::Purpose;
use crate::kafka::follow::{self, Begin};
use crate::model::Kind;
use crate::sync::Topics;
use crate::tail::{self, Filter, From, Look, Notices, Pattern, Question, TailError};

pub(super) const EXAMPLES: &str = "\
Examples:
  ramstream tail                                           changes from now on
  ramstream tail --from 2h --kind user,membership          the last two hours, then what comes
  ramstream tail --type '*.removed' --type coverage        removals; coverage lost and restored
  ramstream tail --from sequence:42 --key '*2618*'         from sync 42 on, with this id in the key
  ramstream tail --until-end --format json                 everything there is, for programs
  ramstream tail --until-end --format json | jq -r '.value | [.sequence, .event_type] | @tsv'

Only committed records are shown. Times are UTC and those of publishing; a change happened between \
previously_observed_at and observed_at, which are in the JSON. In JSON, times are milliseconds since 1970.

Order: Kafka keeps it within a partition only. Records that were there at the start are sorted by (sequence, batch_index); \
later ones are sorted as far as they arrive together. A sync is one transaction and one sequence, visible as a whole or not at \
all, but --from with a time may begin in the middle of one. Topics and partitions created later are not followed.";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where to begin: `beginning`, `end`, a time (RFC 3339), a time span back from now (`15m`), or `sequence:N`
    ///
    /// `sequence:N` reads from the beginning and skips every event and notice whose sequence is below N, in every
    /// lineage. A time is that of publishing, by the clock of the host that published. [default: end; with --until-end:
    /// beginning]
    #[arg(long, value_name = "WHERE")]
    from: Option<From>,
    /// Stop at the current end of the topics instead of waiting for more
    #[arg(long)]
    until_end: bool,
    /// Stop after N lines
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Show only events of this kind; separate several with commas, or repeat the option
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = super::kinds::parse)]
    kind: Vec<Kind>,
    /// Show only events and notices of this type: `user.added`, `user.*`, `*.removed`, or `user` for all of a kind
    #[arg(long = "type", value_name = "PATTERN", value_delimiter = ',')]
    types: Vec<Pattern>,
    /// Show only records with this key, with or without the account in front: `user/2618…`, `*/user/*`; `*` matches anything
    #[arg(long = "key", value_name = "PATTERN", value_delimiter = ',')]
    keys: Vec<Pattern>,
    /// Which records of `.syncs` to show [default: trouble; with --type: all; with --kind or --key: none]
    #[arg(long, value_enum)]
    notices: Option<Which>,
    /// Output format: lines of text for people, lines of JSON for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    /// All of them, including syncs without changes
    All,
    /// All but complete syncs
    Trouble,
    /// None
    None,
}

pub(super) async fn run(args: Args, file: Option<&Path>) -> anyhow::Result<Exit> {
    let config = configure(file, Purpose::Topics)?;
    let publishing = config.publishing.as_ref().context("kafka and registry are not configured")?;
    let connection = Arc::new(assemble::connection(&publishing.kafka));
    let registry = assemble::registry(&publishing.registry)?;
    let prefix = &publishing.kafka.topic_prefix;
    let names = topics(&args, &Topics::new(prefix, &config.account.id));
    let partitions = match follow::partitions(&connection, &names).await {
        Ok(partitions) => partitions,
        Err(error) => return Ok(unavailable(error.into())),
    };
    let missing: Vec<&str> = names.iter().filter(|name| !partitions.contains_key(*name)).map(|name| &**name).collect();
    if partitions.is_empty() || (!args.kind.is_empty() && !missing.is_empty()) {
        eprintln!("ramstream: {}", no_topic(&missing, prefix));
        return Ok(Exit::Unavailable);
    }
    if !missing.is_empty() {
        eprintln!("ramstream: missing or not visible, and not followed: {}", missing.join(", "));
    }
    let begun = format!("following {} topics of {prefix}; Ctrl-C ends", partitions.len());
    let question = question(&args, partitions, config.account.id.clone());
    let is_following = !question.until_end;
    let begun = || {
        if is_following {
            eprintln!("ramstream: {begun}");
        }
    };
    let stop = on_signals_quietly().context("catching signals")?;
    let mut out = io::stdout();
    let shown = tail::tail(&connection, &registry, question, &mut out, begun);
    match stop.run_until_cancelled(shown).await {
        None | Some(Ok(())) => Ok(Exit::Complete),
        Some(Err(TailError::Output(error))) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Complete),
        Some(Err(error @ (TailError::Output(_) | TailError::Json(_)))) => Err(error.into()),
        Some(Err(error)) => Ok(unavailable(error.into())),
    }
}

/// The topics that are asked for.
fn topics(args: &Args, topics: &Topics) -> Vec<Arc<str>> {
    let is_asked = |kind: &Kind| args.kind.is_empty() || args.kind.contains(kind);
    let events = Kind::ALL.iter().copied().filter(is_asked).map(|kind| topics.of(kind));
    let syncs = (notices(args) != Notices::None).then(|| topics.syncs());
    events.chain(syncs).collect()
}

fn notices(args: &Args) -> Notices {
    match args.notices {
        Some(Which::All) => Notices::All,
        Some(Which::Trouble) => Notices::Trouble,
        Some(Which::None) => Notices::None,
        None if !args.types.is_empty() && args.kind.is_empty() && args.keys.is_empty() => Notices::All,
        None if args.kind.is_empty() && args.keys.is_empty() => Notices::Trouble,
        None => Notices::None,
    }
}

fn question(args: &Args, partitions: follow::Partitions, account_id: String) -> Question {
    let default = if args.until_end { From::Beginning } else { From::End };
    let (begin, from_sequence) = match args.from.unwrap_or(default) {
        From::Beginning => (Begin::Beginning, None),
        From::End => (Begin::End, None),
        From::Time(time) => (Begin::Time(time.as_millisecond()), None),
        From::Ago(length) => (Begin::Time((Timestamp::now() - length).as_millisecond()), None),
        From::Sequence(sequence) => (Begin::Beginning, Some(sequence)),
    };
    let is_terminal = io::stdout().is_terminal();
    let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let look = Look { is_coloured: is_terminal && !is_refused, is_by_day: is_terminal, account_id };
    Question {
        partitions,
        begin,
        filter: Filter { types: args.types.clone(), keys: args.keys.clone(), notices: notices(args), from_sequence },
        until_end: args.until_end,
        count: args.count,
        look: matches!(args.format, Format::Text).then_some(look),
    }
}

fn no_topic(missing: &[&str], prefix: &str) -> String {
    format!(
        "there is no topic {}, or no right to read it. Has anything been published under this prefix? If so, set \
         kafka.topic_prefix (now `{prefix}`) to that of the daemon; otherwise `ramstream run` creates the topics",
        missing.join(", ")
    )
}

fn unavailable(error: anyhow::Error) -> Exit {
    eprintln!("ramstream: {error:#}");
    Exit::Unavailable
}
