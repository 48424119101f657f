"""An epoch: what was taken in, what came of it, and the one transaction that makes both count."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby, repeat
from operator import attrgetter
from typing import Protocol

import msgspec

from streamwatchd.errors import Fenced, StateMismatch, Unavailable
from streamwatchd.failpoints import failpoint
from streamwatchd.operators.document import iso
from streamwatchd.ports.clock import Clock
from streamwatchd.ports.kafka import Committed, Kafka, Outcome, Partition, Record, Writer
from streamwatchd.settings import Topics
from streamwatchd.shard.assignor import exchange_topic
from streamwatchd.shard.fitting import all_fit, fitting_document, fitting_letter
from streamwatchd.shard.journal import EpochRecord, Range
from streamwatchd.shard.output import LETTER_SINKS, ExchangeRecord, Headers, Letters, Mark, Output, Sink, TaskId
from streamwatchd.shard.owner import Owner
from streamwatchd.shard.stamp import Positions, committed_epoch
from streamwatchd.shard.stretch import Stretch
from streamwatchd.shard.tenure import Tenure
from streamwatchd.shard.timing import Timing
from streamwatchd.shard.version import Version

_encode = msgspec.json.Encoder().encode
_SINK, _VALUE, _KEY, _HEADERS, _PARTITION = map(attrgetter, ("sink", "value", "key", "headers", "partition"))
_PAYLOADS = attrgetter("payloads")

_MANY_LETTERS = 10_000
_MANY_BYTES = 8_000_000


@dataclass(slots=True)
class OpenEpoch:
    """The epoch in the making. `starts` are the positions at its begin, by task; `now_ms` its clock."""

    number: int
    now_ms: int
    starts: Mapping[TaskId, int]
    ends: dict[TaskId, int]
    begun: float
    marks: list[Mark] = field(default_factory=list)
    switches: list[Version] = field(default_factory=list)
    pasts: tuple[Stretch, ...] = ()
    outputs: list[Output] = field(default_factory=list)
    letters: list[Letters] = field(default_factory=list)
    letter_count: int = 0
    exchanged: list[ExchangeRecord] = field(default_factory=list)
    records: int = 0
    must_commit: bool = False
    bytes: int = 0
    timing: Timing = field(default_factory=Timing)
    _is_awaited: bool = False

    def take(
        self,
        outputs: Collection[Output],
        exchanged: Collection[ExchangeRecord],
        letters: Collection[Letters] = (),
    ) -> None:
        """Keep what came out. `bytes` is the size of payloads that pass through; documents hardly add to it."""
        self.outputs += outputs
        self.exchanged += exchanged
        self.letters += letters
        self.letter_count += sum(map(len, letters))
        self.bytes += sum(map(len, filter(None, map(_VALUE, outputs))))
        self.bytes += sum(map(len, filter(None, chain.from_iterable(map(_PAYLOADS, letters)))))
        self.bytes += sum(len(record.payload) for record in exchanged)
        self._is_awaited = self._is_awaited or not LETTER_SINKS.issuperset(map(_SINK, outputs))

    @property
    def has_outputs(self) -> bool:
        return bool(self.outputs or self.exchanged or self.letters)

    @property
    def size(self) -> int:
        """How many records came out."""
        return len(self.outputs) + len(self.exchanged) + self.letter_count

    @property
    def is_urgent(self) -> bool:
        """Others wait for what came out, or it is much. A few late events and dead letters are worth no epoch."""
        is_much = self.size >= _MANY_LETTERS or self.bytes >= _MANY_BYTES
        return self._is_awaited or bool(self.exchanged) or is_much

    @property
    def is_empty(self) -> bool:
        """Nothing was taken in that a replay would need, and nothing came out."""
        return not (self.records or self.marks or self.switches or self.has_outputs or self.must_commit)

    def ranges(self) -> dict[TaskId, Range]:
        return {task: Range(self.starts[task], end) for task, end in self.ends.items()}


@dataclass(frozen=True, slots=True)
class Sealed:
    """A finished epoch, kept until its commit is known: it can be sent again as it is."""

    record: EpochRecord
    outputs: tuple[Output, ...]
    exchanged: tuple[ExchangeRecord, ...]
    positions: Mapping[Partition, Committed]
    emitted_at_ms: int
    letters: tuple[Letters, ...] = ()


def records_of(sealed: Sealed, topics: Topics, journal: Partition, shard: int, most_bytes: int) -> Iterable[Record]:
    """What goes into the transaction: outputs of at most `most_bytes`, exchange records, and the journal record."""
    emitted_at = iso(sealed.emitted_at_ms)
    by_sink = {sink: _topic(topics, sink) for sink in Sink}
    for letters in sealed.letters if topics.dead_letters else ():
        where = letters.headers(), repeat(letters.partition)
        yield from _letters(letters.payloads, letters.keys, *where, topics.dead_letters, most_bytes)
    for sink, run in groupby(sealed.outputs, _SINK):
        topic = by_sink[sink]
        if topic and sink in LETTER_SINKS:
            late = list(run)
            values, keys = list(map(_VALUE, late)), list(map(_KEY, late))
            yield from _letters(values, keys, map(_HEADERS, late), map(_PARTITION, late), topic, most_bytes)
        elif topic:
            for output in run:
                yield _document(output, topic, emitted_at, topics.dead_letters, most_bytes)
    for item in sealed.exchanged:
        yield Record(exchange_topic(topics, item.stage), item.payload, partition=item.partition)
    yield Record(journal.topic, sealed.record.encode(), str(shard).encode(), journal.partition)


def _topic(topics: Topics, sink: Sink) -> str:
    match sink:
        case Sink.ALERTS:
            return topics.alerts
        case Sink.KPIS:
            return topics.kpis
        case Sink.ANOMALIES:
            return topics.anomalies
        case Sink.LATE:
            return topics.late
        case Sink.DEAD_LETTERS:
            return topics.dead_letters
        case Sink.ENRICHED:
            return topics.enriched
        case Sink.SHADOW:
            return topics.shadow


def _letters(
    values: Sequence[bytes | None],
    keys: Sequence[bytes | None],
    headers: Iterable[Headers],
    partitions: Iterable[int | None],
    topic: str,
    most_bytes: int,
) -> Iterable[Record]:
    """Made in columns, as they may be many, each of them when it is written."""
    none = repeat(None)
    records = map(Record, repeat(topic), values, keys, none, headers, none, partitions)
    return records if all_fit(values, keys, most_bytes) else (fitting_letter(each, most_bytes) for each in records)


def _document(output: Output, topic: str, emitted_at: str, dead_letters: str, most_bytes: int) -> Record:
    assert isinstance(output.value, dict)
    value = _encode({**output.value, "emitted_at": emitted_at})
    return fitting_document(Record(topic, value, output.key), most_bytes, dead_letters)


class Committer(Protocol):
    """Makes a sealed epoch count. Returns once it does; raises Fenced or StateMismatch, never Unavailable."""

    def claim(self, positions: Positions, *, begun: bool) -> None:
        """Say that this shard is ours, before anything is committed; `positions` are what stands in Kafka.

        Raises Fenced where it was ours before (`begun`) and is another's now; Unavailable: try again from the opening.
        """

    def commit(self, sealed: Sealed) -> None: ...

    def ask(self, partitions: Collection[Partition]) -> None:
        """While there is nothing to commit: raises Fenced where the shard is another's by now."""

    @property
    def produce_seconds(self) -> float:
        """How long the last commit took to hand its records over."""

    def close(self) -> None: ...


