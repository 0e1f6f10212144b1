"""Whether a service of the tests really answers: exit 0 if it does, 1 if not yet.

    ready.py kafka HOST:PORT       answers metadata and begins a transaction
    ready.py registry BASE_URL     lists its subjects
    ready.py ports COUNT           prints that many free loopback ports instead
"""

import json
import socket
import sys
import urllib.request


def kafka(address: str) -> None:
    # The first init_transactions makes the transaction log: no test should have to wait for that.
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": address, "transactional.id": "ready", "log_level": 0})
    producer.list_topics(timeout=2)
    producer.init_transactions(5)


def registry(base_url: str) -> None:
    with urllib.request.urlopen(base_url + "/subjects", timeout=2) as answer:
        json.load(answer)


def ports(count: str) -> None:
    # All are held at once, so that no two are the same.
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(count))]
    print(*(each.getsockname()[1] for each in held))


if __name__ == "__main__":
    try:
        {"kafka": kafka, "registry": registry, "ports": ports}[sys.argv[1]](sys.argv[2])
    except Exception as error:
        sys.exit(f"not ready: {error}")
