//! The fold against the state topic, and the state topic against its own progress record.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::super::fold::{kind_of, last_events};
use super::super::log::Log;
use super::super::record::{Place, Progress, StateRecord, StoredEntity};
use super::super::report::{At, Findings};

/// The state topic as its last progress record leaves it.
struct State<'a> {
    progress: (&'a Place, Progress),
    /// The records that hold: key, place and value.
    records: BTreeMap<&'a str, (&'a Place, &'a [u8])>,
}

/// `None` if the topic holds nothing, or nothing that can be judged, which is told.
fn read<'a>(log: &'a Log, found: &mut Findings) -> Option<State<'a>> {
    let all = log.state.as_ref()?;
    let progress_key = format!("{}/~progress", log.account);
    let Some(last) = all.iter().rposition(|record| record.key == progress_key && record.value.is_some()) else {
        let entity = all.iter().find(|record| is_entity(log, record));
        found.check(entity.is_none(), entity.map(at).unwrap_or_default(), || "there is no progress record".to_owned());
        return None;
    };
    let progress = serde_json::from_slice(all[last].value.as_deref().unwrap_or_default());
    found.check(progress.is_ok(), at(&all[last]), || "the progress record cannot be read".to_owned());
    for record in all[last..].iter().filter(|record| is_entity(log, record)) {
        found.check(false, at(record), || "it stands behind the last progress record".to_owned());
    }
    let mut records = BTreeMap::new();
    for record in all[..last].iter().filter(|record| is_entity(log, record)) {
        match &record.value {
            Some(value) => records.insert(record.key.as_str(), (&record.place, value.as_slice())),
            None => records.remove(record.key.as_str()),
        };
    }
    Some(State { progress: (&all[last].place, progress.ok()?), records })
}

fn at(record: &StateRecord) -> At<'_> {
    At::record(&record.place, &record.key)
}

/// Private records of the account are none.
fn is_entity(log: &Log, record: &StateRecord) -> bool {
    !record.key.strip_prefix(log.account.as_str()).is_some_and(|rest| rest.starts_with("/~"))
}

pub(super) fn state(log: &Log, found: &mut Findings) {
    let Some(State { progress: (place, progress), records }) = read(log, found) else { return };
    let last = log.last_sequence().unwrap_or(0);
    found.check(progress.sequence <= last, At::record(place, "progress"), || {
        format!("it is at sequence {}, the last sync record at {last}", progress.sequence)
    });
    // Right before the first one there is nothing but what was held before.
    if progress.sequence + 1 < log.from {
        found.remark("the fold against the state: progress is before the first sequence judged");
        return;
    }
    let folded = last_events(&log.steps, progress.sequence);
    for (key, (place, value)) in &records {
        let Ok(stored) = serde_json::from_slice::<StoredEntity>(value) else {
            found.check(false, At::record(place, key), || "the record cannot be read".to_owned());
            continue;
        };
        match folded.get(key) {
            None => found.check(!log.from_beginning && stored.revision < log.from, At::record(place, key), || {
                "no event says that it is there".to_owned()
            }),
            Some(event) => {
                found.check(event.after == stored.entity, At::record(place, key), || {
                    format!("its entity is not the after of the last event, {}", event.place)
                });
                found.check(event.revision == stored.revision, At::record(place, key), || {
                    format!("its revision is {}, that of the last event is {}", stored.revision, event.revision)
                });
            }
        }
    }
    for (key, event) in folded.iter().filter(|(_, event)| event.after.is_some()) {
        found.check(records.contains_key(key), At::event(event), || "the state topic does not hold it".to_owned());
    }
}

