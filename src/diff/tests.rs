//! The laws of the comparison, on a small world that is changed one thing at a time.

use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{
    model::{
        Complete, Found, Millis, Reason, Window, group::Group, login_profile::LoginProfile, membership::Membership,
        policy::PolicyType, policy_attachment::PolicyAttachment, user::User,
    },
    state::{CollectionProgress, Progress, entity_record, progress_key},
};

#[path = "between_tests.rs"]
mod between_states;
#[path = "edges_tests.rs"]
mod edges;

const ACCOUNT: &str = "5481000000000001";

/// What an account holds, to be read or to be the published state.
#[derive(Clone, Debug, Default)]
struct World {
    users: Vec<User>,
    groups: Vec<Group>,
    memberships: Vec<Membership>,
}

fn user(id: &str, name: &str) -> User {
    User {
        user_id: id.into(),
        user_name: name.into(),
        user_principal_name: format!("{name}@example.onaliyun.com"),
        display_name: None,
        comments: None,
        email: None,
        mobile_phone: None,
        status: "active".into(),
        provision_type: None,
        tags: Vec::new(),
        create_date: Some(Millis(1_000)),
        update_date: Some(Millis(1_000)),
    }
}

fn group(id: &str) -> Group {
    Group {
        group_id: id.into(),
        group_name: format!("group-{id}"),
        display_name: None,
        comments: None,
        create_date: Some(Millis(1_000)),
        update_date: None,
    }
}

fn membership(group: &str, user: &str, join_date: i64) -> Membership {
    Membership { group_id: group.into(), user_id: user.into(), join_date: Some(Millis(join_date)) }
}

fn found<E: Entity>(entity: &E) -> (Key, Found) {
    (entity.key(ACCOUNT), Found::Known(serde_json::to_string(entity).unwrap().into()))
}

fn window(begun: i64, ended: i64) -> Window {
    let at = |ms| Timestamp::from_millisecond(ms).unwrap();
    Window { begun_at: at(begun), ended_at: at(ended) }
}

fn complete<E: Entity>(entities: &[E]) -> Complete<(Key, Found)> {
    Complete::proven(entities.iter().map(found).collect(), window(50_000, 60_000))
}

impl World {
    fn small() -> Self {
        Self {
            users: vec![user("1", "alice"), user("2", "bob")],
            groups: vec![group("g")],
            memberships: vec![membership("g", "1", 2_000)],
        }
    }

    fn read(&self) -> BTreeMap<Kind, Collection> {
        let members = self.groups.iter().map(|group| {
            let of_group: Vec<_> =
                self.memberships.iter().filter(|edge| edge.group_id == group.group_id).cloned().collect();
            (Membership::scope_of_group(&group.key(ACCOUNT)), Ok(complete(&of_group)))
        });
        BTreeMap::from([
            (Kind::User, Collection::whole(Kind::User, complete(&self.users))),
            (Kind::Group, Collection::whole(Kind::Group, complete(&self.groups))),
            (Kind::Membership, Collection::by_scope(Kind::Membership, window(50_000, 60_000), members)),
        ])
    }

    /// This world as the published state at sequence 7, last read completely from 40 s to 45 s.
    fn published(&self) -> State {
        let mut state = State::new(ACCOUNT);
        let mut put = |(key, found): (Key, Found)| {
            let Found::Known(json) = found else { unreachable!() };
            state.apply(key.as_ref(), Some(&entity_record("1", 7, &json))).unwrap();
        };
        self.users.iter().map(found).for_each(&mut put);
        self.groups.iter().map(found).for_each(&mut put);
        self.memberships.iter().map(found).for_each(&mut put);
        set_progress(&mut state, |_| {});
        state
    }
}

/// As if what is held had been written under an earlier version.
fn outdate(state: &mut State) {
    for kind in Kind::ALL {
        let held: Vec<_> = state.entities(*kind).iter().map(|(key, held)| (key.clone(), held.entity.clone())).collect();
        for (key, entity) in held {
            state.apply(key.as_ref(), Some(&entity_record("0", 7, &entity))).unwrap();
        }
    }
}

