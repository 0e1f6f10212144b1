"""Keeps the identity state of one account in an SQLite table, by the topics alone.

    python3 keep_table.py --kafka HOST:PORT --registry URL --account ID --table identity.sqlite [--settings FILE] [--once]

With an empty table it asks for a replay, then follows. To rebuild, stop it, delete the table, start it.
Read positions are committed with what was read, so that a crash repeats nothing. With --once it ends when the
table is whole and everything there is was read, and prints {key: after}.

SELECT key, after FROM held WHERE after IS NOT NULL is the state.
"""

import argparse
import hashlib
import json
import sqlite3
import sys
import uuid
from datetime import datetime

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

# The kinds that are wanted, and how their topics are called.
KINDS = {
    "account": "accounts", "user": "users", "group": "groups", "role": "roles", "policy": "policies",
    "access_key": "access-keys", "login_profile": "login-profiles", "mfa_device": "mfa-devices",
    "membership": "memberships", "policy_attachment": "policy-attachments", "identity_provider": "identity-providers",
    "password_policy": "password-policies", "security_preference": "security-preferences",
}  # fmt: skip

TABLES = """
-- What is known of each key. A removed one stays, with after = NULL, so that no older row brings it back.
CREATE TABLE IF NOT EXISTS held (key TEXT PRIMARY KEY, kind TEXT, revision INTEGER, after TEXT, seen INTEGER);
-- What came so far of each replay, and what its notice says that there is.
CREATE TABLE IF NOT EXISTS came (replay TEXT, kind TEXT, count INTEGER, digest TEXT, PRIMARY KEY (replay, kind));
CREATE TABLE IF NOT EXISTS said (replay TEXT, kind TEXT, count INTEGER, digest TEXT, sequence INTEGER,
                                 PRIMARY KEY (replay, kind));
-- The sequence of the last replay of a kind that was there whole.
CREATE TABLE IF NOT EXISTS whole (kind TEXT PRIMARY KEY, sequence INTEGER);
CREATE TABLE IF NOT EXISTS position (topic TEXT, partition INTEGER, offset INTEGER, PRIMARY KEY (topic, partition));
CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value TEXT);
"""


def as_json(value):
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    raise TypeError(type(value).__name__)


