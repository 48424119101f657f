"""Reading with explicit positions: many messages become one `RawBatch` per partition, with no Python per record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import filterfalse, pairwise
from operator import itemgetter
from typing import cast

import numpy as np
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streamwatchd.batch import RawBatch
from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.ports.kafka import Partition, Taken
from streamwatchd.ports.librdkafka.errors import Connection, Options, family, kafka_error, options

TUNING: Options = {
    "group.id": "streamwatchd",
    "fetch.queue.backoff.ms": 5,
    "fetch.wait.max.ms": 20,
    "fetch.error.backoff.ms": 50,
    "queued.min.messages": 100_000,
    "queued.max.messages.kbytes": 16_384,
    "reconnect.backoff.max.ms": 2_000,
    "topic.metadata.propagation.max.ms": 5_000,
    "allow.auto.create.topics": False,
    "check.crcs": True,
}
REQUIRED: Options = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    "enable.partition.eof": True,
}
METADATA_SECONDS = 10.0
PROBE_SECONDS = 2.0


# Messages handled in one go: what is wanted of them is taken out, and they are dropped, while the cache still holds
# them. With 20,000 at once reading takes twice the time.
SLICE = 512

_timestamp = itemgetter(1)


def _offset(message: Message) -> int:
    offset = message.offset()
    assert offset is not None
    return offset


@dataclass(slots=True)
class _Columns:
    """What is kept of one partition's messages."""

    topic: str
    partition: int
    payloads: list[bytes | None] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    timestamps: list[int] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)

    def add(self, messages: list[Message]) -> None:
        self.payloads.extend(map(Message.value, messages))
        first, last = _offset(messages[0]), _offset(messages[-1])
        if last - first + 1 == len(messages):  # offsets only grow: none is left out
            self.offsets.extend(range(first, last + 1))
        else:
            self.offsets.extend(map(_offset_of, messages))
        self.timestamps.extend(map(_timestamp, map(Message.timestamp, messages)))
        self.keys.extend(map(Message.key, messages))

    def batch(self) -> RawBatch:
        return RawBatch(self.topic, self.partition, self.payloads, self.offsets, self.timestamps, self.keys)


_offset_of = cast("Callable[[Message], int]", Message.offset)  # a consumed message has one