fn set_progress(state: &mut State, adjust: impl Fn(&mut CollectionProgress)) {
    let mut progress = Progress::first(Uuid::nil(), ACCOUNT);
    progress.sequence = 7;
    for kind in Kind::ALL {
        let mut said = CollectionProgress {
            model_version: "1".into(),
            baselined: true,
            begun_at: Some(Millis(40_000)),
            complete_at: Some(Millis(45_000)),
            ..CollectionProgress::default()
        };
        adjust(&mut said);
        progress.collections.insert(*kind, said);
    }
    state.apply(progress_key(ACCOUNT).as_bytes(), Some(&progress.to_value())).unwrap();
}

/// The sync's way: what is doubtful is read again, and compared once more.
fn compare_twice(state: &State, first: &World, second: &World) -> Diff {
    let mut collections = first.read();
    let diff = compare(state, &collections);
    let mut again = second.read();
    for (kind, doubtful) in diff.doubtful() {
        let first = collections.remove(&kind).unwrap();
        let confirmed = first.confirmed_by(again.remove(&kind).unwrap(), doubtful.clone());
        collections.insert(kind, confirmed);
    }
    compare(state, &collections)
}

/// `user.added 1`, in publishing order.
fn told(diff: &Diff) -> Vec<String> {
    let told = |change: &Change| {
        let components: Vec<_> = change.key.components().collect();
        let cause = change.cause.map(|cause| format!(" ({})", cause.as_str())).unwrap_or_default();
        format!("{}.{} {}{cause}", change.kind, change.verb, components.join("/"))
    };
    diff.changes.iter().map(told).collect()
}

/// The scopes that hang in the air.
fn dangling(diff: &Diff) -> Vec<&str> {
    let unknown = diff.kinds.values().flat_map(|outcome| &outcome.unknown);
    unknown.filter(|(_, why)| why.reason == Reason::Dangling).map(|(scope, _)| scope.as_str()).collect()
}

fn apply(state: &mut State, diff: &Diff, sequence: i64) {
    for change in &diff.changes {
        let value = change.after.as_ref().map(|after| entity_record(change.kind.model_version(), sequence, after));
        state.apply(change.key.as_ref(), value.as_deref()).unwrap();
    }
}

#[test]
fn an_unchanged_account_has_no_changes() {
    let world = World::small();
    assert_eq!(told(&compare(&world.published(), &world.read())), [""; 0]);
}

#[test]
fn an_addition_is_seen_at_first_sight_and_a_new_edge_follows_its_ends() {
    let mut world = World::small();
    let state = world.published();
    world.users.push(User { create_date: Some(Millis(48_000)), ..user("3", "carol") });
    world.memberships.push(membership("g", "3", 48_500));
    let diff = compare(&state, &world.read());
    assert_eq!(told(&diff), ["user.added 3", "membership.added g/3"]);
    assert_eq!(diff.changes[0].span, Span { from: Some(Millis(40_000)), to: Millis(60_000) });
}

#[test]
fn a_removal_needs_two_listings() {
    let mut world = World::small();
    let state = world.published();
    world.users.retain(|user| user.user_id != "2");
    let once = compare(&state, &world.read());
    assert_eq!(told(&once), [""; 0]);
    assert_eq!(once.doubtful().count(), 1);
    assert_eq!(told(&compare_twice(&state, &world, &world)), ["user.removed 2"]);
    let back = compare_twice(&state, &world, &World::small());
    assert_eq!((told(&back), back.doubtful().count()), (vec![], 0));
}

#[test]
fn much_that_is_missing_is_suspected_and_a_little_is_not() {
    let users = |count: usize| (0..count).map(|id| user(&id.to_string(), &format!("user-{id}"))).collect::<Vec<_>>();
    let suspected = |held: usize, left: usize| {
        let state = World { users: users(held), ..World::default() }.published();
        compare(&state, &World { users: users(left), ..World::default() }.read()).suspected_removals(&state)
    };
    assert_eq!(suspected(20, 15), []);
    assert_eq!(suspected(20, 14), [(Kind::User, 6, 20)]);
    assert_eq!(suspected(100, 90), []);
    assert_eq!(suspected(100, 89), [(Kind::User, 11, 100)]);
    assert_eq!(suspected(3, 1), []);
    assert_eq!(suspected(3, 0), [(Kind::User, 3, 3)]);
}

