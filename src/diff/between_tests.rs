//! Two published states: the words are those of the comparison with a reading.

use super::*;
use crate::{
    diff::between,
    state::{ScopeRecord, scope_key},
};

const KINDS: &[Kind] = &[Kind::User, Kind::Group, Kind::Membership];

fn told_between(from: &State, to: &State) -> Vec<String> {
    told(&Diff { changes: between(from, to, KINDS), ..Diff::default() })
}

#[test]
fn what_happened_between_two_states_is_told_in_publishing_order() {
    let mut later = World::small();
    later.users[0].user_name = "alicia".into();
    later.users[1] = user("3", "carol");
    later.memberships = vec![membership("g", "3", 2_000)];
    let (from, to) = (World::small().published(), later.published());
    assert_eq!(
        told_between(&from, &to),
        ["membership.removed g/1", "user.removed 2", "user.renamed 1", "user.added 3", "membership.added g/3"]
    );
    assert_eq!(
        told_between(&to, &from),
        ["membership.removed g/3", "user.removed 3", "user.renamed 1", "user.added 2", "membership.added g/1"]
    );
    let renamed = &between(&from, &to, &[Kind::User])[1];
    assert_eq!(renamed.changed_fields, ["user_name"]);
    assert_eq!((renamed.before.is_some(), renamed.after.is_some(), renamed.previous_revision), (true, true, Some(7)));
}

#[test]
fn only_the_wanted_kinds_are_compared() {
    let changes = between(&World::default().published(), &World::small().published(), &[Kind::Group]);
    assert_eq!(changes.iter().map(|change| change.key.path()).collect::<Vec<_>>(), ["group/g"]);
}

#[test]
fn what_had_never_been_read_is_observed_and_not_added_and_nothing_of_it_is_removed() {
    let mut unread = State::new(ACCOUNT);
    set_progress(&mut unread, |said| said.baselined = false);
    let small = World::small().published();
    assert_eq!(
        told_between(&unread, &small),
        ["user.observed 1", "user.observed 2", "group.observed g", "membership.observed g/1"]
    );
    assert_eq!(told_between(&small, &unread), [""; 0]);

    let mut missed = World { memberships: vec![], ..World::small() }.published();
    let scope = Membership::scope_of_group(&group("g").key(ACCOUNT));
    let record = ScopeRecord::new(scope.clone(), None, Reason::Denied, true);
    missed.apply(scope_key(ACCOUNT, &scope).as_bytes(), Some(&record.to_value())).unwrap();
    assert_eq!(told_between(&missed, &small), ["membership.observed g/1"]);
}

proptest! {
    #[test]
    fn the_changes_between_two_states_lead_from_one_to_the_other(before in any_world(), after in any_world()) {
        let (mut from, to) = (before.published(), after.published());
        let changes = between(&from, &to, KINDS);
        apply(&mut from, &Diff { changes, ..Diff::default() }, 7);
        for kind in KINDS {
            prop_assert_eq!(from.entities(*kind), to.entities(*kind));
        }
    }

    #[test]
    fn the_words_are_those_of_the_daemon(before in any_world(), after in any_world()) {
        let daemon = compare_twice(&before.published(), &after, &after);
        prop_assume!(daemon.kinds.values().all(|kind| kind.unknown.is_empty()));
        let mut daemon = told(&daemon);
        daemon.iter_mut().for_each(|told| *told = told.trim_end_matches(" (cascade)").to_owned());
        prop_assert_eq!(told_between(&before.published(), &after.published()), daemon);
    }
}
