"""Reading with explicit positions: many messages become one `RawBatch` per partition, with no Python per record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, filterfalse, pairwise
from typing import overload

import numpy as np
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streamwatchd.batch import RawBatch
from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.ports.kafka import Partition, Taken
from streamwatchd.ports.librdkafka.errors import Connection, Options, family, options

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


class Lazy(Sequence[int]):
    """A number of each message, read when asked for."""

    __slots__ = ("_get", "_messages")

    def __init__(self, messages: list[Message], get: Callable[[Message], int]) -> None:
        self._messages = messages
        self._get = get

    def __len__(self) -> int:
        return len(self._messages)

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Lazy: ...
    def __getitem__(self, index: int | slice) -> int | Lazy:
        if isinstance(index, slice):
            return Lazy(self._messages[index], self._get)
        return self._get(self._messages[index])


def _offset(message: Message) -> int:
    offset = message.offset()
    assert offset is not None
    return offset


def _timestamp(message: Message) -> int:
    return int(message.timestamp()[1])


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
        messages = self._consume(max_records, 0.0)
        if not messages:
            messages = self._consume(1, timeout_s)
            if messages and max_records > 1:
                messages += self._consume(max_records - 1, 0.0)
        if any(map(Message.error, messages)):
            events = [message for message in messages if message.error()]
            messages = list(filterfalse(Message.error, messages))
        else:
            events = []
        batches = self._by_partition(messages) if messages else []
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

    def _by_partition(self, messages: list[Message]) -> list[RawBatch]:
        codes = np.fromiter(map(Message.partition, messages), np.int64, len(messages))
        if len(self._names) > 1:
            codes += np.fromiter(map(self._names.__getitem__, map(Message.topic, messages)), np.int64, len(messages))
        starts = np.flatnonzero(np.diff(codes)) + 1
        if not len(starts):
            return [_raw(messages)]
        runs: dict[int, list[list[Message]]] = {}
        edges = [0, *starts.tolist(), len(messages)]
        for start, stop in pairwise(edges):
            runs.setdefault(int(codes[start]), []).append(messages[start:stop])
        return [_raw(list(chain.from_iterable(run)) if len(run) > 1 else run[0]) for _, run in sorted(runs.items())]

    def _advance(self, partition: Partition, position: int) -> None:
        self._positions[partition] = position
        self._at_end.discard(partition)

    def _meet(self, event: Message) -> None:
        error = event.error()
        assert error is not None
        if error.code() != KafkaError._PARTITION_EOF:
            # The records that came with it go out first; the next call raises it.
            self._problem = error
            return
        partition = Partition(str(event.topic()), int(event.partition() or 0))
        if partition in self._positions and _offset(event) >= self._positions[partition]:
            self._positions[partition] = _offset(event)
            self._at_end.add(partition)

    def _raise_problem(self) -> None:
        if self._problem is not None:
            raise family(self._problem, "read") from KafkaException(self._problem)

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


def _raw(messages: list[Message]) -> RawBatch:
    first = messages[0]
    return RawBatch(
        str(first.topic()),
        int(first.partition() or 0),
        list(map(Message.value, messages)),
        Lazy(messages, _offset),
        Lazy(messages, _timestamp),
        list(map(Message.key, messages)),
    )