class Table:
    def __init__(self, file: str):
        self.db = sqlite3.connect(file)
        self.db.executescript(TABLES)

    def note(self, name: str) -> str | None:
        row = self.db.execute("SELECT value FROM note WHERE name = ?", [name]).fetchone()
        return row and row[0]

    def set_note(self, name: str, value: str | None) -> None:
        self.db.execute("INSERT OR REPLACE INTO note VALUES (?, ?)", [name, value])

    def is_whole(self) -> bool:
        return {kind for (kind,) in self.db.execute("SELECT kind FROM whole")} >= KINDS.keys()

    def begin_lineage(self, lineage: str, is_watched: bool) -> None:
        """Nothing of one lineage compares with anything of another."""
        for table in ("held", "came", "said", "whole"):
            self.db.execute(f"DELETE FROM {table}")
        if is_watched:  # From its first event on: its baseline is the whole state.
            self.db.executemany("INSERT INTO whole VALUES (?, 0)", [[kind] for kind in KINDS])
        self.set_note("lineage", lineage)

    def apply(self, key: str, event: dict) -> None:
        """Sentence one: apply if nothing newer is held, be it an entity or its removal."""
        kind, revision = key.split("/")[1], event["revision"]
        is_row = event["replay_id"] is not None
        replayed = self.db.execute("SELECT sequence FROM whole WHERE kind = ?", [kind]).fetchone()
        if not is_row and replayed and revision <= replayed[0]:
            return  # That replay had it already.
        after = None if event["after"] is None else json.dumps(event["after"], default=as_json)
        self.db.execute("INSERT OR IGNORE INTO held VALUES (?, ?, -1, NULL, -1)", [key, kind])
        self.db.execute(
            "UPDATE held SET revision = ?1, after = ?2 WHERE key = ?3 AND revision <= ?1", [revision, after, key]
        )
        if is_row:
            # The key is alive at that sequence, also where something newer is held.
            self.db.execute("UPDATE held SET seen = max(seen, ?) WHERE key = ?", [event["sequence"], key])
            self.count(event["replay_id"], kind, event["event_id"])
            self.complete(event["replay_id"], kind)

    def count(self, replay: str, kind: str, event_id: str) -> None:
        """The proof: how many, and the sum mod 2^128 of the first 16 bytes of SHA-256 of each event id's text."""
        came = self.db.execute("SELECT count, digest FROM came WHERE replay = ? AND kind = ?", [replay, kind]).fetchone()
        count, digest = came or (0, "0")
        term = int.from_bytes(hashlib.sha256(event_id.encode()).digest()[:16], "big")
        digest = f"{(int(digest, 16) + term) % 2**128:032x}"
        self.db.execute("INSERT OR REPLACE INTO came VALUES (?, ?, ?, ?)", [replay, kind, count + 1, digest])

    def hear(self, notice: dict) -> None:
        replay, asked = notice["request_id"], self.note("asked")
        if notice["notice_type"] == "replay.completed":
            for of in notice["kinds"]:
                said = [replay, of["kind"], of["count"], of["digest"], notice["sequence"]]
                self.db.execute("INSERT OR REPLACE INTO said VALUES (?, ?, ?, ?, ?)", said)
                self.complete(replay, of["kind"])
        elif notice["notice_type"].startswith("request.") and replay == asked:
            self.set_note("asked", None)
            self.db.commit()
            sys.exit(f"the replay {asked} is not served, start again to ask again: {notice['message']}")

    def complete(self, replay: str, kind: str) -> None:
        """Sentence two, as soon as the notice and all that it says were read, in whichever order."""
        proof = "SELECT count, digest, sequence FROM said WHERE replay = ? AND kind = ?"
        said = self.db.execute(proof, [replay, kind]).fetchone()
        proof = "SELECT count, digest FROM came WHERE replay = ? AND kind = ?"
        came = self.db.execute(proof, [replay, kind]).fetchone() or (0, f"{0:032x}")
        if said is None or said[:2] != came:
            return
        sequence = said[2]
        gone = "DELETE FROM held WHERE kind = ?1 AND revision <= ?2 AND seen < ?2"
        self.db.execute(gone, [kind, sequence])
        self.db.execute(
            "INSERT INTO whole VALUES (?1, ?2) ON CONFLICT DO UPDATE SET sequence = max(sequence, ?2)", [kind, sequence]
        )
        for table in ("came", "said"):
            self.db.execute(f"DELETE FROM {table} WHERE replay = ? AND kind = ?", [replay, kind])

    def state(self) -> dict:
        rows = self.db.execute("SELECT key, after FROM held WHERE after IS NOT NULL ORDER BY key")
        return {key: json.loads(after) for key, after in rows}


def settings(file: str | None) -> tuple[dict, dict]:
    """Those of the registry's client, which are named schema.registry.…, and librdkafka's."""
    registry, client = {}, {}
    for line in open(file) if file else ():
        name, _, value = line.strip().partition("=")
        if name and not name.startswith("#"):
            of_registry = name.removeprefix("schema.registry.")
            (client if of_registry == name else registry)[of_registry] = value
    return registry, client