@dataclass(slots=True)
class Backoff:
    """Growing waits between tries of one thing; `trying` is told why each was needed."""

    clock: Clock
    trying: Callable[[str], None]
    least_s: float = 0.05
    most_s: float = 10.0
    _next_s: float = 0.0

    def wait(self, reason: object) -> None:
        self._next_s = min(self.most_s, max(self.least_s, 2 * self._next_s))
        self.trying(str(reason))
        self.clock.sleep(self._next_s)


class TransactionalCommitter:
    """`delivery: exactly_once`: one epoch is one transaction.

    A doubtful end is settled by a new producer, which fences what may still be on its way, and by the committed
    offsets, which say which of the two ends it was; the same outputs for the same ranges are sent again if need be.
    What it fences may be a newcomer, so those offsets are asked for the tenure too (see `shard.tenure`).
    """

    def __init__(
        self, kafka: Kafka, writer: Writer, owner: Owner, topics: Topics, journal: Partition,
        clock: Clock, trying: Callable[[str], None], most_bytes: int, count: Callable[[str], None] = lambda name: None,
        tenure: str = "",
    ) -> None:  # fmt: skip
        """`count` is told the names of metrics, once for each thing that they count."""
        self._tenure = Tenure(kafka, owner, tenure, clock, trying)
        self._count = count
        self._kafka = kafka
        self._writer = writer
        self._owner = owner
        self._topics = topics
        self._journal = journal
        self._clock = clock
        self._trying = trying
        self._most_bytes = most_bytes
        self._commit_timeout_s = 30.0
        self.produce_seconds = 0.0

    def claim(self, positions: Positions, *, begun: bool) -> None:
        claimed = self._tenure.claim(positions, begun=begun)
        if not claimed:
            return
        try:
            self._writer.begin()
            self._writer.send_offsets(self._owner.app, claimed)
            if self._writer.commit(self._commit_timeout_s) is not Outcome.COMMITTED:
                raise Unavailable("the claim on this shard did not commit")
        except Fenced as error:
            raise Unavailable(f"another owner came between, claiming this shard again: {error}") from error

    def ask(self, partitions: Collection[Partition]) -> None:
        self._tenure.ask(partitions)

    def commit(self, sealed: Sealed) -> None:
        backoff = Backoff(self._clock, self._trying)
        unsure = False
        while True:
            try:
                if self._writer.doubtful:
                    unsure = True
                    failpoint("epoch.rebuilding")
                    self._writer.rebuild()
                    self._count("producer_rebuilds_total")
                if unsure and self._is_committed(sealed):
                    return
                unsure = True
                outcome = self._send(sealed)
                if outcome is Outcome.COMMITTED:
                    return
                if outcome is Outcome.UNKNOWN:
                    self._count("commits_unknown_total")
                reason = f"the transaction of epoch {sealed.record.epoch} did not commit"
            except Unavailable as error:
                reason = str(error)  # the error itself would hold this frame, and the epoch in it
            except Fenced as fence:
                self._tenure.outlasts(fence, sealed.positions.keys())
                reason = f"fenced by an owner that has left: {fence}"
            backoff.wait(reason)

    def _send(self, sealed: Sealed) -> Outcome:
        begun = self._clock.monotonic()
        self._writer.begin()
        failpoint("epoch.begun")
        try:
            self._writer.send(records_of(sealed, self._topics, self._journal, self._owner.shard, self._most_bytes))
            failpoint("epoch.sent")
            self._writer.send_offsets(self._owner.app, sealed.positions)
            failpoint("epoch.offsets_sent")
        except Unavailable as error:
            self._trying(str(error))
            return self._writer.abort(self._commit_timeout_s)
        self.produce_seconds = self._clock.monotonic() - begun
        failpoint("epoch.committing")
        return self._writer.commit(self._commit_timeout_s)

    def _is_committed(self, sealed: Sealed) -> bool:
        """It may be where its end is not known; else a new producer only has to know that the shard is still ours."""
        admin = self._kafka.admin()
        try:
            positions = admin.committed(self._owner.app, sealed.positions)
        finally:
            admin.close()
        self._tenure.check(positions)
        epoch = committed_epoch(positions, self._owner)
        if epoch not in (sealed.record.epoch, sealed.record.epoch - 1):
            raise StateMismatch(f"epoch {sealed.record.epoch} is in hand, yet epoch {epoch} is committed")
        if epoch < sealed.record.epoch:
            return False
        if positions != sealed.positions:
            raise Fenced(f"epoch {epoch} is committed, but not as this worker would have it: another owner wrote it")
        return True

    def close(self) -> None:
        self._writer.close()


