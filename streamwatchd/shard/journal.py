"""One record per epoch: all that is needed to feed a shard the same inputs again.

The record travels in the epoch's own transaction (the journal topic decides) and is appended to a local log (which
spares the reading of the topic). A local frame is `length u32 | blake2b-64 of length and record | record`,
little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path

import msgspec

from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.operators.asking import FOREVER
from streamwatchd.ports.disk import Disk
from streamwatchd.ports.kafka import Kafka, Partition
from streamwatchd.shard.output import Mark, TaskId
from streamwatchd.shard.owner import Owner
from streamwatchd.shard.stretch import Stretch
from streamwatchd.shard.version import Version

_FRAME = struct.Struct("<I8s")
_FORMAT, _WITHOUT_TABLES, _WITHOUT_PASTS = 4, 3, 2
"""A record without stretches of the past is what it was before there were such. Where these do not say `tables_ms`,
they were joined with the newest rows."""


class _Task(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    stage: int
    topic: str
    partition: int

    @property
    def id(self) -> TaskId:
        return TaskId(self.stage, self.topic, self.partition)


class _Range(_Task, frozen=True, array_like=True, forbid_unknown_fields=True):
    start: int
    end: int


class _Mark(_Task, frozen=True, array_like=True, forbid_unknown_fields=True):
    offset: int
    watermark_ms: int


class _Past(_Task, frozen=True, array_like=True, forbid_unknown_fields=True):
    start: int
    end: int
    from_ms: int
    tables_ms: int = FOREVER


class _Watermark(_Task, frozen=True, array_like=True, forbid_unknown_fields=True):
    watermark_ms: int


class _Version(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    number: int
    at_ms: int
    digest: str


class _Owner(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    app: str
    generation: int
    shards: int
    shard: int


class _Format(msgspec.Struct, frozen=True):
    format: int


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An `EpochRecord` as msgpack."""

    format: int
    owner: _Owner
    epoch: int
    now: int
    ranges: list[_Range]
    marks: list[_Mark]
    switches: list[_Version]
    version: int
    content: str
    engine: str
    watermarks: list[_Watermark]
    pasts: list[_Past] = []


