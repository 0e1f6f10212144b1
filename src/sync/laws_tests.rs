//! The laws that hold over any sequence of syncs, whatever could not be read in them.
//!
//! A small account is changed at random, also between the two readings of one sync; random scopes
//! cannot be read; some publications are lost, as after a crash. What is committed is judged by what
//! truly happened, which the code under test never sees.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

use super::{
    publication::{Publication, Reading},
    topics::Topics,
};
use crate::{
    avro::{Encoder, read_notice},
    diff::{Change, Op, compare},
    event::Outcome,
    model::{
        Collection, Complete, Entity, ForKind, Found, Key, Kind, Listing, Millis, Reason, Scope, Unknown, Window,
        group::Group,
        membership::Membership,
        policy::{Policy, PolicyType},
        user::User,
    },
    state::State,
};

const ACCOUNT: &str = "5481000000000001";
const USERS: u8 = 4;
const GROUPS: u8 = 3;
const POLICIES: u8 = 4;
const READ: [Kind; 4] = [Kind::User, Kind::Group, Kind::Policy, Kind::Membership];

/// One step of the account's own life.
#[derive(Debug, Clone, Copy)]
enum Mutation {
    ToggleUser(u8),
    TouchUser(u8),
    ToggleGroup(u8),
    ToggleMember(u8, u8),
    TogglePolicy(u8),
    TouchPolicy(u8),
}

/// What cannot be read in one reading: a bit a thing.
#[derive(Debug, Clone, Copy, Default)]
struct Blind {
    users: bool,
    groups: bool,
    memberships: bool,
    members_of: u8,
    groups_passed_over: u8,
    policies: u8,
    user_details: u8,
    policy_details: u8,
}

#[derive(Debug, Clone)]
struct Step {
    before: Vec<Mutation>,
    first: Blind,
    between: Vec<Mutation>,
    second: Blind,
    is_lost: bool,
    /// Users that the service counts and does not list.
    phantoms: i64,
}

/// When something began, changed, and ended.
#[derive(Debug, Default, Clone)]
struct Times {
    begun: Vec<i64>,
    changed: Vec<i64>,
    ended: Vec<i64>,
}

/// The account as it truly is, and was.
#[derive(Debug, Default)]
struct Account {
    there: BTreeMap<Key, Arc<str>>,
    history: BTreeMap<Key, Times>,
}

fn bit(bits: u8, place: u8) -> bool {
    bits & (1 << place) != 0
}

fn json<E: Entity>(entity: &E) -> (Key, Arc<str>) {
    (entity.key(ACCOUNT), serde_json::to_string(entity).unwrap().into())
}

/// Comes back out of the recycle bin with the create date that it had.
fn user(id: u8, touched: i64) -> User {
    User {
        user_id: id.to_string(),
        user_name: format!("user-{id}"),
        user_principal_name: format!("user-{id}@example.onaliyun.com"),
        display_name: None,
        comments: Some(format!("as of {touched}")),
        email: None,
        mobile_phone: None,
        status: "active".into(),
        provision_type: None,
        tags: Vec::new(),
        create_date: Some(Millis(1_000)),
        update_date: Some(Millis(touched)),
    }
}

fn group(id: u8, at: i64) -> Group {
    Group {
        group_id: id.to_string(),
        group_name: format!("group-{id}"),
        display_name: None,
        comments: None,
        create_date: Some(Millis(at)),
        update_date: None,
    }
}

fn membership(group: u8, user: u8, at: i64) -> Membership {
    Membership { group_id: group.to_string(), user_id: user.to_string(), join_date: Some(Millis(at)) }
}

fn policy(id: u8, created: i64, touched: i64) -> Policy {
    Policy {
        policy_type: if id.is_multiple_of(2) { PolicyType::Custom } else { PolicyType::System },
        policy_name: format!("policy-{id}"),
        description: Some(format!("as of {touched}")),
        default_version: Some("v1".into()),
        default_document: None,
        versions: Vec::new(),
        tags: Vec::new(),
        create_date: Some(Millis(created)),
        update_date: Some(Millis(touched)),
    }
}