class PlainCommitter:
    """`delivery: at_least_once`: outputs are flushed, then the offsets committed; a crash between doubles outputs."""

    def __init__(
        self, kafka: Kafka, group: str, topics: Topics, journal: Partition, shard: int, clock: Clock,
        trying: Callable[[str], None], most_bytes: int,
    ) -> None:  # fmt: skip
        self._writer = kafka.plain_writer()
        self._admin = kafka.admin()
        self.produce_seconds = 0.0
        self._group = group
        self._topics = topics
        self._journal = journal
        self._shard = shard
        self._clock = clock
        self._trying = trying
        self._most_bytes = most_bytes

    def claim(self, positions: Positions, *, begun: bool) -> None:
        """Plain writers fence nobody."""

    def ask(self, partitions: Collection[Partition]) -> None:
        """Nor is anybody fenced."""

    def commit(self, sealed: Sealed) -> None:
        backoff = Backoff(self._clock, self._trying)
        begun = self._clock.monotonic()
        while True:
            try:
                self._writer.send(records_of(sealed, self._topics, self._journal, self._shard, self._most_bytes))
                self._writer.flush(30.0)
                self.produce_seconds = self._clock.monotonic() - begun
                break
            except Unavailable as error:
                backoff.wait(error)
        while True:
            try:
                self._admin.commit(self._group, sealed.positions)
                return
            except Unavailable as error:
                backoff.wait(error)

    def close(self) -> None:
        self._writer.close()
        self._admin.close()
