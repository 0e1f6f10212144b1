//! What becomes of edges when what they hang on is unknown, goes, or comes; and of counts that differ.

use super::*;
use crate::model::policy::Policy;

fn policy(name: &str) -> Policy {
    Policy {
        policy_type: PolicyType::Custom,
        policy_name: name.into(),
        description: None,
        default_version: Some("v1".into()),
        default_document: None,
        versions: Vec::new(),
        tags: Vec::new(),
        create_date: Some(Millis(48_000)),
        update_date: Some(Millis(48_000)),
    }
}

fn grant(policy: &str, principal_type: Kind, id: &str) -> PolicyAttachment {
    PolicyAttachment {
        policy_type: PolicyType::Custom,
        policy_name: policy.into(),
        principal_type,
        principal_id: id.into(),
        scope: "account".into(),
        attach_date: Some(Millis(48_000)),
    }
}

/// The small world, with a policy attached to a user and to a group.
fn granted() -> State {
    let mut state = World::small().published();
    put(&mut state, &policy("deploy"));
    put(&mut state, &grant("deploy", Kind::User, "1"));
    put(&mut state, &grant("deploy", Kind::Group, "g"));
    state
}

fn put<E: Entity>(state: &mut State, entity: &E) {
    let json = serde_json::to_string(entity).unwrap();
    state.apply(entity.key(ACCOUNT).as_ref(), Some(&entity_record("1", 7, &json))).unwrap();
}

fn denied() -> Unknown {
    Unknown::new(Reason::Denied, "NoPermission")
}

fn doubtful(diff: &Diff) -> Vec<&str> {
    diff.doubtful().flat_map(|(_, keys)| keys).map(Key::path).collect()
}

/// The kind as read twice, with nothing in it but `left`.
fn gone_but<E: Entity>(state: &State, left: &[E]) -> Collection {
    let read = Collection::whole(E::KIND, complete(left));
    let missing = state.entities(E::KIND).keys().filter(|key| read.get(key).is_none()).cloned().collect();
    read.clone().confirmed_by(read, missing)
}

#[test]
fn the_attachments_of_one_kind_of_principal_are_held_while_those_of_others_go() {
    let state = granted();
    let users = BTreeMap::from([(PolicyAttachment::scope_of_principals(Kind::User), denied())]);
    let read = Collection::partly(Kind::PolicyAttachment, complete::<PolicyAttachment>(&[]), users.clone());
    let diff = compare(&state, &BTreeMap::from([(Kind::PolicyAttachment, read.clone())]));
    assert_eq!(doubtful(&diff), ["policy_attachment/custom/deploy/group/g/account"]);
    assert!(!diff.knows(&grant("deploy", Kind::User, "1").key(ACCOUNT)));
    assert!(diff.knows(&grant("deploy", Kind::Group, "g").key(ACCOUNT)));

    let both = state.entities(Kind::PolicyAttachment).keys().cloned().collect();
    let again = compare(&state, &BTreeMap::from([(Kind::PolicyAttachment, read.clone().confirmed_by(read, both))]));
    assert_eq!(told(&again), ["policy_attachment.removed custom/deploy/group/g/account"]);
    assert_eq!(again.kinds[&Kind::PolicyAttachment].unknown, users);
}

#[test]
fn a_second_reading_that_knows_one_kind_of_principal_only_proves_nothing_of_the_other() {
    let state = granted();
    let first = Collection::whole(Kind::PolicyAttachment, complete::<PolicyAttachment>(&[]));
    let groups = BTreeMap::from([(PolicyAttachment::scope_of_principals(Kind::Group), denied())]);
    let second = Collection::partly(Kind::PolicyAttachment, complete::<PolicyAttachment>(&[]), groups);
    let both = state.entities(Kind::PolicyAttachment).keys().cloned().collect();
    let diff = compare(&state, &BTreeMap::from([(Kind::PolicyAttachment, first.confirmed_by(second, both))]));
    assert_eq!(told(&diff), ["policy_attachment.removed custom/deploy/user/1/account"]);
    let unknown = &diff.kinds[&Kind::PolicyAttachment].unknown;
    let unknown: Vec<_> = unknown.iter().map(|(scope, why)| (scope.as_str(), why.reason)).collect();
    assert_eq!(unknown, [("policy_attachment/group/g", Reason::Denied)]);
}

#[test]
fn an_edge_that_was_held_for_itself_leaves_nothing_unknown_when_its_end_takes_it_along() {
    let state = World::small().published();
    let mut members = Collection::whole(Kind::Membership, complete::<Membership>(&[]));
    let why = Unknown::new(Reason::RemovalsUnproven, "it was not asked for");
    members.hold(vec![(membership("g", "1", 2_000).key(ACCOUNT), why)]);
    let users = gone_but(&state, &[user("2", "bob")]);
    let diff = compare(&state, &BTreeMap::from([(Kind::User, users), (Kind::Membership, members)]));
    assert_eq!(told(&diff), ["membership.removed g/1 (cascade)", "user.removed 1"]);
    assert!(diff.kinds.values().all(|outcome| outcome.unknown.is_empty()), "{:?}", diff.kinds);
}