impl Account {
    fn put<E: Entity>(&mut self, entity: &E, at: i64) {
        let (key, json) = json(entity);
        let times = self.history.entry(key.clone()).or_default();
        let moment = if self.there.insert(key, json).is_some() { &mut times.changed } else { &mut times.begun };
        moment.push(at);
    }

    fn end(&mut self, key: &Key, at: i64) {
        if self.there.remove(key).is_some() {
            self.history.entry(key.clone()).or_default().ended.push(at);
        }
    }

    fn end_with_edges(&mut self, key: &Key, at: i64) {
        let edges: Vec<Key> = self
            .of(Kind::Membership)
            .map(|(key, _)| key.clone())
            .filter(|edge| Membership::ends(edge).contains(key))
            .collect();
        edges.iter().for_each(|edge| self.end(edge, at));
        self.end(key, at);
    }

    fn has(&self, key: &Key) -> bool {
        self.there.contains_key(key)
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = (&Key, &str)> {
        self.there.iter().filter(move |(key, _)| key.kind() == Some(kind)).map(|(key, json)| (key, &**json))
    }

    fn mutate(&mut self, mutation: Mutation, at: i64) {
        match mutation {
            Mutation::ToggleUser(id) => {
                let new = user(id, at);
                let key = new.key(ACCOUNT);
                if self.has(&key) { self.end_with_edges(&key, at) } else { self.put(&new, at) }
            }
            Mutation::TouchUser(id) => {
                let new = user(id, at);
                if self.has(&new.key(ACCOUNT)) {
                    self.put(&new, at);
                }
            }
            Mutation::ToggleGroup(id) => {
                let new = group(id, at);
                let key = new.key(ACCOUNT);
                if self.has(&key) { self.end_with_edges(&key, at) } else { self.put(&new, at) }
            }
            Mutation::ToggleMember(of, who) => {
                let new = membership(of, who, at);
                let key = new.key(ACCOUNT);
                if self.has(&key) {
                    self.end(&key, at);
                } else if Membership::ends(&key).iter().all(|end| self.has(end)) {
                    self.put(&new, at);
                }
            }
            Mutation::TogglePolicy(id) => {
                let new = policy(id, at, at);
                let key = new.key(ACCOUNT);
                if self.has(&key) { self.end(&key, at) } else { self.put(&new, at) }
            }
            Mutation::TouchPolicy(id) => {
                let key = policy(id, 0, 0).key(ACCOUNT);
                if let Some(held) = self.there.get(&key) {
                    let created = serde_json::from_str::<Policy>(held).unwrap().create_date.unwrap().0;
                    self.put(&policy(id, created, at), at);
                }
            }
        }
    }
}

fn throttled() -> Unknown {
    Unknown::new(Reason::Throttled, "Throttling.User")
}

fn window(begun: i64) -> Window {
    let at = |ms| Timestamp::from_millisecond(ms).unwrap();
    Window { begun_at: at(begun), ended_at: at(begun + 10_000) }
}

/// One reading of the account as it is now.
struct Eye<'a> {
    account: &'a Account,
    state: &'a State,
    blind: Blind,
    at: i64,
}

