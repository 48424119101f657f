"""When each alert reached a read_committed consumer, told by a process that does nothing else."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from benchmarks.latency.traffic import number_of

_spawn = multiprocessing.get_context("spawn")
Reading = Callable[[bytes, bytes], Any]
"""Key and value of a record → what to tell of it; None for nothing. A function that can be pickled."""


def alert_number(_: bytes, value: bytes) -> int | None:
    """The number that the event of an alert carried."""
    document = json.loads(value)
    return number_of(document["values"]["latency_ms"]) if document.get("rule") == "slow_500" else None


class Listener:
    """Listens from the end of a topic of one partition, between `with` and `heard`."""

    def __init__(self, bootstrap: str, topic: str, reading: Reading = alert_number) -> None:
        self._near, far = _spawn.Pipe()
        self._process = _spawn.Process(target=_listen, args=(bootstrap, topic, reading, far), daemon=True)

    def __enter__(self) -> Listener:
        self._process.start()
        self._near.recv()
        return self

    def heard(self) -> list[tuple[Any, float]]:
        """What the records told, each with the instant at which it was in hand, in seconds since the epoch."""
        self._near.send("stop")
        found: list[tuple[Any, float]] = self._near.recv()
        return found

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.join()


def first_heard(heard: list[tuple[int, float]]) -> dict[int, float]:
    """When each alert was in hand for the first time."""
    return dict(reversed(heard))


def _listen(bootstrap: str, topic: str, reading: Reading, control: Connection) -> None:
    options: dict[str, Any] = {
        "bootstrap.servers": bootstrap, "group.id": f"{topic}.bench", "enable.auto.commit": False,
        "isolation.level": "read_committed", "fetch.wait.max.ms": 100, "fetch.min.bytes": 1,
    }  # fmt: skip
    consumer = Consumer(options)
    consumer.assign([TopicPartition(topic, 0, 0)])
    found: list[tuple[Any, float]] = []
    control.send("ready")
    while not control.poll():
        message = consumer.poll(0.2)
        if message is None or message.error():
            continue
        now = time.time()
        told = reading(message.key() or b"", message.value() or b"null")
        if told is not None:
            found.append((told, now))
    consumer.close()
    control.send(found)