#[test]
fn a_removed_entity_takes_its_edges_along_even_if_they_could_not_be_read() {
    let mut world = World::small();
    let state = world.published();
    world.users.retain(|user| user.user_id != "1");
    world.memberships.clear();
    let mut collections = world.read();
    let why = Unknown::new(Reason::Denied, "NoPermission");
    collections.insert(Kind::Membership, Collection::unknown(Kind::Membership, why));
    let users = collections.remove(&Kind::User).unwrap();
    let gone = BTreeSet::from([user("1", "alice").key(ACCOUNT)]);
    collections.insert(Kind::User, users.clone().confirmed_by(users, gone));
    let diff = compare(&state, &collections);
    assert_eq!(told(&diff), ["membership.removed g/1 (cascade)", "user.removed 1"]);
}

#[test]
fn an_unknown_scope_keeps_its_state_while_others_go_on() {
    let mut world = World::small();
    world.groups.push(group("h"));
    world.memberships.push(membership("h", "2", 2_000));
    let state = world.published();
    let mut collections = world.read();
    let scope = |id: &str| Membership::scope_of_group(&group(id).key(ACCOUNT));
    let why = Unknown::new(Reason::Throttled, "Throttling.User");
    let listings = [(scope("g"), Err(why)), (scope("h"), Ok(complete::<Membership>(&[])))];
    collections.insert(Kind::Membership, Collection::by_scope(Kind::Membership, window(50_000, 60_000), listings));
    let diff = compare(&state, &collections);
    let doubtful: Vec<_> = diff.doubtful().flat_map(|(_, keys)| keys).map(Key::path).collect();
    assert_eq!(doubtful, ["membership/h/2"]);
    assert_eq!(diff.kinds[&Kind::Membership].unknown.keys().map(Scope::as_str).collect::<Vec<_>>(), ["membership/g"]);
}

#[test]
fn a_scope_that_was_not_listed_at_all_is_unknown() {
    let mut world = World::small();
    let state = world.published();
    world.groups.clear();
    world.memberships.clear();
    let diff = compare(&state, &world.read());
    let doubtful: Vec<_> = diff.doubtful().flat_map(|(_, keys)| keys).map(Key::path).collect();
    assert_eq!(doubtful, ["group/g"], "the membership is not missing, its scope was never read");
    let unread = &diff.kinds[&Kind::Membership].unknown;
    assert_eq!(
        unread.iter().map(|(scope, why)| (scope.as_str(), why.reason)).collect::<Vec<_>>(),
        [("membership/g", Reason::ParentGone)]
    );
    let gone = compare_twice(&state, &world, &world);
    assert_eq!(told(&gone), ["membership.removed g/1 (cascade)", "group.removed g"]);
    assert!(gone.kinds[&Kind::Membership].unknown.is_empty());
}

#[test]
fn what_is_withheld_takes_its_edges_along() {
    let mut world = World::small();
    let state = world.published();
    world.users.push(User { create_date: Some(Millis(48_000)), ..user("3", "carol") });
    world.memberships.push(membership("g", "3", 48_500));
    let mut diff = compare(&state, &world.read());
    let large = user("3", "carol").key(ACCOUNT);
    diff.withhold(&state, BTreeMap::from([(large, Unknown::new(Reason::TooLarge, "1100000 bytes"))]));
    assert_eq!(told(&diff), [""; 0]);
    assert_eq!(dangling(&diff), ["membership/g/3"]);
    assert_eq!(diff.kinds[&Kind::User].unknown.values().next().unwrap().reason, Reason::TooLarge);
}