impl Eye<'_> {
    fn items(&self, kind: Kind, unread: impl Fn(&Key) -> bool) -> Vec<(Key, Found)> {
        let found = |(key, json): (&Key, &str)| {
            let found = if unread(key) { Found::Unread(throttled()) } else { Found::Known(json.into()) };
            (key.clone(), found)
        };
        self.account.of(kind).map(found).collect()
    }

    fn listing(&self, is_blind: bool, items: Vec<(Key, Found)>) -> Listing<(Key, Found)> {
        if is_blind { Err(throttled()) } else { Ok(Complete::proven(items, window(self.at))) }
    }

    fn users(&self) -> Collection {
        let unread =
            |key: &Key| (0..USERS).any(|id| bit(self.blind.user_details, id) && user(id, 0).key(ACCOUNT) == *key);
        Collection::whole_or_unknown(Kind::User, self.listing(self.blind.users, self.items(Kind::User, unread)))
    }

    fn groups(&self) -> Collection {
        let mut items = self.items(Kind::Group, |_| false);
        items.retain(|(key, _)| !self.passes_over(key));
        Collection::whole_or_unknown(Kind::Group, self.listing(self.blind.groups, items))
    }

    /// A listing that lacks a group that is published, for once: the second one has it.
    fn passes_over(&self, key: &Key) -> bool {
        let passed_over = |id| bit(self.blind.groups_passed_over, id) && group(id, 0).key(ACCOUNT) == *key;
        self.state.get(Kind::Group, key).is_some() && (0..GROUPS).any(passed_over)
    }

    fn memberships(&self) -> Collection {
        if self.blind.groups || self.blind.memberships {
            return Collection::unknown(Kind::Membership, throttled());
        }
        let asked = (0..GROUPS).map(|id| (id, group(id, 0).key(ACCOUNT)));
        let asked = asked.filter(|(_, key)| self.account.has(key) && !self.passes_over(key));
        let listings = asked.map(|(id, key)| {
            let scope = Membership::scope_of_group(&key);
            let items = self.items(Kind::Membership, |_| false);
            let items = items.into_iter().filter(|(key, _)| Membership::scope(key) == scope).collect();
            (scope, self.listing(bit(self.blind.members_of, id), items))
        });
        Collection::by_scope(Kind::Membership, window(self.at), listings.collect::<Vec<_>>())
    }

    fn policies(&self) -> Collection {
        let unread = |key: &Key| {
            (0..POLICIES).any(|id| bit(self.blind.policy_details, id) && policy(id, 0, 0).key(ACCOUNT) == *key)
        };
        let listings = [PolicyType::Custom, PolicyType::System].into_iter().zip(0..).map(|(of_type, place)| {
            let items = self.items(Kind::Policy, unread);
            let items = items.into_iter().filter(|(key, _)| Policy::scope(key) == of_type.scope()).collect();
            (of_type.scope(), self.listing(bit(self.blind.policies, place), items))
        });
        let listings: Vec<_> = listings.collect();
        if listings.iter().all(|(_, listing)| listing.is_err()) {
            return Collection::unknown(Kind::Policy, throttled());
        }
        Collection::by_scope(Kind::Policy, window(self.at), listings)
    }

    fn look(&self, phantoms: i64) -> BTreeMap<Kind, Collection> {
        let mut users = self.users();
        users.note_count_difference(-phantoms);
        [users, self.groups(), self.policies(), self.memberships()]
            .into_iter()
            .map(|read| (read.kind(), read))
            .collect()
    }
}

/// What the account was at one of the readings of a sync.
type Snapshot = BTreeMap<Key, Arc<str>>;

/// The published side: the state as folded from its records, and what a reader folds from events.
struct Published {
    state: State,
    fold: Snapshot,
    /// Keys that a committed sync proved absent: from then on their appearing is news.
    known_absent: BTreeSet<Key>,
    encoder: Arc<Encoder>,
    topics: Arc<Topics>,
}

/// One sync as the cycle does it, on the account `account`.
struct Sync {
    publication: Arc<Publication>,
    snapshots: Vec<Snapshot>,
    collections: BTreeMap<Kind, Collection>,
}

fn sync(state: &State, account: &mut Account, step: &Step, at: i64) -> Sync {
    let first = Eye { account, state, blind: step.first, at };
    let mut collections = first.look(step.phantoms);
    let mut snapshots = vec![account.there.clone()];
    let mut diff = compare(state, &collections);
    for (mutation, place) in step.between.iter().zip(0..) {
        account.mutate(*mutation, at + 20_000 + place);
    }
    if diff.doubtful().next().is_some() {
        let mut second = Eye { account, state, blind: Blind { groups_passed_over: 0, ..step.second }, at: at + 40_000 }
            .look(step.phantoms);
        snapshots.push(account.there.clone());
        for (kind, keys) in diff.doubtful().map(|(kind, keys)| (kind, keys.clone())).collect::<Vec<_>>() {
            assert!(!keys.is_empty());
            let (first, again) = (collections.remove(&kind).unwrap(), second.remove(&kind).unwrap());
            collections.insert(kind, first.confirmed_by(again, keys));
        }
        diff = compare(state, &collections);
        diff.settle();
    }
    let at = Timestamp::from_millisecond(at).unwrap();
    let reading =
        Reading { sync_id: Uuid::nil(), started_at: at, finished_at: at, collections: collections.clone(), diff };
    let publication = Arc::new(Publication::plan(state, reading, None, Uuid::nil()));
    Sync { publication, snapshots, collections }
}