class LibrdkafkaReader:
    """See `ports.kafka.Reader`.

    `take` first empties the client's queue without waiting, so that a batch is as large as the backlog; only an empty
    queue is waited for, and then the first message ends the wait.
    """

    def __init__(self, user_options: Options, *, read_committed: bool) -> None:
        self._connection = Connection()
        isolation: Options = {"isolation.level": "read_committed" if read_committed else "read_uncommitted"}
        self._consumer = Consumer(options(TUNING, user_options, REQUIRED, isolation, connection=self._connection))
        self._positions: dict[Partition, int] = {}
        self._paused: set[Partition] = set()
        self._at_end: set[Partition] = set()
        self._names: dict[str | None, int] = {}
        self._problem: KafkaError | None = None
        self._reading = "read"

    def assign(self, positions: Mapping[Partition, int]) -> None:
        self._demand(positions)
        self.resume(self._paused)  # librdkafka would keep the pause over the new assignment
        self._positions = dict(positions)
        self._problem = None
        topics = sorted({partition.topic for partition in positions})
        self._names = {topic: code << 20 for code, topic in enumerate(topics)}
        self._assign()

    def _demand(self, partitions: Iterable[Partition]) -> None:
        """librdkafka waits for a topic that is not there (it may be on its way): a typing error would be silence."""
        try:
            topics = self._consumer.list_topics(timeout=METADATA_SECONDS).topics
        except KafkaException as problem:
            raise family(problem, "list topics") from problem
        for each in partitions:
            if each.topic not in topics or each.partition not in topics[each.topic].partitions:
                raise StateMismatch(f"there is no partition {each.partition} of topic {each.topic}")

    def _assign(self) -> None:
        self._at_end = set()
        try:
            self._consumer.assign([TopicPartition(p.topic, p.partition, at) for p, at in self._positions.items()])
            if self._paused:
                self._consumer.pause(_topic_partitions(self._paused))
        except KafkaException as problem:
            raise family(problem, "assign") from problem

    def take(self, max_records: int, timeout_s: float) -> Taken:
        self._raise_problem()
        columns: dict[int, _Columns] = {}
        events: list[Message] = []
        left = max_records
        messages = self._consume(min(SLICE, left), 0.0) or self._consume(1, timeout_s)
        while messages:
            self._sort_out(messages, columns, events)
            left -= len(messages)
            messages = self._consume_more(min(SLICE, left)) if left > 0 else []
        batches = [columns[code].batch() for code in sorted(columns)]
        for batch in batches:
            self._advance(Partition(batch.topic, batch.partition), batch.offsets[-1] + 1)
        for event in events:
            self._meet(event)
        if not batches:
            self._raise_problem()
        if self._connection.lost:
            self._look_after_connection(quiet=bool(batches))
        return Taken(batches, frozenset(self._at_end))

    def _consume(self, count: int, timeout_s: float) -> list[Message]:
        try:
            return self._consumer.consume(count, timeout_s)
        except KafkaException as problem:
            raise family(problem, "consume") from problem

    def _consume_more(self, count: int) -> list[Message]:
        """Nothing, where it fails: what was read already goes out first, and the next call raises."""
        try:
            return self._consumer.consume(count, 0.0)
        except KafkaException as problem:
            self._problem = kafka_error(problem)
            return []

    def _sort_out(self, messages: list[Message], columns: dict[int, _Columns], events: list[Message]) -> None:
        """Records to the columns of their partition, run by run; errors and ends to `events`."""
        if any(map(Message.error, messages)):
            events += filter(Message.error, messages)
            messages = list(filterfalse(Message.error, messages))
        codes = np.fromiter(map(Message.partition, messages), np.int64, len(messages))
        if len(self._names) > 1:
            codes += np.fromiter(map(self._names.__getitem__, map(Message.topic, messages)), np.int64, len(messages))
        starts = np.flatnonzero(np.diff(codes, prepend=-1)).tolist()
        for start, stop in pairwise([*starts, len(messages)]):
            run = messages[start:stop]
            code = int(codes[start])
            if code not in columns:
                columns[code] = _Columns(str(run[0].topic()), int(run[0].partition() or 0))
            columns[code].add(run)

    def _advance(self, partition: Partition, position: int) -> None:
        self._positions[partition] = position
        self._at_end.discard(partition)

    def _meet(self, event: Message) -> None:
        error = event.error()
        assert error is not None
        if error.code() != KafkaError._PARTITION_EOF:
            # The records that came with it go out first; the next call raises it.
            self._problem = error
            at = None if event.topic() is None else Partition(str(event.topic()), int(event.partition() or 0))
            self._reading = f"read {at} at offset {self._positions.get(at)}" if at else "read"
            return
        partition = Partition(str(event.topic()), int(event.partition() or 0))
        if partition in self._positions and _offset(event) >= self._positions[partition]:
            self._positions[partition] = _offset(event)
            self._at_end.add(partition)

    def _raise_problem(self) -> None:
        if self._problem is not None:
            raise family(self._problem, self._reading) from KafkaException(self._problem)

    def _look_after_connection(self, *, quiet: bool) -> None:
        """An end reached before a connection was lost says nothing now: fetch again from the same positions."""
        self._at_end = set()
        try:
            self._consumer.list_topics(timeout=PROBE_SECONDS)
        except KafkaException as problem:
            if quiet:
                return
            raise Unavailable(f"no broker answers: {self._connection.reason}") from problem
        self._connection.lost = False
        self._assign()

    def positions(self) -> Mapping[Partition, int]:
        return dict(self._positions)

    def pause(self, partitions: Iterable[Partition]) -> None:
        chosen = set(partitions) - self._paused
        self._consumer.pause(_topic_partitions(chosen))
        self._paused |= chosen

    def resume(self, partitions: Iterable[Partition]) -> None:
        chosen = set(partitions) & self._paused
        if chosen:
            self._consumer.resume(_topic_partitions(chosen))
        self._paused -= chosen

    def close(self) -> None:
        self._consumer.close()


def _topic_partitions(partitions: Iterable[Partition]) -> list[TopicPartition]:
    return [TopicPartition(each.topic, each.partition) for each in sorted(partitions)]
