"""The job's topics on a real Kafka: loading the events, and watching for the answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from benchmarks.load.poison import POISON
from benchmarks.ref1 import answers
from benchmarks.ref1.oracle import Answer, Row

KEY_START, KEY_END = b'"host":"', b'"'
Reading = Callable[[str, Mapping[str, Any]], Row]


def create(bootstrap: str, topics: Mapping[str, int], config: Mapping[str, str] | None = None) -> None:
    """Make the topics anew; `topics` maps names to partition counts."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    present = [name for name in topics if name in admin.list_topics(timeout=10).topics]
    for future in admin.delete_topics(present).values() if present else ():
        future.result()
    while any(name in admin.list_topics(timeout=10).topics for name in present):
        time.sleep(0.1)
    new = [NewTopic(name, count, 1, config=dict(config or {})) for name, count in topics.items()]
    for future in admin.create_topics(new).values():
        future.result()


def length(bootstrap: str, topic: str) -> int:
    """How many records a topic holds; 0 where there is no such topic."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench"})
    try:
        found = consumer.list_topics(topic, timeout=10).topics[topic]
        ends = [consumer.get_watermark_offsets(TopicPartition(topic, each)) for each in found.partitions]
        return sum(high - low for low, high in ends)
    finally:
        consumer.close()


def lines(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """(host, event) of each line."""
    with path.open("rb") as file:
        for line in file:
            start = line.index(KEY_START) + len(KEY_START)
            yield line[start : line.index(KEY_END, start)], line[:-1]


def with_poison(good: Iterable[tuple[bytes, bytes]], share: float) -> Iterator[tuple[bytes, bytes]]:
    """Records that are refused among the good ones: in the whole this share, of all kinds in equal parts."""
    every, bad = round(1 / share) - 1, cycle(POISON)
    for number, (key, value) in enumerate(good, 1):
        yield key, value
        if number % every == 0:
            yield key, next(bad)


def load(bootstrap: str, topic: str, records: Iterable[tuple[bytes, bytes]], partitions: int = 4) -> None:
    """Put (key, value) into a new topic: keyed by host, murmur2 as Java's producer has it, lz4."""
    create(bootstrap, {topic: partitions}, {"retention.ms": "-1", "retention.bytes": "-1"})
    options: dict[str, str | int | float | bool] = {
        "bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "compression.type": "lz4",
        "linger.ms": 100, "batch.size": 1_000_000, "enable.idempotence": True,
    }  # fmt: skip
    producer = Producer(options)
    failed: list[KafkaError] = []

    def delivered(error: KafkaError | None, _: object) -> None:
        if error is not None:
            failed.append(error)

    for key, value in records:
        while True:
            try:
                producer.produce(topic, value, key, on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush()
    if failed:
        raise KafkaException(failed[0])


@dataclass(slots=True)
class Harvest:
    """Rows as they became visible. `complete_at`: when the last required one did, seconds since the epoch."""

    rows: list[Row] = field(default_factory=list)
    complete_at: float | None = None
    window_at: dict[int, float] = field(default_factory=dict)  # by window end: the broker's append time of its rows

    def steady_rate(self, last_window_end: int, events_per_minute: int) -> float | None:
        """Events per second over the second half, from the append times of the windows in the middle and at the end."""
        ends = sorted(end for end in self.window_at if end <= last_window_end)
        if len(ends) < 4:
            return None
        middle = ends[len(ends) // 2 - 1]
        seconds = self.window_at[ends[-1]] - self.window_at[middle]
        return (ends[-1] - middle) / 60_000 * events_per_minute / seconds if seconds > 0.1 else None


def harvest(
    bootstrap: str, topics: list[str], reading: Reading, answer: Answer, alive: Callable[[], bool], patience_s: float
) -> Harvest:
    """Read committed rows until all required ones are there and 1.5 s more have passed, or nothing moves any more."""
    options = {"bootstrap.servers": bootstrap, "group.id": "bench", "isolation.level": "read_committed"}
    consumer = Consumer({**options, "enable.auto.commit": False, "fetch.wait.max.ms": 20})
    consumer.assign([TopicPartition(topic, 0, 0) for topic in topics])
    todo = {answers.identity(row) for row in answer.rows}
    result, until = Harvest(), time.time() + patience_s
    while time.time() < until:
        for message in consumer.consume(500, 0.05):
            if message.error():
                continue
            row = reading(str(message.topic()), json.loads(message.value() or b""))
            result.rows.append(row)
            todo.discard(answers.identity(row))
            if row.get("kpi") == "region_latency":
                appended = message.timestamp()[1] / 1000
                end = int(str(row["window_end"]))
                result.window_at[end] = max(appended, result.window_at.get(end, 0.0))
            until = max(until, time.time() + patience_s) if result.complete_at is None else until
        if not todo and result.complete_at is None:
            result.complete_at = time.time()
            until = result.complete_at + 1.5
        if not alive() and result.complete_at is None:
            until = min(until, time.time() + 3)
    consumer.close()
    return result