impl Published {
    fn new() -> Self {
        Self {
            state: State::new(ACCOUNT),
            fold: Snapshot::new(),
            known_absent: BTreeSet::new(),
            encoder: Arc::new(Encoder::new(|_| 1, 2).unwrap()),
            topics: Arc::new(Topics::new("t", ACCOUNT)),
        }
    }

    fn commit(&mut self, sync: &Sync, account: &Account) -> Result<(), TestCaseError> {
        for change in &sync.publication.diff().changes {
            self.judge(change, sync, account)?;
            match &change.after {
                Some(after) => self.fold.insert(change.key.clone(), after.clone()),
                None => self.fold.remove(&change.key),
            };
        }
        for record in sync.publication.records(&self.topics, &self.encoder) {
            let record = record.unwrap();
            if record.topic == self.topics.state() {
                self.state.apply(&record.key, record.value.as_deref()).unwrap();
            }
        }
        self.hold_laws(sync)
    }

    /// What every event must be, by what truly happened.
    fn judge(&self, change: &Change, sync: &Sync, account: &Account) -> Result<(), TestCaseError> {
        let key = &change.key;
        let held = self.fold.get(key);
        let none = Times::default();
        let times = account.history.get(key).unwrap_or(&none);
        let in_window = |times: &[i64]| {
            change.span.from.is_some_and(|from| times.iter().any(|at| from.0 <= *at && *at <= change.span.to.0))
        };
        match change.op {
            Op::Created => {
                prop_assert!(held.is_none(), "{key} was there already");
                prop_assert!(in_window(&times.begun), "no beginning of {key} in {:?}: {times:?}", change.span);
            }
            Op::Updated => {
                prop_assert_eq!(held, change.before.as_ref());
                let moments = [&times.changed[..], &times.begun[..]].concat();
                prop_assert!(in_window(&moments), "no change of {key} in {:?}: {times:?}", change.span);
            }
            Op::Removed => {
                prop_assert_eq!(held, change.before.as_ref());
                prop_assert!(in_window(&times.ended), "no end of {key} in {:?}: {times:?}", change.span);
                prop_assert!(!sync.snapshots.iter().all(|then| then.contains_key(key)), "{key} was never gone");
            }
            Op::Observed => {
                prop_assert!(held.is_none(), "{key} was observed twice");
                prop_assert!(!self.known_absent.contains(key), "{key} is news, and not a baseline's");
            }
        }
        Ok(())
    }

    fn hold_laws(&mut self, sync: &Sync) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.state.verify(), Ok(()));
        let held: Snapshot = Kind::ALL
            .iter()
            .flat_map(|kind| self.state.entities(*kind))
            .map(|(key, held)| (key.clone(), held.entity.clone()))
            .collect();
        prop_assert_eq!(&held, &self.fold, "the fold of the events is the state");
        for edge in self.state.entities(Kind::Membership).keys() {
            prop_assert!(Membership::ends(edge).iter().all(|end| held.contains_key(end)), "{} hangs in the air", edge);
        }
        for kind in READ {
            kind.with(ScopesAreTrue { published: self, sync })?;
        }
        Ok(())
    }
}

/// A scope that is not called unknown is the account at one of the sync's readings.
struct ScopesAreTrue<'a> {
    published: &'a mut Published,
    sync: &'a Sync,
}

