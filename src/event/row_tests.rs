use super::*;
use crate::state::{CollectionProgress, Progress, entity_record, progress_key};

const ACCOUNT: &str = "5481000000000001";

/// Two users and a group at sequence 12, of which the users changed at 3 and 12.
fn state() -> State {
    let mut state = State::new(ACCOUNT);
    for (path, revision) in [("user/2619", 12), ("user/2618", 3), ("group/7", 5)] {
        let value = entity_record("1", revision, &format!(r#"{{"of":"{path}"}}"#));
        state.apply(format!("{ACCOUNT}/{path}").as_bytes(), Some(&value)).unwrap();
    }
    let mut progress = Progress::first(Uuid::parse_str("0191f3a0-0000-4000-8000-000000000001").unwrap(), ACCOUNT);
    progress.sequence = 12;
    progress.sync_id = Some(Uuid::max());
    let said = CollectionProgress {
        begun_at: Some(Millis(40_000)),
        complete_at: Some(Millis(60_000)),
        ..CollectionProgress::default()
    };
    progress.collections.insert(Kind::User, said.clone());
    progress.collections.insert(Kind::Group, CollectionProgress { complete_at: None, ..said });
    state.apply(progress_key(ACCOUNT).as_bytes(), Some(&progress.to_value())).unwrap();
    state
}

fn replay(kinds: &[Kind], replay_id: Option<&str>) -> Replay {
    Replay::of(&state(), kinds, Some("prod"), replay_id).unwrap()
}

fn ids(replay: &Replay) -> Vec<String> {
    rows(&state(), Kind::User, 0).map(|row| replay.envelope(&row).event_id.to_string()).collect()
}

/// Computed with Python: `uuid.uuid5(lineage, "replay\n" + replay_id + "\n12\n5481000000000001/user/2618")`.
#[test]
fn the_id_of_a_row_can_be_computed_by_anybody() {
    let asked = ids(&replay(&[Kind::User], Some("weekly-7")));
    assert_eq!(asked, ["73ee63c9-8c36-5cd1-ac97-59f55fdc62db", "0fde19a6-85b8-57c5-8930-f1b4c5d97676"]);
    let unasked = ids(&replay(&[Kind::User], None));
    assert_eq!(unasked, ["57e4ab19-592f-5b4f-b2b7-969ef33f7f5f", "5fc0dc24-d704-57f4-9eee-a3ac156ec991"]);
}

/// Computed with Python's hashlib over the last two ids above.
#[test]
fn the_tally_can_be_computed_by_anybody_in_any_order() {
    let mut tally = Tally::default();
    for id in ids(&replay(&[Kind::User], None)).iter().rev() {
        tally.add(id);
    }
    assert_eq!((tally.count, tally.digest.to_string().as_str()), (2, "d6d4042977c84378cd04415aa081b72f"));
}

#[test]
fn a_row_is_an_observation_with_its_own_revision() {
    let replay = replay(&[Kind::User, Kind::Group], Some("weekly-7"));
    let (state, mut told) = (state(), Vec::new());
    for row in rows(&state, Kind::User, 0).chain(rows(&state, Kind::Group, 2)) {
        let event = replay.envelope(&row);
        assert_eq!(
            (event.change.op, event.change.before.as_ref(), event.change.previous_revision),
            (Op::Observed, None, None)
        );
        assert_eq!((event.cause(), event.replay_id, event.change.span.from), (None, Some("weekly-7"), None));
        assert_eq!((event.batch.size, event.batch.sequence, event.batch.sync_id), (3, 12, Uuid::max()));
        told.push((event.event_type.as_str(), event.change.key.path().to_owned(), event.batch_index, event.revision));
    }
    let expected = [
        ("user.observed", "user/2618", 0, 3),
        ("user.observed", "user/2619", 1, 12),
        ("group.observed", "group/7", 2, 5),
    ];
    assert_eq!(told, expected.map(|(event_type, path, index, at)| (event_type, path.to_owned(), index, at)));
}

#[test]
fn a_row_was_observed_at_the_end_of_the_last_complete_reading_or_else_when_the_last_one_began() {
    let state = state();
    let at = |kind| rows(&state, kind, 0).next().unwrap().change().span.to;
    assert_eq!((at(Kind::User), at(Kind::Group)), (Millis(60_000), Millis(40_000)));
}

#[test]
fn before_anything_was_published_there_is_nothing_to_replay() {
    assert_eq!(Replay::of(&State::new(ACCOUNT), Kind::ALL, None, None), None);
}