#[test]
fn a_rename_is_one_event_and_keeps_the_key() {
    let mut world = World::small();
    let state = world.published();
    world.users[0].user_name = "alicia".into();
    world.users[0].user_principal_name = "alicia@example.onaliyun.com".into();
    let diff = compare(&state, &world.read());
    assert_eq!(told(&diff), ["user.renamed 1"]);
    assert_eq!(diff.changes[0].changed_fields, ["user_name", "user_principal_name"]);
    assert_eq!(diff.changes[0].previous_revision, Some(7));
}

#[test]
fn freezing_and_unfreezing_have_words_of_their_own() {
    let mut frozen = World::small();
    frozen.users[1].status = "frozen".into();
    assert_eq!(told(&compare(&World::small().published(), &frozen.read())), ["user.frozen 2"]);
    assert_eq!(told(&compare(&frozen.published(), &World::small().read())), ["user.unfrozen 2"]);
}

#[test]
fn a_later_join_date_means_removed_and_added_again() {
    let mut world = World::small();
    let state = world.published();
    world.memberships[0].join_date = Some(Millis(47_000));
    assert_eq!(told(&compare(&state, &world.read())), ["membership.readded g/1"]);
}

#[test]
fn the_same_name_with_another_id_is_a_removal_and_an_addition() {
    let mut world = World::small();
    let state = world.published();
    world.users[1] = User { create_date: Some(Millis(48_000)), ..user("9", "bob") };
    assert_eq!(told(&compare_twice(&state, &world, &world)), ["user.removed 2", "user.added 9"]);
}

#[test]
fn an_update_date_alone_is_no_change() {
    let mut world = World::small();
    let state = world.published();
    world.users[0].update_date = Some(Millis(48_000));
    assert_eq!(told(&compare(&state, &world.read())), [""; 0]);
}

#[test]
fn a_date_that_moves_back_makes_the_listing_unknown() {
    let mut world = World::small();
    let state = world.published();
    world.users[0].update_date = Some(Millis(500));
    world.users[0].comments = Some("as it was".into());
    world.users.retain(|user| user.user_id != "2");
    let diff = compare(&state, &world.read());
    assert_eq!((told(&diff), diff.doubtful().count()), (vec![], 0));
    assert_eq!(diff.kinds[&Kind::User].unknown.values().next().unwrap().reason, Reason::Stale);
}

#[test]
fn an_addition_that_should_have_been_seen_before_is_confirmed_like_a_removal() {
    let mut world = World::small();
    let state = world.published();
    world.users.push(user("3", "carol"));
    assert_eq!(told(&compare(&state, &world.read())), [""; 0]);
    assert_eq!(told(&compare_twice(&state, &world, &world)), ["user.added 3"]);
    assert_eq!(told(&compare_twice(&state, &world, &World::small())), [""; 0]);
}

#[test]
fn what_is_older_than_a_change_of_what_it_hangs_on_is_seen_twice_for_the_name_may_have_been_anothers() {
    let state = World::small().published();
    let joined = |join_dates: &[i64]| {
        let mut world = World::small();
        world.groups[0].update_date = Some(Millis(47_000));
        world.memberships =
            (1..).zip(join_dates).map(|(user, date)| membership("g", &user.to_string(), *date)).collect();
        world
    };
    let before = joined(&[2_000]);
    for (after, verb) in [(joined(&[2_000, 46_999]), "added g/2"), (joined(&[46_999]), "readded g/1")] {
        let told_once = [format!("membership.{verb}")];
        assert_eq!(told(&compare(&state, &after.read())), [""; 0]);
        assert_eq!(told(&compare_twice(&state, &after, &after)), told_once);
        assert_eq!(told(&compare_twice(&state, &after, &before)), [""; 0]);
    }
    assert_eq!(
        told(&compare(&state, &joined(&[47_000, 47_000]).read())),
        ["membership.readded g/1", "membership.added g/2"]
    );
}