#[test]
fn a_policy_that_goes_takes_its_attachments_along_also_where_they_are_unknown_or_still_listed() {
    let state = granted();
    let policies = gone_but::<Policy>(&state, &[]);
    let listed = [grant("deploy", Kind::User, "1"), grant("deploy", Kind::Group, "g")];
    for attachments in [
        Collection::unknown(Kind::PolicyAttachment, denied()),
        Collection::whole(Kind::PolicyAttachment, complete(&listed)),
    ] {
        let read = BTreeMap::from([(Kind::Policy, policies.clone()), (Kind::PolicyAttachment, attachments)]);
        let wanted = [
            "policy_attachment.removed custom/deploy/group/g/account (cascade)",
            "policy_attachment.removed custom/deploy/user/1/account (cascade)",
            "policy.removed custom/deploy",
        ];
        assert_eq!(told(&compare(&state, &read)), wanted);
    }
}

#[test]
fn an_attachment_goes_on_while_its_policies_are_unknown_unless_its_policy_is_new() {
    let mut state = granted();
    put(&mut state, &policy("build"));
    let listed = [
        grant("deploy", Kind::User, "1"),
        grant("deploy", Kind::Group, "g"),
        grant("build", Kind::User, "2"),
        grant("unseen", Kind::User, "2"),
    ];
    let read = BTreeMap::from([
        (Kind::Policy, Collection::unknown(Kind::Policy, denied())),
        (Kind::PolicyAttachment, Collection::whole(Kind::PolicyAttachment, complete(&listed))),
    ]);
    let diff = compare(&state, &read);
    assert_eq!(told(&diff), ["policy_attachment.added custom/build/user/2/account"]);
    assert_eq!(dangling(&diff), ["policy_attachment/custom/unseen/user/2/account"]);
}

#[test]
fn memberships_of_users_who_are_unknown_come_and_go_if_the_users_are_published() {
    let mut world = World::small();
    let state = world.published();
    world.memberships = vec![membership("g", "2", 48_000), membership("g", "404", 48_000)];
    let mut read = world.read();
    read.insert(Kind::User, Collection::unknown(Kind::User, denied()));
    let first = compare(&state, &read);
    assert_eq!((told(&first), doubtful(&first)), (vec!["membership.added g/2".into()], vec!["membership/g/1"]));
    assert_eq!(dangling(&first), ["membership/g/404"]);
}

#[test]
fn names_that_swap_are_two_renames_and_a_name_that_a_new_user_took_is_none() {
    let mut world = World::small();
    let state = world.published();
    world.users = vec![user("1", "bob"), user("2", "alice")];
    assert_eq!(told(&compare(&state, &world.read())), ["user.renamed 1", "user.renamed 2"]);

    // Alice is carol by now, and a new user is alice.
    let newcomer = User { create_date: Some(Millis(48_000)), ..user("3", "alice") };
    world.users = vec![user("1", "carol"), user("2", "bob"), newcomer];
    assert_eq!(told(&compare(&state, &world.read())), ["user.renamed 1", "user.added 3"]);
}

#[test]
fn a_count_that_differs_is_news_until_it_is_published() {
    let news = |difference: i64, usual: Option<i64>| {
        let mut state = World::small().published();
        set_progress(&mut state, |said| said.count_difference = usual);
        let mut read = World::small().read();
        read.get_mut(&Kind::User).unwrap().note_count_difference(difference);
        compare(&state, &read).miscounted().collect::<Vec<_>>()
    };
    assert_eq!(news(0, None), []);
    assert_eq!(news(-1, None), [(Kind::User, -1)]);
    assert_eq!(news(2, Some(0)), [(Kind::User, 2)]);
    assert_eq!(news(-1, Some(-1)), []);
    assert_eq!(news(-2, Some(-1)), [(Kind::User, -2)]);
    assert_eq!(news(0, Some(-1)), [], "they agree again");
}

#[test]
fn what_was_read_again_for_its_count_alone_keeps_its_items() {
    let mut first = Collection::whole(Kind::User, complete(&World::small().users));
    first.note_count_difference(-1);
    let mut second = Collection::whole(Kind::User, complete(&[user("1", "alice")]));
    second.note_count_difference(0);
    let confirmed = first.clone().confirmed_by(second, BTreeSet::new());
    assert_eq!((confirmed.count_difference(), confirmed.found()), (Some(0), first.found()));
    let unread = Collection::unknown(Kind::User, denied());
    let confirmed = first.clone().confirmed_by(unread, BTreeSet::new());
    assert_eq!((confirmed.count_difference(), confirmed.is_complete()), (Some(-1), true));
}
