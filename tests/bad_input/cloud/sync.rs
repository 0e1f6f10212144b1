//! One whole sync in this process: the daemon's own code from the calls to the records that it would send.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use ramstream::alicloud::{
    Backoff, Client, Credentials, CredentialsSource, EndpointSettings, Endpoints, Service, Session, Settings,
};
use ramstream::avro::Encoder;
use ramstream::diff::compare;
use ramstream::kafka::Record;
use ramstream::model::Kind;
use ramstream::secret::Secret;
use ramstream::state::State;
use ramstream::sync::Topics;
use ramstream::sync::collect::{Reader, Rounds, Wanted};
use ramstream::sync::details::Ledger;
use ramstream::sync::publication::{Publication, Reading};
use tokio::time::Instant;
use uuid::Uuid;

use super::account::ACCOUNT;
use super::server::Server;
use crate::tally::{ACCESS_KEY_SECRET, SECURITY_TOKEN};

/// What a sync would publish, and what it did not learn.
pub(crate) struct Synced {
    pub(crate) records: Vec<Record>,
    /// Count of the records that tell changes.
    pub(crate) events: usize,
    /// Changes that only a second reading would prove: keys.
    pub(crate) doubtful: Vec<String>,
    /// Why which scope is not known, by kind.
    pub(crate) unknown: Vec<(Kind, String, String)>,
}

impl Synced {
    /// Every byte that it would publish, and every reason.
    pub(crate) fn everything(&self) -> Vec<u8> {
        let records = self.records.iter().flat_map(|record| [Some(&record.key), record.value.as_ref()]).flatten();
        let reasons = self.unknown.iter().map(|(_, _, why)| why.as_bytes());
        records.map(Vec::as_slice).chain(reasons).collect::<Vec<_>>().join(&b'\n')
    }
}

/// A client of the services for the caller with this AccessKeyId.
pub(crate) fn client(server: &Server, access_key_id: &str) -> Client {
    let url = format!("http://{}", server.address);
    let endpoints = EndpointSettings {
        overrides: Service::ALL.iter().map(|service| (*service, url.clone())).collect(),
        ..EndpointSettings::default()
    };
    let credentials = Credentials {
        access_key_id: access_key_id.to_owned(),
        access_key_secret: Secret::new(ACCESS_KEY_SECRET),
        security_token: Some(Secret::new(SECURITY_TOKEN)),
    };
    let endpoints = Endpoints::new(&endpoints).expect("loopback is fine");
    let mut settings = Settings::new(CredentialsSource::Static(credentials), endpoints);
    settings.rate_share = 1.0;
    settings.backoff = Backoff { floor: Duration::from_millis(1), cap: Duration::from_millis(5) };
    Client::new(settings, ACCOUNT).expect("the settings are fine")
}

/// A session with this much time.
pub(crate) fn session(client: &Client, budget: Duration) -> Session {
    client.session(Instant::now() + budget)
}

/// Reads the account and plans what to publish on `state`.
pub(crate) async fn sync(session: &Session, state: &State) -> Synced {
    let ledger = Ledger::new(Duration::ZERO);
    let kinds = Kind::ALL.iter().copied().collect();
    let collections = Reader { state, ledger: &ledger, kinds: &kinds }
        .read(session, &Wanted::Everything, &mut Rounds::default())
        .await;
    let diff = compare(state, &collections);
    let doubtful = diff.doubtful().flat_map(|(_, keys)| keys.iter().map(ToString::to_string)).collect();
    let unknown = diff.kinds.iter().flat_map(|(kind, outcome)| {
        outcome.unknown.iter().map(|(scope, why)| (*kind, scope.as_str().to_owned(), why.detail.clone()))
    });
    let unknown = unknown.collect();
    let at = Timestamp::UNIX_EPOCH;
    let reading = Reading { sync_id: Uuid::nil(), started_at: at, finished_at: at, collections, diff };
    let publication = Arc::new(Publication::plan(state, reading, None, Uuid::nil()));
    let encoder = Arc::new(Encoder::new(|_| 1, 2).expect("our schemas resolve"));
    let topics = Arc::new(topics());
    let records: Vec<Record> =
        publication.records(&topics, &encoder).collect::<Result<_, _>>().expect("what was read can be encoded");
    let is_event = |record: &&Record| Kind::ALL.iter().any(|kind| record.topic == topics.of(*kind));
    let events = records.iter().filter(is_event).count();
    Synced { records, events, doubtful, unknown }
}

fn topics() -> Topics {
    Topics::new("t", ACCOUNT)
}

/// The state once `synced` is published on `state`.
pub(crate) fn published(mut state: State, synced: &Synced) -> State {
    let topic = topics().state();
    for record in synced.records.iter().filter(|record| record.topic == topic) {
        state.apply(&record.key, record.value.as_deref()).expect("our own record");
    }
    state.verify().expect("our own state");
    state
}

/// The records of the state topic that `synced` would send.
pub(crate) fn state_records(synced: &Synced) -> Vec<(String, String)> {
    let topic = topics().state();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("our records are text");
    let of_state = synced.records.iter().filter(|record| record.topic == topic);
    of_state.map(|record| (text(&record.key), text(record.value.as_deref().expect("nothing was removed")))).collect()
}