@dataclass(frozen=True, slots=True)
class Range:
    """Offsets [start, end) of a task's input. `end` is behind a record, not behind a control marker."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """Epoch `epoch`: first `switches`, whose panes are filled from `pasts`; then the records of `ranges` with the marks
    at their offsets.

    `now_ms` is the clock that judged stamps from the future, so a replay quarantines the same records. `ranges` names
    every owned task, with start == end where nothing came. `version` is in force at the end, its content is `content`;
    `engine` is the daemon's version. `watermarks_ms` are those at the end.
    """

    owner: Owner
    epoch: int
    now_ms: int
    ranges: Mapping[TaskId, Range]
    marks: tuple[Mark, ...]
    switches: tuple[Version, ...]
    version: int
    content: str
    engine: str
    watermarks_ms: Mapping[TaskId, int]
    pasts: tuple[Stretch, ...] = ()

    def encode(self) -> bytes:
        owner = self.owner
        return msgspec.msgpack.encode(
            _Record(
                format=_FORMAT if self.pasts else _WITHOUT_PASTS,
                owner=_Owner(owner.app, owner.generation, owner.shards, owner.shard),
                epoch=self.epoch,
                now=self.now_ms,
                ranges=[_Range(*_flat(task), r.start, r.end) for task, r in self.ranges.items()],
                marks=[_Mark(*_flat(mark.task), mark.offset, mark.watermark_ms) for mark in self.marks],
                switches=[_Version(version.number, version.at_ms, version.digest) for version in self.switches],
                version=self.version,
                content=self.content,
                engine=self.engine,
                watermarks=[_Watermark(*_flat(task), ms) for task, ms in self.watermarks_ms.items()],
                pasts=[_past(each) for each in self.pasts],
            )
        )

    @classmethod
    def decode(cls, data: bytes) -> EpochRecord:
        """Raises StateMismatch for bytes that are no record of a format we know."""
        try:
            known = msgspec.msgpack.decode(data, type=_Format)
            if known.format not in (_FORMAT, _WITHOUT_TABLES, _WITHOUT_PASTS):
                raise StateMismatch(f"the journal has format {known.format}; this engine reads {_FORMAT}")
            raw = msgspec.msgpack.decode(data, type=_Record)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise StateMismatch(f"a journal record can't be read: {error}") from error
        return cls(
            owner=Owner(raw.owner.app, raw.owner.generation, raw.owner.shards, raw.owner.shard),
            epoch=raw.epoch,
            now_ms=raw.now,
            ranges={each.id: Range(each.start, each.end) for each in raw.ranges},
            marks=tuple(Mark(each.id, each.offset, each.watermark_ms) for each in raw.marks),
            switches=tuple(Version(each.number, each.at_ms, each.digest) for each in raw.switches),
            version=raw.version,
            content=raw.content,
            engine=raw.engine,
            watermarks_ms={each.id: each.watermark_ms for each in raw.watermarks},
            pasts=tuple(Stretch(each.id, each.start, each.end, each.from_ms, each.tables_ms) for each in raw.pasts),
        )


def _flat(task: TaskId) -> tuple[int, str, int]:
    return task.stage, task.topic, task.partition


def _past(stretch: Stretch) -> _Past:
    return _Past(*_flat(stretch.task), stretch.start, stretch.end, stretch.from_ms, stretch.tables_ms)


class LocalJournal:
    """The log beside the snapshots, in segments `journal-<first epoch>.log` whose epochs follow each other.

    A cache: a failed append makes a gap, never a wrong answer. The next record starts a new segment, and recovery
    finds the gap and reads the journal topic. So does whatever else is wrong: a segment counts up to the first frame
    that is torn, spoilt, of another owner or out of turn.
    """

    def __init__(self, disk: Disk, folder: Path, owner: Owner) -> None:
        self._disk = disk
        self._folder = folder
        self._owner = owner
        self._segment: Path | None = None
        self._to_cut: int | None = None

    def append(self, record: EpochRecord) -> None:
        """Raises Unavailable where the disk refuses."""
        if self._to_cut is not None:
            self.cut(self._to_cut)
        data = record.encode()
        path = self._segment or self._path(record.epoch)
        self._segment = None
        self._disk.append(path, _FRAME.pack(len(data), _seal(data)) + data)
        self._segment = path

    def roll(self) -> None:
        """Begin a new segment with the next record, so that old ones can go."""
        self._segment = None

    def read(self, above: int, up_to: int) -> list[EpochRecord]:
        """The trusted records of epochs (above, up_to], in order; an epoch in two segments is of neither."""
        found: dict[int, EpochRecord] = {}
        twice: set[int] = set()
        for first, path in self._segments():
            for record, _ in self._records(first, path):
                if above < record.epoch <= up_to:
                    twice.update({record.epoch} & found.keys())
                    found[record.epoch] = record
        return [found[epoch] for epoch in sorted(found.keys() - twice)]

    def cut(self, up_to: int) -> None:
        """Remove records of epochs above `up_to` (written before a commit that never came) and torn tails.

        Raises Unavailable where the disk refuses; it is made up for before the next append.
        """
        self._to_cut = up_to
        for first, path in self._segments():
            if first > up_to:
                self._disk.delete(path)
                continue
            keep = max((end for record, end in self._records(first, path) if record.epoch <= up_to), default=0)
            if keep < (self._disk.size(path) or 0):
                self._disk.truncate(path, keep)
        self._segment = self._to_cut = None

    def prune(self, below: int) -> None:
        """Delete segments that hold nothing but epochs ≤ `below`."""
        segments = list(self._segments())
        for (_, path), (next_first, _) in pairwise(segments):
            if next_first <= below + 1:
                self._disk.delete(path)

    def _path(self, epoch: int) -> Path:
        return self._folder / f"journal-{epoch:020d}.log"

    def _segments(self) -> Iterator[tuple[int, Path]]:
        for name in self._disk.list(self._folder):
            number = name[8:-4]
            if name.startswith("journal-") and name.endswith(".log") and number.isascii() and number.isdigit():
                yield int(number), self._folder / name

    def _records(self, first: int, path: Path) -> Iterator[tuple[EpochRecord, int]]:
        """Trusted records of the segment that begins with epoch `first`, with the position behind each."""
        data = self._disk.read(path) or b""
        at = 0
        while at + _FRAME.size <= len(data):
            length, seal = _FRAME.unpack_from(data, at)
            body = data[at + _FRAME.size : at + _FRAME.size + length]
            if len(body) < length or _seal(body) != seal:
                return
            try:
                record = EpochRecord.decode(body)
            except StateMismatch:
                return
            if record.owner != self._owner or record.epoch != first:
                return
            at += _FRAME.size + length
            first += 1
            yield record, at


def _seal(record: bytes) -> bytes:
    return blake2b(len(record).to_bytes(4, "little") + record, digest_size=8).digest()


def missing_epochs(records: Iterable[EpochRecord], above: int, up_to: int) -> list[int]:
    there = {record.epoch for record in records}
    return [epoch for epoch in range(above + 1, up_to + 1) if epoch not in there]


def read_topic(
    kafka: Kafka, journal: Partition, shard: int, above: int, up_to: int, owner: Owner | None = None
) -> list[EpochRecord]:
    """The same from the journal topic, of any layout or of one `owner`.

    Of two records of one epoch the later one is it: the first was not committed.
    """
    found: dict[int, EpochRecord] = {}
    name = str(shard).encode()
    for key, payload in payloads(kafka, journal):
        if key == name and payload is not None:
            record = EpochRecord.decode(payload)
            if owner in (None, record.owner):
                found[record.epoch] = record
    return [found[epoch] for epoch in sorted(found) if above < epoch <= up_to]


def payloads(
    kafka: Kafka, journal: Partition, *, read_committed: bool = True
) -> Iterator[tuple[bytes | None, bytes | None]]:
    """Key and payload of every record that the partition holds now: of the committed ones, or of all, also behind a
    transaction that a dead worker left open."""
    admin, reader = kafka.admin(), kafka.reader(read_committed=read_committed)
    try:
        start = admin.beginning_offsets([journal])[journal]
        end = admin.end_offsets([journal], read_committed=read_committed)[journal]
        reader.assign({journal: start})
        while reader.positions().get(journal, start) < end:
            taken = reader.take(10_000, 1.0)
            for batch in taken.batches:
                yield from zip(batch.keys or (), batch.payloads, strict=True)
            if journal in taken.at_end:
                break
    finally:
        reader.close()
        admin.close()


def replayable(
    local: LocalJournal,
    kafka: Kafka,
    journal: Partition,
    owner: Owner,
    above: int,
    up_to: int,
    say: Callable[[str], None] = lambda note: None,
    note: Callable[[str], None] = lambda note: None,
) -> list[EpochRecord]:
    """Records of all epochs (above, up_to], from the local log or else from the topic.

    `say` hears of gaps in the log, `note` where it has none of them: another host was at work. Raises StateMismatch
    when neither has them all, Unavailable when the topic can't be read now.
    """
    try:
        records = local.read(above, up_to)
    except Unavailable as error:
        records = []
        say(f"the local journal can't be read ({error})")
    missing = missing_epochs(records, above, up_to)
    if not missing:
        return records
    lacks = f"the local journal lacks {len(missing)} epoch(s) from {missing[0]} on"
    (say if records else note)(f"{lacks}; reading topic {journal.topic} instead")
    records = read_topic(kafka, journal, owner.shard, above, up_to, owner)
    missing = missing_epochs(records, above, up_to)
    if missing:
        raise StateMismatch(
            f"shard {owner.shard}: {len(missing)} epoch(s) from {missing[0]} to {missing[-1]} of {up_to} committed "
            f"ones are neither in the state folder nor in topic {journal.topic}, so the state can't be rebuilt"
        )
    return records
