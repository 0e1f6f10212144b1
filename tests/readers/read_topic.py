"""Reads topics from their beginning to their end and prints one JSON line per record.

A reader by another hand: Confluent's own client with its AvroDeserializer, so that a test does not
take the writer's word for what stands in a topic. Exit 1 on a record that it cannot decode, on a
time-out, and on anything else that is wrong; the reason is on stderr.

Each line: {"topic", "partition", "offset", "key", "headers", "value"}. Timestamps are epoch milliseconds.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

Decode = Callable[[Message], object]


def avro_decoder(registry: str) -> Decode:
    """Decodes Confluent-framed Avro with the schema that each record names."""
    deserialise = AvroDeserializer(SchemaRegistryClient({"url": registry}))

    def decode(message: Message) -> object:
        if message.value() is not None and message.value()[:1] != b"\0":
            raise ValueError("the value does not begin with Confluent's magic byte 0")
        return deserialise(message.value(), SerializationContext(message.topic(), MessageField.VALUE))

    return decode


def json_decoder(message: Message) -> object:
    """Decodes a plain JSON value (the state topic)."""
    return None if message.value() is None else json.loads(message.value())


def records(consumer: Consumer, topic: str, timeout_secs: float) -> Iterator[Message]:
    """All records that the consumer's isolation level lets it see, partition ends proven by the client."""
    deadline = time.monotonic() + timeout_secs
    described = consumer.list_topics(topic, timeout=timeout_secs).topics[topic]
    if described.error is not None:
        raise KafkaException(described.error)
    unread = set(described.partitions)
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in unread])
    while unread:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{topic}: partitions {sorted(unread)} were not read to their end in {timeout_secs} s")
        message = consumer.poll(0.5)
        if message is None:
            continue
        if message.error() is None:
            yield message
        elif message.error().code() == KafkaError._PARTITION_EOF:
            unread.discard(message.partition())
        else:
            raise KafkaException(message.error())


def headers_of(message: Message) -> dict[str, str | None]:
    """The headers by name; a name that stands twice is an error, for readers would differ on it."""
    pairs = [(name, None if value is None else value.decode()) for name, value in message.headers() or []]
    if len(dict(pairs)) != len(pairs):
        raise ValueError(f"a header stands twice: {[name for name, _ in pairs]}")
    return dict(pairs)


def as_json(value: object) -> object:
    """What `json` cannot write by itself."""
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    raise TypeError(f"no JSON form for {type(value).__name__}")


def read(consumer: Consumer, topic: str, decode: Decode, timeout_secs: float) -> Iterator[dict]:
    """The records of a topic as plain values, in the order of each partition."""
    for message in records(consumer, topic, timeout_secs):
        place = f"{topic}[{message.partition()}]@{message.offset()}"
        try:
            yield {
                "topic": topic,
                "partition": message.partition(),
                "offset": message.offset(),
                "key": None if message.key() is None else message.key().decode(),
                "headers": headers_of(message),
                "value": decode(message),
            }
        except Exception as error:
            raise ValueError(f"{place} cannot be decoded: {error}") from error


def consumer_of(kafka: str, isolation: str) -> Consumer:
    """A consumer without a group: it is assigned its partitions and commits nothing."""
    return Consumer(
        {
            "bootstrap.servers": kafka,
            # The end of a partition is told with the answer to a fetch; an idle one may take this long.
            "fetch.wait.max.ms": 20,
            "group.id": "unused",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "isolation.level": isolation,
            # What goes wrong is told once, by the error that ends the program.
            "log_level": 2,
        }
    )


def arguments() -> argparse.ArgumentParser:
    """The arguments that both readers take."""
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kafka", required=True, metavar="HOST:PORT")
    parser.add_argument("--registry", metavar="URL", help="base address of the Confluent API; needed for Avro")
    parser.add_argument("--timeout-secs", type=float, default=30, metavar="S", help="per topic (default: 30)")
    return parser


def main() -> None:
    parser = arguments()
    parser.description = __doc__
    parser.add_argument("topics", nargs="+", metavar="topic")
    parser.add_argument("--read-uncommitted", action="store_true", help="also what was aborted or is still open")
    parser.add_argument("--json", action="store_true", help="the values are plain JSON, not Avro")
    given = parser.parse_args()
    if not given.json and not given.registry:
        parser.error("Avro needs --registry")

    decode = json_decoder if given.json else avro_decoder(given.registry)
    consumer = consumer_of(given.kafka, "read_uncommitted" if given.read_uncommitted else "read_committed")
    try:
        for topic in given.topics:
            for record in read(consumer, topic, decode, given.timeout_secs):
                print(json.dumps(record, default=as_json), flush=True)
    finally:
        consumer.close()


if __name__ == "__main__":
    try:
        main()
    except Exception as error:
        sys.exit(f"read_topic: {error}")
