"""What a shard puts out: records for output topics and for the exchange."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import repeat

import msgspec


class Sink(StrEnum):
    ALERTS = "alerts"
    KPIS = "kpis"
    ANOMALIES = "anomalies"
    LATE = "late"
    DEAD_LETTERS = "dead_letters"
    ENRICHED = "enriched"
    SHADOW = "shadow"


DOCUMENT_SINKS = (Sink.ALERTS, Sink.KPIS, Sink.ANOMALIES, Sink.SHADOW)
"""What goes there are documents that rules say, of which `document.name_of` tells the rule."""


LETTER_SINKS = frozenset((Sink.LATE, Sink.DEAD_LETTERS))
"""What goes there are records of a source as they came. They are kept for whoever looks into them: nobody waits."""


Headers = tuple[tuple[str, str], ...]


class Output(msgspec.Struct, frozen=True, gc=False):
    """A record for an output topic. `value` is a JSON document, of late events and dead letters the payload.

    Late events and dead letters keep the payload's bytes and carry `headers`: source, topic, partition, offset,
    reason (dead letters) or time and watermark (late), all as text; and `partition`, for those of one partition of a
    source to lie in one partition, in their order. `emitted_at` is added by whoever writes it out.
    """

    sink: Sink
    key: bytes | None
    value: dict[str, object] | bytes | None
    headers: Headers = ()
    partition: int | None = None


class Letters(msgspec.Struct, frozen=True, gc=False):
    """Dead letters of one batch, in columns of the same length: as many `Output`s.

    They wait for the end of an epoch, and there may be many: each as a dozen objects of its own, made among those of
    the records that came with it and outliving these, would have the memory of later records lie scattered.
    `place` are the headers that are the same for all.
    """

    place: Headers
    partition: int
    keys: Sequence[bytes | None]
    payloads: Sequence[bytes | None]
    offsets: Sequence[int]
    reasons: Sequence[str]

    def __len__(self) -> int:
        return len(self.payloads)

    def headers(self) -> Iterator[Headers]:
        offsets = zip(repeat("offset"), map(str, self.offsets))
        return zip(*map(repeat, self.place), offsets, zip(repeat("reason"), self.reasons))

    def outputs(self) -> Iterable[Output]:
        sink, partition = repeat(Sink.DEAD_LETTERS), repeat(self.partition)
        return map(Output, sink, self.keys, self.payloads, self.headers(), partition)


@dataclass(frozen=True, slots=True)
class ExchangeRecord:
    """A packed record for partition `partition` of the exchange topic of `stage` (2, 3, …)."""

    stage: int
    partition: int
    payload: bytes


@dataclass(frozen=True, slots=True, order=True)
class TaskId:
    """The unit of state: a source partition (stage 1, its topic) or an exchange partition (stage ≥ 2, topic "")."""

    stage: int
    topic: str
    partition: int


TABLES = TaskId(0, "", 0)
"""No task: in a snapshot it names what a shard knows of earlier rows of tables, which is the same for all its tasks."""


@dataclass(frozen=True, slots=True)
class Mark:
    """An input that is no record: the watermark of `task` goes on to `watermark_ms` (idleness, clock)."""

    task: TaskId
    offset: int
    watermark_ms: int