#[test]
fn a_login_profile_that_is_older_than_a_change_of_its_user_is_seen_twice_alike() {
    let profile = |status: &str, date| LoginProfile {
        user_id: "1".into(),
        status: status.into(),
        mfa_bind_required: None,
        password_reset_required: None,
        update_date: Some(Millis(date)),
    };
    let mut state = World::small().published();
    let (key, Found::Known(json)) = found(&profile("active", 900)) else { unreachable!() };
    state.apply(key.as_ref(), Some(&entity_record("1", 7, &json))).unwrap();
    set_progress(&mut state, |_| {});
    let read = |status: &str, date| {
        let mut world = World::small();
        world.users[0].update_date = Some(Millis(47_000));
        let mut read = world.read();
        let listed = (LoginProfile::scope(&key), Ok(complete(&[profile(status, date)])));
        read.insert(Kind::LoginProfile, Collection::by_scope(Kind::LoginProfile, window(50_000, 60_000), [listed]));
        read
    };
    let twice = |first: (&str, i64), second: (&str, i64)| {
        let (mut first, mut second) = (read(first.0, first.1), read(second.0, second.1));
        let doubtful: BTreeSet<Key> = compare(&state, &first).kinds[&Kind::LoginProfile].doubtful.clone();
        let again = second.remove(&Kind::LoginProfile).unwrap();
        let confirmed = first.remove(&Kind::LoginProfile).unwrap().confirmed_by(again, doubtful);
        first.insert(Kind::LoginProfile, confirmed);
        told(&compare(&state, &first))
    };
    assert_eq!(told(&compare(&state, &read("inactive", 47_000))), ["login_profile.deactivated 1"]);
    assert_eq!(told(&compare(&state, &read("inactive", 46_999))), [""; 0]);
    assert_eq!(twice(("inactive", 46_999), ("inactive", 46_999)), ["login_profile.deactivated 1"]);
    assert_eq!(twice(("other", 46_999), ("inactive", 46_999)), [""; 0], "one of them is another's");
    assert_eq!(twice(("inactive", 46_999), ("active", 900)), [""; 0]);
}

#[test]
fn a_principal_name_that_no_date_and_no_rename_explains_is_seen_twice() {
    let mut old = World::small();
    let state = old.published();
    old.users[0].user_principal_name = "alice@earlier.onaliyun.com".into();
    assert_eq!(told(&compare(&state, &old.read())), [""; 0]);
    assert_eq!(told(&compare_twice(&state, &old, &World::small())), [""; 0], "the first answer was an old one");
    assert_eq!(told(&compare_twice(&state, &old, &old)), ["user.updated 1"]);
    old.users[0].update_date = Some(Millis(2_000));
    assert_eq!(told(&compare(&state, &old.read())), ["user.updated 1"], "it was touched");
}

#[test]
fn an_edge_without_its_end_is_held_alone() {
    let mut world = World::small();
    let state = world.published();
    world.memberships.push(membership("g", "404", 48_000));
    world.memberships.push(membership("g", "2", 48_000));
    let diff = compare(&state, &world.read());
    assert_eq!(told(&diff), ["membership.added g/2"]);
    assert_eq!(dangling(&diff), ["membership/g/404"]);
}

#[test]
fn the_first_reading_and_a_new_model_version_are_baselines() {
    let world = World::small();
    let observed =
        ["user.observed 1", "user.observed 2", "group.observed g", "membership.observed g/1"].map(str::to_owned);
    assert_eq!(told(&compare(&State::new(ACCOUNT), &world.read())), observed);
    let mut old = world.published();
    set_progress(&mut old, |said| said.model_version = "0".into());
    assert_eq!(told(&compare(&old, &world.read())), observed);
}

#[test]
fn what_the_baseline_of_a_new_version_could_not_read_is_observed_when_it_is_read() {
    let world = World::small();
    let mut state = world.published();
    outdate(&mut state);
    assert_eq!(
        told(&compare(&state, &world.read())),
        ["user.observed 1", "user.observed 2", "group.observed g", "membership.observed g/1",]
    );
    let observed = compare(&state, &world.read());
    apply(&mut state, &observed, 8);
    assert_eq!(told(&compare(&state, &world.read())), [""; 0]);
}

