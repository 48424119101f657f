"""When each alert reached a read_committed consumer, told by a process that does nothing else."""

from __future__ import annotations

import json
import multiprocessing
import time
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from benchmarks.latency.traffic import number_of

_spawn = multiprocessing.get_context("spawn")


class Listener:
    """Listens from the end of a topic of one partition, between `with` and `heard`."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._near, far = _spawn.Pipe()
        self._process = _spawn.Process(target=_listen, args=(bootstrap, topic, far), daemon=True)

    def __enter__(self) -> Listener:
        self._process.start()
        self._near.recv()
        return self

    def heard(self) -> dict[int, float]:
        """Seconds since the epoch at which each alert was in hand for the first time, by its number."""
        self._near.send("stop")
        found: dict[int, float] = self._near.recv()
        return found

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.join()


def _listen(bootstrap: str, topic: str, control: Connection) -> None:
    options: dict[str, Any] = {
        "bootstrap.servers": bootstrap, "group.id": f"{topic}.bench", "enable.auto.commit": False,
        "isolation.level": "read_committed", "fetch.wait.max.ms": 100, "fetch.min.bytes": 1,
    }  # fmt: skip
    consumer = Consumer(options)
    consumer.assign([TopicPartition(topic, 0, 0)])
    found: dict[int, float] = {}
    control.send("ready")
    while not control.poll():
        message = consumer.poll(0.2)
        if message is None or message.error():
            continue
        now = time.time()
        document = json.loads(message.value() or b"null")
        if document["rule"] == "slow_500":
            found.setdefault(number_of(document["values"]["latency_ms"]), now)
    consumer.close()
    control.send(found)
