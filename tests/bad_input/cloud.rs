//! Answers of the cloud: with a malformed one in its place a whole sync learns nothing from it, and says so.

mod account;
mod answers;
mod paging;
mod points;
mod server;
mod sync;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use ramstream::alicloud::ims;
use ramstream::model::Kind;
use ramstream::state::State;

use self::account::{ACCOUNT, OPERATIONS, Operation, well};
use self::server::{Call, Says, Server};
use crate::tally::{Tally, says};

/// Syncs under way at one time.
const AT_ONCE: usize = 12;
/// More than any sync here needs.
const PLENTY: Duration = Duration::from_secs(120);
/// Enough for a sync in which one call is repeated until its time is up.
const LITTLE: Duration = Duration::from_millis(500);

/// A malformed answer in the place of one operation's.
struct Case {
    group: &'static str,
    name: String,
    operation: &'static Operation,
    /// What that operation answers; the other ones answer well.
    answer: Arc<dyn Fn(&Call) -> Says + Send + Sync>,
    /// Of these texts one has to stand in the reason.
    words: Vec<&'static str>,
    budget: Duration,
}

impl Case {
    /// The same answer to every call.
    fn constant(group: &'static str, operation: &'static Operation, what: &str, says: Says) -> Self {
        Self::scripted(group, operation, what, move |_| says.clone())
    }

    /// An answer that depends on the call.
    fn scripted(
        group: &'static str,
        operation: &'static Operation,
        what: &str,
        answer: impl Fn(&Call) -> Says + Send + Sync + 'static,
    ) -> Self {
        Self {
            group,
            name: format!("{}: {what}", operation.name),
            operation,
            answer: Arc::new(answer),
            words: vec![operation.action],
            budget: PLENTY,
        }
    }

    /// The call is repeated until its time is up.
    fn until_the_end(self) -> Self {
        // On a slow machine the time may be up before it was this operation's turn.
        Self { budget: LITTLE, words: vec![""], ..self }
    }
}

/// Tries all of them.
pub(crate) async fn run(tally: &mut Tally) {
    let server = Server::start().await;
    server.script("well", Arc::new(well));
    let first = sync::sync(&sync::session(&sync::client(&server, "well"), PLENTY), &State::new(ACCOUNT)).await;
    assert_eq!((first.unknown.as_slice(), first.events), (&[][..], 12), "what is well-formed is read and published");
    let state = sync::published(State::new(ACCOUNT), &first);
    let second = sync::sync(&sync::session(&sync::client(&server, "well"), PLENTY), &state).await;
    assert_eq!((second.unknown.as_slice(), second.events), (&[][..], 0), "a quiet account has no events");

    let cases = answers::cases().chain(paging::cases()).chain(transport::cases());
    let judged = stream::iter(cases.enumerate()).map(|(number, case)| {
        let (server, state) = (server.clone(), state.clone());
        async move {
            let (group, name) = (case.group, case.name.clone());
            // A panic in the sync is one of this task.
            let verdict = tokio::spawn(async move { judge(&server, &format!("case-{number}"), &state, case).await });
            (group, name, verdict.await.unwrap_or_else(|_| Err("panicked".to_owned())))
        }
    });
    let mut judged = judged.buffer_unordered(AT_ONCE);
    while let Some((group, name, verdict)) = judged.next().await {
        tally.judged(group, name, verdict);
    }
    points::run(&server, tally).await;
}

async fn judge(server: &Server, caller: &str, state: &State, case: Case) -> Result<(), String> {
    let Case { operation, answer, words, budget, .. } = case;
    let armed = Arc::new(std::sync::atomic::AtomicBool::new(operation.action == "GetCallerIdentity"));
    let script = {
        let armed = Arc::clone(&armed);
        move |call: &Call| {
            let strikes = operation.is_called_by(call) && armed.load(std::sync::atomic::Ordering::Relaxed);
            if strikes { answer(call) } else { well(call) }
        }
    };
    server.script(caller, Arc::new(script));
    let client = sync::client(server, caller);
    if !armed.swap(true, std::sync::atomic::Ordering::Relaxed) {
        let verified = sync::session(&client, PLENTY).verify_account().await;
        verified.map_err(|error| format!("a good reply was refused: {error}"))?;
    }
    let synced = sync::sync(&sync::session(&client, budget), state).await;
    if synced.events > 0 {
        return Err(format!("invented {} events", synced.events));
    }
    if !synced.doubtful.is_empty() {
        return Err(format!("would have to be proven: {:?}", synced.doubtful));
    }
    let Some(kind) = operation.kind else {
        let read = ims::get_account_summary(&sync::session(&client, budget)).await;
        return read.map_or_else(|error| says(&error.to_string(), &words), |_| Err("was taken".to_owned()));
    };
    let of_kind: Vec<&str> = of(&synced.unknown, kind).collect();
    if of_kind.is_empty() {
        return Err("was taken".to_owned());
    }
    says(&of_kind.join("; "), &words)
}

fn of(unknown: &[(Kind, String, String)], kind: Kind) -> impl Iterator<Item = &str> {
    unknown.iter().filter(move |(of_kind, ..)| *of_kind == kind).map(|(_, _, why)| why.as_str())
}

/// The operation with this name.
fn operation(name: &str) -> &'static Operation {
    OPERATIONS.iter().find(|operation| operation.name == name).expect("there is one of that name")
}