impl ForKind for ScopesAreTrue<'_> {
    type Output = Result<(), TestCaseError>;
    fn with<E: Entity>(self) -> Self::Output {
        let Self { published, sync } = self;
        let outcome = &sync.publication.diff().kinds[&E::KIND];
        let unknown = |key: &Key| {
            let scopes = [Scope::entity(key), E::scope(key), Scope::collection(E::KIND)];
            scopes.iter().any(|scope| outcome.unknown.contains_key(scope))
        };
        let known = |there: &Snapshot, scope: &Scope| {
            let keys = there.iter().filter(|(key, _)| key.kind() == Some(E::KIND));
            let keys = keys.filter(|(key, _)| E::scope(key) == *scope && !unknown(key));
            let compared = |json: &str| {
                let mut fields: serde_json::Value = serde_json::from_str(json).unwrap();
                fields.as_object_mut().unwrap().remove("update_date");
                fields
            };
            keys.map(|(key, json)| (key.clone(), compared(json))).collect::<BTreeMap<_, _>>()
        };
        let all = published.fold.keys().chain(sync.snapshots.iter().flat_map(BTreeMap::keys));
        let all = all.filter(|key| key.kind() == Some(E::KIND));
        let scopes: BTreeSet<Scope> = all.map(|key| E::scope(key)).collect();
        for scope in scopes {
            let held = known(&published.fold, &scope);
            let then: Vec<_> = sync.snapshots.iter().map(|then| known(then, &scope)).collect();
            prop_assert!(then.contains(&held), "{scope} is called known, holds {held:?}, and was {then:?}");
        }
        // What is not there although its scope was read will be news when it comes.
        let collection = &sync.collections[&E::KIND];
        for key in every_key() {
            let was_there = sync.snapshots.iter().any(|then| then.contains_key(&key));
            if key.kind() == Some(E::KIND) && !was_there && collection.knows(&E::scope(&key)) && !unknown(&key) {
                published.known_absent.insert(key);
            } else if published.fold.contains_key(&key) {
                published.known_absent.remove(&key);
            }
        }
        Ok(())
    }
}

fn every_key() -> Vec<Key> {
    let users = (0..USERS).map(|id| user(id, 0).key(ACCOUNT));
    let groups = (0..GROUPS).map(|id| group(id, 0).key(ACCOUNT));
    let policies = (0..POLICIES).map(|id| policy(id, 0, 0).key(ACCOUNT));
    let members = (0..GROUPS).flat_map(|of| (0..USERS).map(move |who| membership(of, who, 0).key(ACCOUNT)));
    users.chain(groups).chain(policies).chain(members).collect()
}

fn any_mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        (0..USERS).prop_map(Mutation::ToggleUser),
        (0..USERS).prop_map(Mutation::TouchUser),
        (0..GROUPS).prop_map(Mutation::ToggleGroup),
        (0..GROUPS, 0..USERS).prop_map(|(of, who)| Mutation::ToggleMember(of, who)),
        (0..GROUPS, 0..USERS).prop_map(|(of, who)| Mutation::ToggleMember(of, who)),
        (0..POLICIES).prop_map(Mutation::TogglePolicy),
        (0..POLICIES).prop_map(Mutation::TouchPolicy),
    ]
}

fn some_bits() -> impl Strategy<Value = u8> {
    prop_oneof![3 => Just(0_u8), 1 => 0..16_u8]
}

fn any_blind() -> impl Strategy<Value = Blind> {
    let whole = || prop::bool::weighted(0.15);
    (whole(), whole(), whole(), some_bits(), some_bits(), some_bits(), some_bits(), some_bits()).prop_map(
        |(users, groups, memberships, members_of, groups_passed_over, policies, user_details, policy_details)| Blind {
            users,
            groups,
            memberships,
            members_of,
            groups_passed_over,
            policies,
            user_details,
            policy_details,
        },
    )
}

fn any_step() -> impl Strategy<Value = Step> {
    let mutations = |most| prop::collection::vec(any_mutation(), 0..most);
    (
        mutations(4),
        any_blind(),
        mutations(3),
        any_blind(),
        prop::bool::weighted(0.1),
        prop_oneof![3 => Just(0_i64), 1 => 0..3_i64],
    )
        .prop_map(|(before, first, between, second, is_lost, phantoms)| Step {
            before,
            first,
            between,
            second,
            is_lost,
            phantoms,
        })
}

fn quiet(phantoms: i64) -> Step {
    let blind = Blind::default();
    Step { before: vec![], first: blind, between: vec![], second: blind, is_lost: false, phantoms }
}