class Reader:
    def __init__(self, given):
        self.account, self.syncs, self.control = given.account, f"{given.prefix}.syncs", f"{given.prefix}.control"
        self.topics = [f"{given.prefix}.{part}{plural}" for part in ("", "snapshot.") for plural in KINDS.values()]
        registry, self.client = settings(given.settings)
        self.client["bootstrap.servers"] = given.kafka
        self.consumer = Consumer(
            self.client
            | {
                "group.id": "unused",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                # What was not read and is deleted by now must not be passed over: then rebuild.
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
            }
        )
        self.decode = AvroDeserializer(SchemaRegistryClient(registry | {"url": given.registry}))

    def partitions(self, topic: str) -> list[int]:
        described = self.consumer.list_topics(topic, timeout=30).topics[topic]
        if described.error is not None:
            raise KafkaException(described.error)
        return list(described.partitions)

    def records(self, positions: list[TopicPartition], to_the_end):
        """(message, key, value) of this account; (message, None, None) of others; None after each batch."""
        self.consumer.assign(positions)
        unread = {(of.topic, of.partition) for of in positions}
        while unread or not to_the_end():
            for message in self.consumer.consume(500, timeout=0.5):
                place = (message.topic(), message.partition())
                if message.error() is not None:
                    if message.error().code() != KafkaError._PARTITION_EOF:
                        raise KafkaException(message.error())
                    unread.discard(place)
                    continue
                unread.add(place)
                key = message.key().decode()
                if key.split("/")[0] == self.account:
                    context = SerializationContext(message.topic(), MessageField.VALUE)
                    yield message, key, self.decode(message.value(), context)
                else:
                    yield message, None, None
            yield None

    def lineages(self) -> list[str]:
        """All so far, the current one last: only the one partition of `.syncs` tells their order."""
        positions = [TopicPartition(self.syncs, of, OFFSET_BEGINNING) for of in self.partitions(self.syncs)]
        values = (record[2] for record in self.records(positions, lambda: True) if record and record[2])
        return list(dict.fromkeys(value["lineage"] for value in values))

    def ends(self) -> list[TopicPartition]:
        places = [TopicPartition(topic, of) for topic in [*self.topics, self.syncs] for of in self.partitions(topic)]
        return [
            TopicPartition(of.topic, of.partition, self.consumer.get_watermark_offsets(of, timeout=30)[1])
            for of in places
        ]

    def ask(self, request_id: str) -> None:
        """The same id again is the same request."""
        request = {"format": 1, "request_id": request_id, "action": "replay", "kinds": list(KINDS)}
        failures = []
        producer = Producer(self.client)
        producer.produce(
            self.control, key=self.account, value=json.dumps(request), on_delivery=lambda error, _: failures.append(error)
        )
        producer.flush(30)
        if failures != [None]:
            raise RuntimeError(f"the request was not written: {failures}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("kafka", "registry", "account", "table"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--prefix", default="alicloud.identity")
    parser.add_argument("--settings", help="TLS and logins: a file with a NAME=VALUE a line")
    parser.add_argument("--once", action="store_true")
    given = parser.parse_args()

    table, reader = Table(given.table), Reader(given)
    if not table.db.execute("SELECT 1 FROM position").fetchone():
        # The ends before anything else: what stands before them has a sequence up to that of the replay.
        ends = [[of.topic, of.partition, of.offset] for of in reader.ends()]
        table.db.executemany("INSERT INTO position VALUES (?, ?, ?)", ends)
    known = reader.lineages()
    if known and table.note("lineage") != known[-1]:
        table.begin_lineage(known[-1], is_watched=table.note("lineage") in known)
    if not table.is_whole():
        table.set_note("asked", table.note("asked") or f"table-{uuid.uuid4()}")
        table.db.commit()
        reader.ask(table.note("asked"))
    table.db.commit()

    positions = [TopicPartition(*row) for row in table.db.execute("SELECT topic, partition, offset FROM position")]
    for record in reader.records(positions, lambda: given.once and table.is_whole()):
        if record is None:
            table.db.commit()
            continue
        message, key, value = record
        position = [message.topic(), message.partition(), message.offset() + 1]
        table.db.execute("INSERT OR REPLACE INTO position VALUES (?, ?, ?)", position)
        if value is None:
            continue
        if value["lineage"] not in known:
            known.append(value["lineage"])
            table.begin_lineage(value["lineage"], is_watched=True)
        if value["lineage"] != known[-1]:
            continue  # Of a lineage that is over.
        if message.topic() == reader.syncs:
            table.hear(value)
        else:
            table.apply(key, value)
    print(json.dumps(table.state()))


if __name__ == "__main__":
    main()
