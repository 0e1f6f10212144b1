"""Reads an export of `ramstream snapshot export`, Avro or JSON lines, and prints one JSON line per row.

A reader by another hand: fastavro and json, so that a test does not take the writer's word for what stands in a file.
Exit 1 with the reason if the files are not what manifest.json says: counts, digests over the event ids, the places of
the rows among all of them, and what each row says of the state that it belongs to.

Each line: {"kind", "row"}. Timestamps are epoch milliseconds.
"""

import hashlib
import json
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import fastavro
from read_topic import as_json


def rows_of(path: Path, encoding: str) -> Iterator[dict]:
    """The rows of one file, in its order."""
    if encoding == "avro":
        with path.open("rb") as file:
            yield from fastavro.reader(file)
    else:
        with path.open(encoding="utf-8") as file:
            yield from map(json.loads, file)


def digest(event_ids: list[str]) -> str:
    """Sum mod 2^128 of the first 16 bytes of each id's SHA-256."""
    heads = (int.from_bytes(hashlib.sha256(event_id.encode()).digest()[:16]) for event_id in event_ids)
    return f"{sum(heads) % 2**128:032x}"


def check(manifest: dict, kind: dict, rows: list[dict], first_index: int) -> None:
    """What one file's rows must be."""
    of_all = {name: manifest[name] for name in ("account_id", "account_name", "lineage", "sequence", "sync_id")}
    expected = of_all | {"op": "r", "event_type": f"{kind['kind']}.observed", "batch_size": manifest["rows"],
                         "model_version": kind["model_version"], "replay_id": None, "cause": None, "before": None,
                         "previous_revision": None, "previously_observed_at": None, "changed_fields": []}
    for index, row in enumerate(rows):
        wrong = {name: row[name] for name, value in expected.items() if row[name] != value}
        if wrong or row["batch_index"] != first_index + index or not 1 <= row["revision"] <= row["sequence"]:
            raise ValueError(f"{kind['file']}, row {index}: {wrong or row}")
    ids = [row["event_id"] for row in rows]
    if len(ids) != kind["count"] or len(set(ids)) != len(ids) or digest(ids) != kind["digest"]:
        raise ValueError(f"{kind['file']} holds {len(ids)} rows with {digest(ids)}: {kind}")
    if any(uuid.UUID(event_id).version != 5 for event_id in ids):
        raise ValueError(f"{kind['file']}: an event id is no UUIDv5")


def main() -> None:
    directory = Path(sys.argv[1])
    manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    first_index = 0
    for kind in manifest["kinds"]:
        rows = list(rows_of(directory / kind["file"], manifest["encoding"]))
        rows = json.loads(json.dumps(rows, default=as_json))
        check(manifest, kind, rows, first_index)
        names = [field["name"] for field in kind["schema"]["fields"]]
        if any(list(row) != names for row in rows):
            raise ValueError(f"{kind['file']}: the fields are not those of the schema in its order")
        first_index += len(rows)
        for row in rows:
            print(json.dumps({"kind": kind["kind"], "row": row}))
    if first_index != manifest["rows"]:
        raise ValueError(f"there are {first_index} rows, the manifest says {manifest['rows']}")


if __name__ == "__main__":
    try:
        main()
    except Exception as error:
        sys.exit(f"read_snapshot: {error}")
