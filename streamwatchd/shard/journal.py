"""One record per epoch: all that is needed to feed a shard the same inputs again.

The record travels in the epoch's own transaction (the journal topic decides) and is appended to a local log (which
spares the reading of the topic). A local frame is `length u32 | crc32 u32 | record`, little-endian.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.packing import pack, unpack
from streamwatchd.ports.disk import Disk
from streamwatchd.ports.kafka import Kafka, Partition
from streamwatchd.shard.output import Mark, TaskId
from streamwatchd.shard.version import Version

_FRAME = struct.Struct("<II")
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Range:
    """Offsets [start, end) of a task's input. `end` is behind a record, not behind a control marker."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """Epoch `epoch`: first `switches`, then the records of `ranges` with the marks at their offsets.

    `now_ms` is the clock that judged stamps from the future, so a replay quarantines the same records. `ranges` names
    every owned task, with start == end where nothing came. `version` is in force at the end, its content is `content`;
    `engine` is the daemon's version. `watermarks_ms` are those at the end.
    """

    epoch: int
    now_ms: int
    ranges: Mapping[TaskId, Range]
    marks: tuple[Mark, ...]
    switches: tuple[Version, ...]
    version: int
    content: str
    engine: str
    watermarks_ms: Mapping[TaskId, int]

    def encode(self) -> bytes:
        marks = [[*_flat(mark.task), mark.offset, mark.watermark_ms] for mark in self.marks]
        return pack(
            {
                "format": _FORMAT,
                "epoch": self.epoch,
                "now": self.now_ms,
                "ranges": [[*_flat(task), r.start, r.end] for task, r in self.ranges.items()],
                "marks": marks,
                "switches": [[v.number, v.at_ms, v.digest] for v in self.switches],
                "version": self.version,
                "content": self.content,
                "engine": self.engine,
                "watermarks": [[*_flat(task), ms] for task, ms in self.watermarks_ms.items()],
            }
        )

    @classmethod
    def decode(cls, data: bytes) -> EpochRecord:
        """Raises StateMismatch for bytes that are no record of a format we know."""
        try:
            raw: dict[str, Any] = unpack(data)
            if raw["format"] != _FORMAT:
                raise StateMismatch(f"the journal has format {raw['format']}; this engine reads {_FORMAT}")
            return cls(
                epoch=raw["epoch"],
                now_ms=raw["now"],
                ranges={TaskId(*task): Range(start, end) for *task, start, end in raw["ranges"]},
                marks=tuple(Mark(TaskId(*task), offset, ms) for *task, offset, ms in raw["marks"]),
                switches=tuple(Version(*version) for version in raw["switches"]),
                version=raw["version"],
                content=raw["content"],
                engine=raw["engine"],
                watermarks_ms={TaskId(*task): ms for *task, ms in raw["watermarks"]},
            )
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            raise StateMismatch(f"a journal record can't be read: {error}") from error


def _flat(task: TaskId) -> tuple[int, str, int]:
    return task.stage, task.topic, task.partition


class LocalJournal:
    """The log beside the snapshots, in segments `journal-<first epoch>.log`.

    A failed append makes a gap, never a wrong answer: the next record starts a new segment, and recovery finds the
    gap and reads the journal topic.
    """

    def __init__(self, disk: Disk, folder: Path) -> None:
        self._disk = disk
        self._folder = folder
        self._segment: Path | None = None

    def append(self, record: EpochRecord) -> None:
        """Raises Unavailable where the disk refuses."""
        data = record.encode()
        path = self._segment or self._path(record.epoch)
        self._segment = None
        self._disk.append(path, _FRAME.pack(len(data), zlib.crc32(data)) + data)
        self._segment = path

    def roll(self) -> None:
        """Begin a new segment with the next record, so that old ones can go."""
        self._segment = None

    def read(self, above: int, up_to: int) -> list[EpochRecord]:
        """The readable records of epochs (above, up_to], in order; where an epoch is there twice the later one."""
        found: dict[int, EpochRecord] = {}
        for _, path in self._segments():
            for record, _ in self._records(path):
                if above < record.epoch <= up_to:
                    found[record.epoch] = record
        return [found[epoch] for epoch in sorted(found)]

    def cut(self, up_to: int) -> None:
        """Remove records of epochs above `up_to` (written before a commit that never came) and torn tails."""
        for first, path in self._segments():
            if first > up_to:
                self._disk.delete(path)
                continue
            keep = max((end for record, end in self._records(path) if record.epoch <= up_to), default=0)
            if keep < len(self._disk.read(path) or b""):
                self._disk.truncate(path, keep)
        self._segment = None

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
            if name.startswith("journal-") and name.endswith(".log"):
                yield int(name[8:28]), self._folder / name

    def _records(self, path: Path) -> Iterator[tuple[EpochRecord, int]]:
        """Records with the position behind each, up to the first torn or spoilt frame."""
        data = self._disk.read(path) or b""
        at = 0
        while at + _FRAME.size <= len(data):
            length, checksum = _FRAME.unpack_from(data, at)
            body = data[at + _FRAME.size : at + _FRAME.size + length]
            if len(body) < length or zlib.crc32(body) != checksum:
                return
            at += _FRAME.size + length
            yield EpochRecord.decode(body), at


def missing_epochs(records: Iterable[EpochRecord], above: int, up_to: int) -> list[int]:
    there = {record.epoch for record in records}
    return [epoch for epoch in range(above + 1, up_to + 1) if epoch not in there]


def read_topic(kafka: Kafka, journal: Partition, shard: int, above: int, up_to: int) -> list[EpochRecord]:
    """The same from the journal topic. Of two records of one epoch the later one is it: the first was not committed."""
    admin, reader = kafka.admin(), kafka.reader(read_committed=True)
    try:
        start = admin.beginning_offsets([journal])[journal]
        end = admin.end_offsets([journal], read_committed=True)[journal]
        found: dict[int, EpochRecord] = {}
        reader.assign({journal: start})
        key = str(shard).encode()
        while reader.positions().get(journal, start) < end:
            taken = reader.take(10_000, 1.0)
            for batch in taken.batches:
                for payload, its_key in zip(batch.payloads, batch.keys or (), strict=True):
                    if its_key == key and payload is not None:
                        record = EpochRecord.decode(payload)
                        found[record.epoch] = record
            if journal in taken.at_end:
                break
        return [found[epoch] for epoch in sorted(found) if above < epoch <= up_to]
    finally:
        reader.close()
        admin.close()


def replayable(
    local: LocalJournal, kafka: Kafka, journal: Partition, shard: int, above: int, up_to: int
) -> list[EpochRecord]:
    """Records of all epochs (above, up_to], from the local log or else from the topic.

    Raises StateMismatch when neither has them all, Unavailable when the topic can't be read now.
    """
    try:
        records = local.read(above, up_to)
    except Unavailable:
        records = []
    if not missing_epochs(records, above, up_to):
        return records
    records = read_topic(kafka, journal, shard, above, up_to)
    missing = missing_epochs(records, above, up_to)
    if missing:
        raise StateMismatch(
            f"shard {shard}: {len(missing)} epoch(s) from {missing[0]} to {missing[-1]} of {up_to} committed ones are "
            f"neither in the state folder nor in topic {journal.topic}, so the state can't be rebuilt"
        )
    return records
