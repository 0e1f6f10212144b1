//! The invariants: one function each, over the log that was read.
//!
//! `events` judges what an event says of itself, `history` what events say of each other, `scopes` what a sync record says of
//! what is unknown, `notices` what else `.syncs` must have told, `replays` what was told again, `state` the fold against the
//! state topic, `against_truth` everything against what the account really was, `honest` what could not be read of it
//! (`asked` knows what was asked, and which answers were lies).

mod against_truth;
mod asked;
mod events;
mod history;
mod honest;
mod notices;
mod replays;
mod scopes;
mod state;

use super::log::Log;
use super::report::Findings;
use super::truth::Truth;

/// An invariant.
pub(super) struct Rule<F> {
    /// In one word.
    pub(super) name: &'static str,
    /// What it says.
    pub(super) promise: &'static str,
    pub(super) judge: F,
}

type OverLog = fn(&Log, &mut Findings);
type OverTruth = fn(&Log, &Truth, &mut Findings);

/// What can be judged from the topics alone.
pub(super) const RULES: &[Rule<OverLog>] = &[
    rule("readable", "every record of the account is what its topic holds", events::readable),
    rule("event-ids", "an event id stands once, and is the UUIDv5 of what the event says", events::event_ids),
    rule("keys", "an event stands under a key of its account and of its kind", events::keys),
    rule("headers", "the headers say what the value says", events::headers),
    rule("windows", "a window begins before it ends", events::windows),
    rule("ops", "op, verb, before, after and changed fields agree with each other and with what was held", events::ops),
    rule(
        "batches",
        "the events of a sync are there whole: each index once, as many as are announced",
        history::batches,
    ),
    rule("sequences", "one sync.completed record a sequence, without a gap", history::sequences),
    rule(
        "lineages",
        "after the first, a lineage begins with lineage.started at sequence 0, and no earlier one goes on behind it",
        history::lineages,
    ),
    rule("order", "the events of a key stand in the order of their sequence, and revisions rise", history::order),
    rule("before", "before is the after of the key's previous event", history::before),
    rule(
        "removals-first",
        "a transaction's removals come first, edges before entities; edges come last",
        history::phases,
    ),
    rule("edges", "no edge comes before or outlives what it hangs on", history::edges),
    rule("figures", "a sync record counts what there is", history::figures),
    rule("coverage", "a sync's outcome is what its collections say", history::coverage),
    rule("scopes", "a sync's collections are what its unknown scopes say, which it names and counts", scopes::scopes),
    rule(
        "told-coverage",
        "permission lost and regained is told, of every collection and of the scopes in it",
        notices::told_coverage,
    ),
    rule("suspected", "a mass removal is told before it is published", notices::suspected),
    rule("replays", "a replay is there whole, proven by its notice, and is the fold at its sequence", replays::replays),
    rule("state", "the fold of the events is the state topic's content", state::state),
    rule("in-step", "the state changes with every sync as its events say, and progress counts it", state::in_step),
    rule("progress", "progress counts and digests the records of the state topic", state::progress),
];

/// What takes the simulator's truth log.
pub(super) const TRUTH_RULES: &[Rule<OverTruth>] = &[
    rule("invented", "what an event says was true while its sync read", against_truth::invented),
    rule("removals", "what was removed was absent while its sync read", against_truth::removals),
    rule("true-windows", "the window of an event contains a change of its entity", against_truth::windows),
    rule("lost", "what held while two complete syncs read is published", against_truth::lost),
    rule("settled", "after two complete syncs of a quiet account the fold is the account", against_truth::settled),
    rule("instants", "a collection that was read is the account at an instant of its window", against_truth::instants),
    rule("honest", "a sync that could not read something does not say that it is complete", honest::honest),
    rule("named", "what a sync could not read is named in its record, or counted there", honest::named),
];

const fn rule<F>(name: &'static str, promise: &'static str, judge: F) -> Rule<F> {
    Rule { name, promise, judge }
}