/// Sync by sync, as long as compaction has taken nothing: what stands between two progress records is what the events
/// of the later one's sequence say (nothing, if it is the same sequence again), and the later one counts it.
pub(super) fn in_step(log: &Log, found: &mut Findings) {
    let Some(all) = log.state.as_ref().filter(|_| log.from_beginning) else { return };
    let progress_key = format!("{}/~progress", log.account);
    let mut events = log.events().peekable();
    let (mut sequence, mut held) = (0, BTreeMap::<&str, &[u8]>::new());
    let mut counted: BTreeMap<&str, (u64, u128)> = BTreeMap::new();
    let mut stored: BTreeMap<&str, Option<String>> = BTreeMap::new();
    for record in all {
        let value = record.value.as_deref();
        if is_entity(log, record) {
            let (count, digest) = counted.entry(kind_of(&record.key)).or_default();
            let old = match value {
                Some(value) => held.insert(&record.key, value),
                None => held.remove(&*record.key),
            };
            *count = *count + u64::from(value.is_some()) - u64::from(old.is_some());
            let digest_of = |value: Option<&[u8]>| value.map_or(0, |value| digest_of(&record.key, value));
            *digest = digest.wrapping_add(digest_of(value)).wrapping_sub(digest_of(old));
            let entity = value.and_then(|value| serde_json::from_slice::<StoredEntity>(value).ok()?.entity);
            stored.insert(&record.key, entity.map(|entity| entity.to_string()));
            continue;
        }
        let value = value.filter(|_| record.key == progress_key);
        let Some(Ok(progress)) = value.map(serde_json::from_slice::<Progress>) else { continue };
        // What became of requests is put on record on the same sequence.
        let is_repeat = sequence > 0 && progress.sequence == sequence;
        sequence += i64::from(!is_repeat);
        if progress.sequence != sequence || log.lineage.as_ref() != Some(&progress.lineage) {
            // What is left is judged by its last progress record alone.
            return found.remark(format!(
                "the state sync by sync behind sequence {}: its topic was compacted, or begins anew there",
                sequence - 1
            ));
        }
        let mut said: BTreeMap<&str, Option<String>> = BTreeMap::new();
        while let Some(event) = events.next_if(|event| event.sequence <= sequence) {
            said.insert(&event.key, event.after.as_ref().map(ToString::to_string));
        }
        let stored = std::mem::take(&mut stored);
        let at = At::record(&record.place, "progress");
        found.check(said == stored, at, || {
            let differs = said.keys().chain(stored.keys()).find(|key| said.get(*key) != stored.get(*key));
            format!("the records of sequence {sequence} are not what its events say: {}", differs.unwrap_or(&""))
        });
        for (kind, said) in &progress.collections {
            let (count, digest) = counted.get(kind.as_str()).copied().unwrap_or_default();
            let digest = format!("{digest:032x}");
            found.check((said.count, &said.digest) == (count, &digest), at, || {
                format!("at sequence {sequence} there are {count} records of {kind} with the digest {digest}, it says {said:?}")
            });
        }
    }
}

pub(super) fn progress(log: &Log, found: &mut Findings) {
    // What is wrong with the records themselves is told by the rule above.
    let Some(State { progress: (place, progress), records }) = read(log, &mut Findings::default()) else { return };
    let at = At::record(place, "progress");
    found.check(log.lineage.as_ref() == Some(&progress.lineage), at, || {
        format!("its lineage is {}, that of the last sync record is {:?}", progress.lineage, log.lineage)
    });
    if let Some(sync) = log.sync(progress.sequence) {
        found.check(sync.sync_id == progress.sync_id, at, || {
            format!("its sync_id is {:?}, that of the sync record is {:?}", progress.sync_id, sync.sync_id)
        });
    }
    let mut counted: BTreeMap<&str, (u64, u128)> =
        progress.collections.keys().map(|kind| (kind.as_str(), (0, 0))).collect();
    for (key, (_, value)) in &records {
        let (count, digest) = counted.entry(kind_of(key)).or_default();
        *count += 1;
        *digest = digest.wrapping_add(digest_of(key, value));
    }
    for (kind, (count, digest)) in counted {
        let said = progress.collections.get(kind).map(|said| (said.count, said.digest.as_str()));
        let digest = format!("{digest:032x}");
        found.check(said == Some((count, &digest)), at, || {
            format!("of {kind} it says {said:?}, there are {count} records with the digest {digest}")
        });
    }
}

/// The first 16 bytes of SHA-256 over the key's length (32 bits, big-endian), the key and the value.
fn digest_of(key: &str, value: &[u8]) -> u128 {
    let length = u32::try_from(key.len()).unwrap_or(u32::MAX).to_be_bytes();
    let hash = Sha256::digest([&length, key.as_bytes(), value].concat());
    hash.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}
