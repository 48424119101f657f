"""Kafka as the engine sees it: a reader with explicit positions, a transactional writer, an admin.

`librdkafka.Librdkafka` is the real one, `fake_kafka.FakeKafka` the one in memory; both pass tests/contracts.

Every call may raise `Unavailable` (back off and call again, or rebuild) and, where it says so, `Fenced` or
`StateMismatch`. Readers and writers belong to one thread at a time; different ones may be used at the same time, and
blocking calls release the interpreter lock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import msgspec

from streamwatchd.batch import RawBatch


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """As people write it: `topic[number]`."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]"


@dataclass(frozen=True, slots=True)
class Committed:
    """A group's committed position in a partition: the next offset to read, and text without NUL (≤ 4096 bytes)."""

    offset: int
    metadata: str = ""


class Record(msgspec.Struct, frozen=True, gc=False):
    """A record to write. Its partition is `partition`; or that of the number `source_partition`, modulo as many as the
    topic has; or murmur2 of the key, as Java's producer does; or any.

    Headers that are text are written in UTF-8.
    """

    topic: str
    value: bytes | None
    key: bytes | None = None
    partition: int | None = None
    headers: tuple[tuple[str, str | bytes], ...] = ()
    timestamp_ms: int | None = None
    source_partition: int | None = None


@dataclass(frozen=True, slots=True)
class NewTopic:
    """`config` holds topic options of the broker, such as {"cleanup.policy": "delete"}."""

    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taken:
    """What one `take` gave.

    `batches`: at most one per partition, in offset order. `at_end`: partitions that stand at their end now, that is,
    whose last fetch said so and from which no record came since. With read_committed the end is the last stable offset.
    """

    batches: list[RawBatch]
    at_end: frozenset[Partition]

    def __len__(self) -> int:
        return sum(map(len, self.batches))


class Outcome(StrEnum):
    """How a transaction ended. UNKNOWN: rebuild the writer, then `Admin.committed` tells which of the two it was."""

    COMMITTED = "committed"
    ABORTED = "aborted"
    UNKNOWN = "unknown"


def split(batch: RawBatch, offset: int) -> tuple[RawBatch, RawBatch]:
    """The records below `offset` and those at or above it (replay of a journalled range stops at its `to`)."""
    at = bisect_left(batch.offsets, offset)
    return _cut(batch, slice(0, at)), _cut(batch, slice(at, None))


def _cut(batch: RawBatch, rows: slice) -> RawBatch:
    keys = None if batch.keys is None else batch.keys[rows]
    return RawBatch(
        batch.topic, batch.partition, batch.payloads[rows], batch.offsets[rows], batch.timestamps[rows], keys
    )


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """`id` is the broker's, of the topic's present incarnation; empty where the broker has none."""

    id: str
    partitions: int


