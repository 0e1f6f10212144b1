//! What is told of syncs, and of what the state knows, from readings of a small account.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::*;
use crate::{
    diff::compare,
    event::Outcome,
    model::{Collection, Complete, Entity, Found, Millis, Unknown, Window, user::User},
    state::State,
    sync::known::{How, Known, known},
    sync::publication::Reading,
    sync::topics::Topics,
};

const ACCOUNT: &str = "5481000000000001";

/// A process that publishes what it is told to have read.
struct Process {
    state: State,
    encoder: Arc<Encoder>,
    topics: Arc<Topics>,
    lately: Lately,
    /// When each user was made, Unix milliseconds: shortly before it was first read.
    born: BTreeMap<String, i64>,
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn window(seconds: i64) -> Window {
    Window { begun_at: at(seconds), ended_at: at(seconds + 10) }
}

fn user(id: &str, name: &str, born: i64) -> (crate::model::Key, Found) {
    let user = User {
        user_id: id.to_owned(),
        user_name: name.to_owned(),
        user_principal_name: format!("{name}@acme"),
        display_name: None,
        comments: None,
        email: None,
        mobile_phone: None,
        status: "active".into(),
        provision_type: None,
        tags: Vec::new(),
        create_date: Some(Millis(born)),
        update_date: None,
    };
    (user.key(ACCOUNT), Found::Known(serde_json::to_string(&user).unwrap().into()))
}

fn groups(seconds: i64) -> Collection {
    Collection::whole(Kind::Group, Complete::proven(Vec::new(), window(seconds)))
}

fn denied(kind: Kind) -> Collection {
    Collection::unknown(kind, Unknown::new(Reason::Denied, "ims ListGroups: NoPermission"))
}

impl Process {
    fn new() -> Self {
        Self {
            state: State::new(ACCOUNT),
            encoder: Arc::new(Encoder::new(|_| 1, 2).unwrap()),
            topics: Arc::new(Topics::new("t", ACCOUNT)),
            lately: Lately::default(),
            born: BTreeMap::new(),
        }
    }

    /// A sync that reads these users, and whatever else is given.
    fn sync(&mut self, seconds: i64, users: &[(&str, &str)], more: Collection) {
        let mut born = |id: &str| *self.born.entry(id.to_owned()).or_insert((seconds - 1) * 1_000);
        let users = users.iter().map(|(id, name)| user(id, name, born(id))).collect();
        let users = Collection::whole(Kind::User, Complete::proven(users, window(seconds)));
        let collections: BTreeMap<Kind, Collection> =
            [users, more].map(|collection| (collection.kind(), collection)).into();
        let diff = compare(&self.state, &collections);
        let (started_at, finished_at) = (at(seconds), at(seconds + 10));
        let reading = Reading { sync_id: Uuid::from_u128(1), started_at, finished_at, collections, diff };
        let publication = Arc::new(Publication::plan(&self.state, reading, None, Uuid::nil()));
        for record in publication.records(&self.topics, &self.encoder).map(Result::unwrap) {
            if record.topic == self.topics.state() {
                self.state.apply(&record.key, record.value.as_deref()).unwrap();
            }
        }
        let report = Report::of(&publication, 17, Duration::from_secs(10));
        self.lately.published(finished_at, &publication, &self.encoder, &report);
    }

    fn known(&self, kind: Kind) -> Known {
        let read = BTreeSet::from([Kind::User, Kind::Group, Kind::Role]);
        known(&self.state, &read).into_iter().find(|known| known.kind == kind).unwrap()
    }

    fn told(&self) -> Vec<(&str, &str)> {
        self.lately.changes.iter().map(|change| (change.event_type.as_str(), change.words.as_str())).collect()
    }
}

#[test]
fn what_was_published_is_told_in_the_words_of_tail() {
    let mut process = Process::new();
    process.sync(100, &[("2618000", "alice")], groups(100));
    process.sync(200, &[("2618000", "alicia"), ("9", "<b>\u{202e}")], groups(200));
    let expected = [
        ("user.observed", "alice (2618…)"),
        ("user.renamed", "alice → alicia (2618…)  user_principal_name alice@acme → alicia@acme"),
        ("user.added", r"<b>\u{202e} (9)"),
    ];
    let told: BTreeSet<_> = process.told().into_iter().collect();
    assert_eq!(told, BTreeSet::from(expected));
    let last = process.lately.changes.back().unwrap();
    assert_eq!((last.sequence, last.at), (2, at(210)));
    let report = process.lately.syncs.back().unwrap().came_to.as_ref().unwrap();
    assert_eq!((report.outcome, report.calls, report.published()), (Outcome::Complete, 17, 2));
}

#[test]
fn what_cannot_be_read_is_told_by_kind_with_its_age_and_forgotten_when_it_can() {
    let mut process = Process::new();
    assert!(known(&process.state, &BTreeSet::from([Kind::User])).is_empty());
    process.sync(100, &[("1", "ann")], groups(100));
    let groups_known = process.known(Kind::Group);
    assert_eq!((groups_known.how, groups_known.complete_at), (How::Complete, Some(Millis(110_000))));
    process.sync(200, &[("1", "ann")], denied(Kind::Group));
    assert_eq!(process.lately.syncs.back().unwrap().came_to.as_ref().unwrap().outcome, Outcome::Partial);
    let groups_known = process.known(Kind::Group);
    assert_eq!((groups_known.how, groups_known.complete_at), (How::Unknown, Some(Millis(110_000))));
    let example = groups_known.example.unwrap();
    assert_eq!(
        (example.scope.as_str(), example.reason, example.since),
        ("group", Reason::Denied, Some(Millis(100_000)))
    );
    let unread = &process.lately.unknown[&Kind::Group][0];
    assert_eq!((unread.reason, unread.count), (Reason::Denied, 1));
    assert_eq!(unread.detail, "group: ims ListGroups: NoPermission");
    let users = process.known(Kind::User);
    assert_eq!((users.how, users.entities, users.complete_at), (How::Complete, 1, Some(Millis(210_000))));
    // To be read, and never was; and not to be read at all.
    assert_eq!((process.known(Kind::Role).how, process.known(Kind::Instance).how), (How::Unknown, How::Off));

    process.sync(300, &[("1", "ann")], groups(300));
    assert_eq!(process.known(Kind::Group).how, How::Complete);
    assert!(process.lately.unknown.is_empty());
}

#[test]
fn only_the_last_are_remembered_and_no_text_grows_without_end() {
    let mut process = Process::new();
    let names: Vec<(String, String)> = (10..90).map(|id| (id.to_string(), format!("user-{id}"))).collect();
    let users: Vec<(&str, &str)> = names.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
    process.sync(100, &users, groups(100));
    assert_eq!(process.lately.changes.len(), 50);
    assert!(process.told().contains(&("user.observed", "user-89 (89)")), "{:?}", process.told());
    let long = "n".repeat(10_000);
    let mut users = users.clone();
    users.push(("99", &long));
    process.sync(200, &users, groups(200));
    assert_eq!(process.lately.changes.len(), 50);
    let last = process.lately.changes.back().unwrap();
    assert_eq!((last.event_type.as_str(), last.words.chars().count()), ("user.added", 301));
    for second in 0..130 {
        process.lately.unpublished(at(1_000 + second), Duration::from_secs(1), &long);
    }
    assert_eq!(process.lately.syncs.len(), 100);
    let last = process.lately.syncs.back().unwrap();
    assert_eq!((last.at, last.came_to.as_ref().unwrap_err().chars().count()), (at(1_129), 301));
}