/// The notices of a sync in which no group's members can be read for this reason, if there is one.
fn told_of_members(published: &mut Published, account: &Account, why: Option<Reason>, at: i64) -> Vec<String> {
    let mut collections = Eye { account, state: &published.state, blind: Blind::default(), at }.look(0);
    if let Some(reason) = why {
        let unread = |(group, _)| (Membership::scope_of_group(group), Err(Unknown::new(reason, "ListUsersForGroup")));
        let listings: Vec<_> = account.of(Kind::Group).map(unread).collect();
        collections.insert(Kind::Membership, Collection::by_scope(Kind::Membership, window(at), listings));
    }
    let keys: BTreeSet<Key> = compare(&published.state, &collections).kinds[&Kind::Group].doubtful.clone();
    let groups = collections.remove(&Kind::Group).unwrap();
    collections.insert(Kind::Group, groups.clone().confirmed_by(groups, keys));
    let diff = compare(&published.state, &collections);
    let now = Timestamp::from_millisecond(at).unwrap();
    let reading = Reading { sync_id: Uuid::nil(), started_at: now, finished_at: now, collections, diff };
    let publication = Arc::new(Publication::plan(&published.state, reading, None, Uuid::nil()));
    let mut told = Vec::new();
    for record in publication.records(&published.topics, &published.encoder).map(Result::unwrap) {
        if record.topic == published.topics.state() {
            published.state.apply(&record.key, record.value.as_deref()).unwrap();
        } else if record.topic == published.topics.syncs() {
            told.push(read_notice(record.value.as_deref().unwrap()).unwrap().notice_type);
        }
    }
    told
}

#[test]
fn permission_regained_is_told_once_whatever_came_in_between_and_not_of_groups_that_are_gone() {
    let (mut account, mut published) = (Account::default(), Published::new());
    account.mutate(Mutation::ToggleGroup(1), 2_000);
    account.mutate(Mutation::ToggleGroup(2), 2_000);
    let mut told = |account: &Account, why, at| told_of_members(&mut published, account, why, at);
    assert_eq!(told(&account, None, 100_000), ["sync.completed"]);
    assert_eq!(told(&account, Some(Reason::Denied), 200_000), ["coverage.lost", "sync.completed"]);
    assert_eq!(told(&account, Some(Reason::Throttled), 300_000), ["sync.completed"]);
    assert_eq!(told(&account, Some(Reason::Denied), 400_000), ["sync.completed"]);
    assert_eq!(told(&account, None, 500_000), ["coverage.restored", "sync.completed"]);
    assert_eq!(told(&account, Some(Reason::Denied), 600_000), ["coverage.lost", "sync.completed"]);
    account.mutate(Mutation::ToggleGroup(1), 650_000);
    account.mutate(Mutation::ToggleGroup(2), 650_000);
    assert_eq!(told(&account, None, 700_000), ["sync.completed"]);
    assert!(published.state.scopes().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(1_000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_cannot_be_read_what_is_published_is_true_and_in_the_end_whole(
        start in prop::collection::vec(any_mutation(), 0..16),
        steps in prop::collection::vec(any_step(), 1..7),
    ) {
        let mut account = Account::default();
        let mut published = Published::new();
        for (mutation, place) in start.iter().zip(0..) {
            account.mutate(*mutation, 2_000 + place);
        }
        let phantoms = steps.last().unwrap().phantoms;
        let steps = steps.into_iter().chain([quiet(phantoms), quiet(phantoms), quiet(phantoms)]);
        let mut at = 0;
        let mut last = None;
        for step in steps {
            for (mutation, place) in step.before.iter().zip(0..) {
                account.mutate(*mutation, at + 70_000 + place);
            }
            at += 100_000;
            let sync = sync(&published.state, &mut account, &step, at);
            if !step.is_lost {
                published.commit(&sync, &account)?;
                last = Some(sync);
            }
        }
        let last = last.unwrap();
        let keys = |there: &Snapshot| there.keys().cloned().collect::<Vec<_>>();
        prop_assert_eq!(keys(&published.fold), keys(&account.there), "after complete readings of a quiet account");
        prop_assert_eq!(last.publication.outcome(), Outcome::Complete);
        prop_assert_eq!(last.publication.diff().changes.len(), 0);
        prop_assert!(published.state.scopes().is_empty(), "{:?}", published.state.scopes());
    }
}