class Reader(Protocol):
    """Reads assigned partitions from explicit positions. It commits nothing and belongs to no group's membership."""

    def assign(self, positions: Mapping[Partition, int]) -> None:
        """Read these partitions from these offsets and no others; replaces the assignment, keeps no pause."""

    def take(self, max_records: int, timeout_s: float) -> Taken:
        """Up to `max_records` records; returns early with what is there, and empty at the time-out.

        Raises StateMismatch where a position is outside of its partition's log or a topic or partition is not there
        (any more), Unavailable when no broker answers. No record is lost by an error: it comes with the next call.
        """

    def positions(self) -> Mapping[Partition, int]:
        """Per partition the next offset to read. It lies behind control markers once the end was reached."""

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Hold these back: no records, and `at_end` stays as it is. What was fetched already is not given either."""

    def resume(self, partitions: Iterable[Partition]) -> None: ...

    def close(self) -> None: ...


class Writer(Protocol):
    """Writes in transactions under one transactional id. Opening it fences every earlier writer of that id.

    Any call raises Fenced once a later writer has the id: leave, another owner is at work.
    """

    @property
    def doubtful(self) -> bool:
        """True when the end of the last transaction may be on its way twice, or failed: `rebuild` before `begin`. Also
        after an outage of all brokers.

        It may be true after a COMMITTED too (a slow commit, a broken connection): the second copy could end the next
        transaction of the same producer.
        """

    def rebuild(self) -> None:
        """A new producer under the same id: settles what was open (aborts it if its end was not yet accepted)."""

    def begin(self) -> None:
        """Raises RuntimeError when `doubtful` or inside a transaction."""

    def send(self, records: Iterable[Record]) -> None:
        """Hand records to the client; they travel meanwhile. Waits while its queue is full.

        Raises BadRecord at a record larger than the client's message.max.bytes: those before it are handed over, and
        the transaction is still good. Unavailable, also where a topic is not there: abort, rebuild, send again.
        """

    def send_offsets(self, group: str, positions: Mapping[Partition, Committed]) -> None:
        """Make the group's positions part of the transaction. Unavailable: abort."""

    def commit(self, timeout_s: float) -> Outcome:
        """End the transaction, waiting for all its records. Never raises Unavailable: that is ABORTED or UNKNOWN."""

    def abort(self, timeout_s: float) -> Outcome:
        """ABORTED or UNKNOWN; `doubtful` afterwards."""

    def close(self) -> None:
        """Leave without ending an open transaction; the next writer of the id aborts it."""


class PlainWriter(Protocol):
    """Writes outside of transactions, idempotent within its life: for generators and reports, not for epochs."""

    def send(self, records: Iterable[Record]) -> None:
        """Raises Unavailable where a topic is known not to be there."""

    def flush(self, timeout_s: float) -> None:
        """Wait until all is acknowledged; raises Unavailable when some record was not."""

    def close(self) -> None: ...


class Admin(Protocol):
    def partitions_of(self, topics: Iterable[str]) -> dict[str, int]:
        """Partition counts; a topic that is not there is not in the result."""

    def describe(self, topics: Iterable[str]) -> dict[str, TopicFacts]:
        """Of these topics alone; one that is not there is not in the result."""

    def ensure_topics(self, topics: Iterable[NewTopic]) -> list[str]:
        """Create those that are not there and wait until they are usable; leaves existing ones as they are.

        The names of those that were not there.
        """

    def beginning_offsets(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The first offset that is still there. Raises StateMismatch where there is no such partition."""

    def offsets_at(self, stamps_ms: Mapping[Partition, int]) -> dict[Partition, int]:
        """Per partition the first offset whose record has this timestamp or a later one; the end where none has."""

    def end_offsets(self, partitions: Iterable[Partition], *, read_committed: bool = False) -> dict[Partition, int]:
        """The offset of the next record to come (control markers count), or the last stable offset."""

    def committed(
        self, group: str, partitions: Iterable[Partition], *, stable: bool = True, patience_s: float | None = None
    ) -> dict[Partition, Committed | None]:
        """Stable positions only: waits while a transaction on them is undecided, then raises Unavailable.

        Otherwise those that stand until it is decided. `patience_s` is that of this call, if not that of all calls.
        """

    def commit(self, group: str, positions: Mapping[Partition, Committed]) -> None:
        """Set positions outside of a transaction, for an operator's command; the group must be without members."""

    def close(self) -> None: ...


class Kafka(Protocol):
    """Opens clients of one cluster; may be sent to another process."""

    def reader(self, *, read_committed: bool = True) -> Reader: ...

    def writer(self, transactional_id: str) -> Writer:
        """Fences earlier writers of the id and settles their transactions before it returns."""

    def fence(self, transactional_id: str) -> None:
        """Fence earlier writers of the id and have the broker end their transactions, to write nothing.

        Raises Unavailable after some seconds. A request that was sent by then may still arrive, and would fence whoever
        has opened the id meanwhile.
        """

    def plain_writer(self) -> PlainWriter: ...

    def admin(self) -> Admin: ...