#[test]
fn a_new_version_of_the_account_is_observed_with_what_was_held_and_is_never_a_change() {
    use crate::model::account::Account;
    let mut state = State::new(ACCOUNT);
    let key = Key::new(ACCOUNT, Kind::Account, &[]);
    state.apply(key.as_ref(), Some(&entity_record("1", 7, r#"{"alias":"example"}"#))).unwrap();
    set_progress(&mut state, |_| {});
    let read = Account { alias: Some("other".into()), root_mfa_enabled: Some(true), default_domain: Some("d".into()) };
    let listing = Collection::whole(Kind::Account, complete(std::slice::from_ref(&read)));
    let diff = compare(&state, &BTreeMap::from([(Kind::Account, listing)]));
    assert!(diff.kinds[&Kind::Account].baseline);
    let [observed] = &diff.changes[..] else { panic!("{:?}", diff.changes) };
    assert_eq!((observed.op, observed.verb), (Op::Observed, crate::model::Verb::Observed));
    assert_eq!((observed.before.as_deref(), observed.previous_revision), (Some(r#"{"alias":"example"}"#), Some(7)));
    assert_eq!((observed.model_version(), observed.changed_fields.len(), observed.span.from), ("2", 0, None));

    // What could not be read stays as it was written, and is told again as that.
    let unknown = Collection::unknown(Kind::Account, Unknown::new(Reason::Denied, "GetDefaultDomain"));
    assert!(compare(&state, &BTreeMap::from([(Kind::Account, unknown)])).changes.is_empty());
    let rows: Vec<_> = crate::event::rows(&state, Kind::Account, 0).collect();
    assert_eq!(rows[0].change().model_version(), "1");

    // Once it is observed, what differs is a change again.
    apply(&mut state, &diff, 8);
    set_progress(&mut state, |said| said.model_version = "2".into());
    let moved = Account { root_mfa_enabled: Some(false), ..read };
    let listing = Collection::whole(Kind::Account, complete(&[moved]));
    let once = compare(&state, &BTreeMap::from([(Kind::Account, listing.clone())]));
    assert!(once.changes.is_empty(), "it has no date, and is to be seen twice");
    let twice = listing.clone().confirmed_by(listing, once.doubtful().next().unwrap().1.clone());
    let diff = compare(&state, &BTreeMap::from([(Kind::Account, twice)]));
    assert_eq!(diff.changes[0].changed_fields, ["root_mfa_enabled"]);
}

#[test]
fn what_has_no_date_has_to_be_seen_alike_in_two_listings() {
    use crate::model::policy::{Policy, PolicyType};
    use crate::model::{account::Account, instance::Instance};

    /// The changed fields when `held` is published and the two listings show `first` and `second`.
    fn changed<E: Entity>(held: &E, first: &E, second: &E) -> Vec<&'static str> {
        let mut state = State::new(ACCOUNT);
        let json = serde_json::to_string(held).unwrap();
        state.apply(held.key(ACCOUNT).as_ref(), Some(&entity_record(E::MODEL_VERSION, 7, &json))).unwrap();
        set_progress(&mut state, |said| said.model_version = E::MODEL_VERSION.into());
        let listing = |shown: &E| Collection::whole(E::KIND, complete(std::slice::from_ref(shown)));
        let once = compare(&state, &BTreeMap::from([(E::KIND, listing(first))]));
        assert!(once.changes.is_empty(), "{:?}", once.changes);
        let doubtful = once.doubtful().next().unwrap().1.clone();
        let twice = listing(first).confirmed_by(listing(second), doubtful);
        compare(&state, &BTreeMap::from([(E::KIND, twice)]))
            .changes
            .into_iter()
            .flat_map(|c| c.changed_fields)
            .collect()
    }

    let account = |domain: &str| Account { alias: None, root_mfa_enabled: None, default_domain: Some(domain.into()) };
    assert_eq!(changed(&account("a"), &account("b"), &account("b")), ["default_domain"]);
    assert_eq!(changed(&account("a"), &account("b"), &account("c")), [""; 0], "each was shown once");

    let policy = |version: &str| Policy {
        policy_type: PolicyType::System,
        policy_name: "P".into(),
        description: None,
        default_version: Some(version.into()),
        default_document: None,
        versions: Vec::new(),
        tags: Vec::new(),
        create_date: None,
        update_date: None,
    };
    assert_eq!(changed(&policy("v1"), &policy("v2"), &policy("v2")), ["default_version"]);
    assert_eq!(changed(&policy("v2"), &policy("v1"), &policy("v2")), [""; 0]);

    let instance = |role: Option<&str>, status: &str| Instance {
        region: "eu-central-1".into(),
        instance_id: "i-1".into(),
        instance_name: None,
        vpc_id: None,
        role_name: role.map(Into::into),
        status: Some(status.into()),
        tags: Vec::new(),
        creation_time: None,
    };
    let (bare, ready) = (instance(None, "Stopped"), instance(Some("R"), "Running"));
    assert_eq!(changed(&bare, &ready, &bare), [""; 0], "an old answer shows a role that was taken away");
    assert_eq!(changed(&bare, &instance(Some("R"), "Starting"), &ready), ["role_name", "status"]);
}

#[test]
fn what_a_baseline_holds_back_for_want_of_its_ends_is_observed_later_and_not_added() {
    use crate::state::{ScopeRecord, scope_key};
    let world = World::small();
    let mut collections = world.read();
    let why = Unknown::new(Reason::Throttled, "Throttling.User");
    collections.insert(Kind::User, Collection::unknown(Kind::User, why));
    let first = compare(&State::new(ACCOUNT), &collections);
    assert_eq!(told(&first), ["group.observed g"]);
    let missed: Vec<_> = first.kinds[&Kind::Membership].unknown.keys().cloned().collect();
    assert_eq!(missed.iter().map(Scope::as_str).collect::<Vec<_>>(), ["membership/g/1"]);

    let mut state = State::new(ACCOUNT);
    apply(&mut state, &first, 1);
    set_progress(&mut state, |_| {});
    let record = ScopeRecord::new(missed[0].clone(), None, Reason::Dangling, true);
    state.apply(scope_key(ACCOUNT, &missed[0]).as_bytes(), Some(&record.to_value())).unwrap();
    assert_eq!(
        told(&compare_twice(&state, &world, &world)),
        ["user.added 1", "user.added 2", "membership.observed g/1"]
    );
}

#[test]
fn a_listing_shorter_than_the_count_calls_nothing_gone_but_lets_additions_pass() {
    let mut world = World::small();
    let state = world.published();
    world.users[1] = User { create_date: Some(Millis(48_000)), ..user("9", "nina") };
    let mut collections = world.read();
    let mut users = collections.remove(&Kind::User).unwrap();
    users.note_count_difference(-1);
    let gone = BTreeSet::from([user("2", "bob").key(ACCOUNT)]);
    collections.insert(Kind::User, users.clone().confirmed_by(users.clone(), gone.clone()));
    let diff = compare(&state, &collections);
    assert_eq!(told(&diff), ["user.added 9"]);
    assert_eq!(diff.kinds[&Kind::User].unknown.values().next().unwrap().reason, Reason::RemovalsUnproven);

    let mut used_to_it = world.published();
    used_to_it.clone_from(&state);
    set_progress(&mut used_to_it, |said| said.count_difference = Some(-1));
    collections.insert(Kind::User, users.clone().confirmed_by(users, gone));
    assert_eq!(told(&compare(&used_to_it, &collections)), ["user.removed 2", "user.added 9"]);
}

#[test]
fn an_unread_entity_is_present_and_nothing_else() {
    let world = World::small();
    let state = world.published();
    let mut items: Vec<_> = world.users.iter().map(found).collect();
    items[0].1 = Found::Unread(Unknown::new(Reason::Throttled, "GetUser"));
    items.push((user("3", "carol").key(ACCOUNT), Found::Unread(Unknown::new(Reason::Throttled, "GetUser"))));
    let users = Collection::whole(Kind::User, Complete::proven(items, window(50_000, 60_000)));
    let diff = compare(&state, &BTreeMap::from([(Kind::User, users)]));
    assert_eq!((told(&diff), diff.doubtful().count()), (vec![], 0));
    assert_eq!(diff.kinds[&Kind::User].unknown.len(), 2);
}

#[test]
fn keys_of_attachments_lead_to_their_ends() {
    let attachment = PolicyAttachment {
        policy_type: PolicyType::System,
        policy_name: "AdministratorAccess".into(),
        principal_type: Kind::User,
        principal_id: "2441".into(),
        scope: "account".into(),
        attach_date: None,
    };
    let key = attachment.key(ACCOUNT);
    assert_eq!(key.path(), "policy_attachment/system/administratoraccess/user/2441/account");
    let ends = PolicyAttachment::ends(&key);
    assert_eq!(ends.iter().map(Key::path).collect::<Vec<_>>(), ["policy/system/administratoraccess", "user/2441"]);
    assert_eq!(PolicyAttachment::scope(&key).as_str(), "policy_attachment/user/2441");
    assert_eq!(PolicyAttachment::scope(&key), PolicyAttachment::scope_of_principal(&ends[1]));
}

fn any_world() -> impl Strategy<Value = World> {
    let users = prop::collection::btree_map(0..8u8, ("[a-c]{1,2}", any::<bool>(), 0..3i64), 0..8);
    let groups = prop::collection::btree_set(0..3u8, 0..3);
    let edges = prop::collection::btree_map((0..3u8, 0..8u8), 0..3i64, 0..10);
    (users, groups, edges).prop_map(|(users, groups, edges)| {
        let users: Vec<User> = users
            .into_iter()
            .map(|(id, (name, frozen, born))| User {
                status: if frozen { "frozen" } else { "active" }.into(),
                create_date: Some(Millis(born)),
                ..user(&id.to_string(), &name)
            })
            .collect();
        let groups: Vec<Group> = groups.into_iter().map(|id| group(&id.to_string())).collect();
        let edges = edges.into_iter().map(|((of, who), joined)| membership(&of.to_string(), &who.to_string(), joined));
        let is_there = |edge: &Membership| {
            groups.iter().any(|group| group.group_id == edge.group_id)
                && users.iter().any(|user| user.user_id == edge.user_id)
        };
        let memberships = edges.filter(is_there).collect();
        World { users, groups, memberships }
    })
}

proptest! {
    #[test]
    fn a_world_compared_with_itself_has_no_changes(world in any_world()) {
        prop_assert_eq!(told(&compare_twice(&world.published(), &world, &world)), Vec::<String>::new());
    }

    #[test]
    fn applying_the_changes_to_the_state_gives_the_reading(
        before in any_world(),
        after in any_world(),
    ) {
        let mut state = before.published();
        // Dates that move back mark a stale listing, so only worlds in which none does are compared.
        let diff = compare_twice(&state, &after, &after);
        prop_assume!(diff.kinds.values().all(|kind| kind.unknown.is_empty()));
        apply(&mut state, &diff, 8);
        let read = after.read();
        for kind in [Kind::User, Kind::Group, Kind::Membership] {
            let held = state.entities(kind).iter().map(|(key, held)| (key.clone(), Found::Known(held.entity.clone())));
            prop_assert_eq!(held.collect::<Vec<_>>(), read[&kind].found());
        }
    }

    #[test]
    fn the_order_of_items_changes_nothing(before in any_world(), after in any_world(), seed in any::<u64>()) {
        let state = before.published();
        let mut shuffled = after.clone();
        let turn = |len: usize| if len == 0 { 0 } else { usize::try_from(seed % len as u64).unwrap() };
        shuffled.users.rotate_left(turn(after.users.len()));
        shuffled.memberships.reverse();
        prop_assert_eq!(compare_twice(&state, &after, &after).changes, compare_twice(&state, &shuffled, &shuffled).changes);
    }
}
