//! Answers of the cloud: with a malformed one in its place a whole sync learns nothing from it, and says so.

mod account;
mod answers;
mod paging;
mod points;
mod server;
mod sync;
mod transport;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use ramstream::alicloud::{Client, ims};
use ramstream::model::Kind;
use ramstream::state::State;

use self::account::{ACCOUNT, OPERATIONS, Operation, well};
use self::server::{Call, Says, Server};
use crate::tally::{Tally, keeps_secrets, says};

/// Syncs under way at one time.
const AT_ONCE: usize = 12;
/// More than any sync here needs.
const PLENTY: Duration = Duration::from_secs(120);
/// Enough for a sync in which one call is repeated until its time is up, unless the machine is slow.
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
    /// Whether the call is repeated until its time is up.
    is_repeated: bool,
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
            is_repeated: false,
        }
    }

    /// The call is repeated until its time is up.
    fn until_the_end(self) -> Self {
        // Whose turn it would have been then may be another one's of the same kind.
        let words = vec![self.operation.action, "the time budget was used up"];
        Self { budget: LITTLE, is_repeated: true, words, ..self }
    }
}

/// A record of the state topic: key and value.
pub(crate) type StateRecord = (String, String);

/// The state that the well-formed account has once it is published, and its records.
pub(crate) async fn well_formed() -> (State, Vec<StateRecord>) {
    let server = Server::start().await;
    server.script("well", Arc::new(well));
    let client = sync::client(&server, "well");
    let first = sync::sync(&sync::session(&client, PLENTY), &State::new(ACCOUNT)).await;
    assert_eq!((first.unknown.as_slice(), first.events), (&[][..], 23), "what is well-formed is read and published");
    let state = sync::published(State::new(ACCOUNT), &first);
    let second = sync::sync(&sync::session(&client, PLENTY), &state).await;
    assert_eq!((second.unknown.as_slice(), second.events), (&[][..], 0), "a quiet account has no events");
    (state, sync::state_records(&first))
}

/// Tries all of them.
pub(crate) async fn run(tally: &mut Tally) {
    let (state, _) = well_formed().await;
    let server = Server::start().await;
    let clients = Arc::new(Clients::default());
    let cases = answers::cases().chain(paging::cases()).chain(transport::cases());
    let judged = stream::iter(cases).map(|case| {
        let (server, state, clients) = (server.clone(), state.clone(), Arc::clone(&clients));
        async move {
            let (group, name) = (case.group, case.name.clone());
            // A panic in the sync is one of this task.
            let verdict = tokio::spawn(async move { judge(&server, &clients, &state, case).await });
            (group, name, verdict.await.unwrap_or_else(|_| Err("panicked".to_owned())))
        }
    });
    let mut judged = judged.buffer_unordered(AT_ONCE);
    while let Some((group, name, verdict)) = judged.next().await {
        tally.judged(group, name, verdict);
    }
    points::run(&server, tally).await;
}

/// Clients that wait for their next case. Making one costs more than a sync: it loads the system's certificates.
#[derive(Default)]
struct Clients {
    idle: Mutex<Vec<(String, Client)>>,
    made: AtomicUsize,
}

impl Clients {
    fn lock(&self) -> MutexGuard<'_, Vec<(String, Client)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that has made sure whose its key is, or that never asked yet, with its AccessKeyId.
    async fn take(&self, server: &Server, verified: bool) -> Result<(String, Client), String> {
        if let Some(idle) = Some(verified).filter(|verified| *verified).and_then(|_| self.lock().pop()) {
            return Ok(idle);
        }
        let caller = format!("caller-{}", self.made.fetch_add(1, Ordering::Relaxed));
        let client = sync::client(server, &caller);
        if verified {
            server.script(&caller, Arc::new(well));
            let asked = sync::session(&client, PLENTY).verify_account().await;
            asked.map_err(|error| format!("a good reply was refused: {error}"))?;
        }
        Ok((caller, client))
    }
}

async fn judge(server: &Server, clients: &Clients, state: &State, case: Case) -> Result<(), String> {
    let Case { operation, answer, words, mut budget, is_repeated, .. } = case;
    let (synced, counted, caller, client) = loop {
        let (caller, client) = clients.take(server, operation.action != "GetCallerIdentity").await?;
        let (answer, tried) = (Arc::clone(&answer), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&tried);
        server.script(
            &caller,
            Arc::new(move |call: &Call| {
                if !operation.is_called_by(call) {
                    return well(call);
                }
                count.fetch_add(1, Ordering::Relaxed);
                answer(call)
            }),
        );
        let synced = sync::sync(&sync::session(&client, budget), state).await;
        let counted = match operation.kind {
            None => Some(ims::get_account_summary(&sync::session(&client, budget)).await),
            Some(_) => None,
        };
        if tried.load(Ordering::Relaxed) > 0 {
            break (synced, counted, caller, client);
        }
        // On a slow machine the time may be up before it was this operation's turn.
        if !is_repeated || budget >= PLENTY {
            return Err("its answer was never given".to_owned());
        }
        budget *= 2;
    };
    keeps_secrets(&synced.everything())?;
    // Who was throttled may have to pause for long.
    if !is_repeated && operation.action != "GetCallerIdentity" {
        clients.lock().push((caller, client));
    }
    if synced.events > 0 {
        return Err(format!("invented {} events", synced.events));
    }
    if !synced.doubtful.is_empty() {
        return Err(format!("would have to be proven: {:?}", synced.doubtful));
    }
    let taken = || Err("was taken".to_owned());
    if let Some(counted) = counted {
        return counted.map_or_else(|error| says(&error.to_string(), &words), |_| taken());
    }
    let Some(kind) = operation.kind else { return taken() };
    let of_kind: Vec<&str> = of(&synced.unknown, kind).collect();
    if of_kind.is_empty() {
        return taken();
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
