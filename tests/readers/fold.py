"""Folds the event topics of one account into the state that they tell, and prints it as one JSON document.

The consumer's rule, written down by another hand: per lineage, in the order of (sequence, batch_index), `after`
is what a key is for the ops c, u and r, and d deletes it. On the way it checks what the events claim of
themselves; exit 1 with the reason if a claim does not hold:

- an event id stands once;
- the events of one sequence have the indexes 0 to batch_size - 1, each once, and one sync_id;
- a key is the record's own key, belongs to the account, and changes at most once per sequence;
- `before` is what the fold held (c and r of an unknown key: nothing); previous_revision is its revision.

Prints {"lineage", "sequence", "entities": {key: after}}.
"""

import json
import sys
from collections import defaultdict

from read_topic import arguments, as_json, avro_decoder, consumer_of, read

# Topics of the same prefix that hold no events.
OTHERS = ("syncs", "control", "snapshot.", "state.")


def event_topics(consumer, prefix: str) -> list[str]:
    """The event topics under a prefix."""
    names = [name for name in consumer.list_topics(timeout=10).topics if name.startswith(prefix + ".")]
    found = sorted(name for name in names if not name.removeprefix(prefix + ".").startswith(OTHERS))
    if not found:
        raise ValueError(f"there are no event topics under {prefix}")
    return found


def events_of(given) -> list[dict]:
    """The account's events of the chosen lineage, in the order in which they are to be applied."""
    events = []
    decode = avro_decoder(given.registry)
    for topic in event_topics(consumer := consumer_of(given.kafka, "read_committed"), given.prefix):
        for record in read(consumer, topic, decode, given.timeout_secs):
            event = record["value"]
            if event is None:
                raise ValueError(f"{topic} holds a tombstone at {record['key']}")
            if event["account_id"] == given.account:
                events.append(event | {"key": record["key"]})
    consumer.close()
    lineages = sorted({event["lineage"] for event in events})
    if given.lineage is None and len(lineages) > 1:
        raise ValueError(f"there are several lineages, choose one with --lineage: {lineages}")
    chosen = [event for event in events if given.lineage in (None, event["lineage"])]
    return sorted(chosen, key=lambda event: (event["sequence"], event["batch_index"]))


def check_batches(events: list[dict]) -> None:
    """What the events of one sequence say of each other."""
    if len({event["event_id"] for event in events}) != len(events):
        raise ValueError("an event id stands twice")
    batches = defaultdict(list)
    for event in events:
        batches[event["sequence"]].append(event)
    for sequence, batch in batches.items():
        indexes = [event["batch_index"] for event in batch]
        if indexes != list(range(len(batch))) or {event["batch_size"] for event in batch} != {len(batch)}:
            raise ValueError(f"sequence {sequence} is not whole: indexes {indexes}, sizes of its first event "
                             f"{batch[0]['batch_size']}")
        if len({event["sync_id"] for event in batch}) != 1:
            raise ValueError(f"sequence {sequence} mixes several syncs")
        if len({event["key"] for event in batch}) != len(batch):
            raise ValueError(f"sequence {sequence} changes a key twice")


def apply(state: dict[str, dict], event: dict, account: str) -> None:
    """Applies one event; what it says of the past must be what was held."""
    key, op = event["key"], event["op"]
    place = f"{event['event_type']} of {key} at sequence {event['sequence']}"
    if not key.startswith(account + "/"):
        raise ValueError(f"{place} is not of account {account}")
    held = state.get(key)
    if event["revision"] != event["sequence"]:
        raise ValueError(f"{place} has revision {event['revision']}")
    if op in ("u", "d") and held is None:
        raise ValueError(f"{place}: the key was not held")
    if op == "c" and held is not None:
        raise ValueError(f"{place}: the key was held already")
    if op in ("u", "d") and (event["before"] != held["after"] or event["previous_revision"] != held["revision"]):
        raise ValueError(f"{place}: before or previous_revision is not what was held")
    if op == "d":
        del state[key]
    elif op in ("c", "u", "r"):
        state[key] = {"after": event["after"], "revision": event["revision"]}
    else:
        raise ValueError(f"{place} has the unknown op {op!r}")


def main() -> None:
    parser = arguments()
    parser.description = __doc__
    parser.add_argument("--prefix", default="alicloud.identity", help="of the topics (default: %(default)s)")
    parser.add_argument("--account", required=True, metavar="ID")
    parser.add_argument("--lineage", metavar="UUID", help="needed if the topics hold several")
    given = parser.parse_args()
    if not given.registry:
        parser.error("--registry is needed")

    events = events_of(given)
    check_batches(events)
    state: dict[str, dict] = {}
    for event in events:
        apply(state, event, given.account)
    last = events[-1] if events else {"lineage": given.lineage, "sequence": None}
    entities = {key: held["after"] for key, held in sorted(state.items())}
    document = {"lineage": last["lineage"], "sequence": last["sequence"], "entities": entities}
    print(json.dumps(document, default=as_json))


if __name__ == "__main__":
    try:
        main()
    except Exception as error:
        sys.exit(f"fold: {error}")
