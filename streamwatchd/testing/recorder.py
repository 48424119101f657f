"""Traffic of Kafka as a recording, with the marks that the daemon journalled where they are wanted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from streamwatchd.batch import RawBatch
from streamwatchd.errors import UnreadableInput
from streamwatchd.ports.kafka import Kafka, Partition, Reader, split
from streamwatchd.recording import RecordedMark, RecordingWriter
from streamwatchd.shard.history import journalled_epochs
from streamwatchd.shard.output import Mark
from streamwatchd.testing.thinning import Thinning

_TAKE_RECORDS = 20_000
_TAKE_S = 0.2


@dataclass(frozen=True, slots=True)
class Stretch:
    """What to record per partition: from `start` up to `end`, or (None) until told to stop."""

    start: Mapping[Partition, int]
    end: Mapping[Partition, int] | None


def partitions_of(kafka: Kafka, topics: list[str]) -> dict[str, int]:
    """Raises UnreadableInput for a topic that is not there, Unavailable when no broker answers."""
    admin = kafka.admin()
    try:
        counts = admin.partitions_of(topics)
    finally:
        admin.close()
    missing = [topic for topic in topics if topic not in counts]
    if missing:
        raise UnreadableInput(f"the cluster has no topic {', '.join(missing)}")
    return counts


def stretch_of(kafka: Kafka, counts: Mapping[str, int], *, from_beginning: bool, endless: bool) -> Stretch:
    """All that the topics hold now (up to their ends, unless `endless`), or what comes from now on."""
    partitions = [Partition(topic, number) for topic, count in counts.items() for number in range(count)]
    admin = kafka.admin()
    try:
        ends = admin.end_offsets(partitions, read_committed=True)
        starts = admin.beginning_offsets(partitions) if from_beginning else ends
    finally:
        admin.close()
    return Stretch(starts, ends if from_beginning and not endless else None)


def stretch_between(kafka: Kafka, counts: Mapping[str, int], from_ms: int | None, until_ms: int | None) -> Stretch:
    """Records with a timestamp from `from_ms` on and below `until_ms`; None is all that is kept, and up to the end."""
    partitions = [Partition(topic, number) for topic, count in counts.items() for number in range(count)]
    admin = kafka.admin()
    try:
        ends = admin.end_offsets(partitions, read_committed=True)
        if until_ms is not None:
            found = admin.offsets_at(dict.fromkeys(partitions, until_ms))
            ends = {each: min(end, found[each]) for each, end in ends.items()}
        starts = admin.beginning_offsets(partitions)
        if from_ms is not None:
            starts = admin.offsets_at(dict.fromkeys(partitions, from_ms))
    finally:
        admin.close()
    return Stretch({each: min(start, ends[each]) for each, start in starts.items()}, ends)


def stamp_at(kafka: Kafka, place: Partition, offset: int) -> int:
    """The timestamp in ms that Kafka keeps of a record. Raises UnreadableInput where it holds none, Unavailable."""
    count = partitions_of(kafka, [place.topic])[place.topic]
    if place.partition >= count:
        raise UnreadableInput(f"the topic {place.topic} has {count} partitions, numbered from 0")
    admin, reader = kafka.admin(), kafka.reader(read_committed=True)
    try:
        first, end = admin.beginning_offsets([place])[place], admin.end_offsets([place], read_committed=True)[place]
        reader.assign({place: max(first, min(offset, end))})
        while first <= offset < end and reader.positions().get(place, first) <= offset:
            for batch in reader.take(1, _TAKE_S).batches:
                if batch.offsets[0] == offset:
                    return batch.timestamps[0]
    finally:
        admin.close()
        reader.close()
    held = f"it has {first} to {end - 1}" if first < end else "the partition is empty"
    raise UnreadableInput(f"Kafka holds no record {place.topic}:{place.partition}:{offset}: {held}")


def journalled_marks(kafka: Kafka, journal: str, app: str) -> dict[Partition, list[Mark]]:
    """The marks of all epochs that the journal topic still has, in the order in which they were taken."""
    found: dict[Partition, list[Mark]] = {}
    for record in sorted(journalled_epochs(kafka, journal, app), key=lambda each: (each.owner, each.epoch)):
        for mark in record.marks:
            found.setdefault(Partition(mark.task.topic, mark.task.partition), []).append(mark)
    return found


class Recorder:
    """Writes records, each mark between the records below its offset and those at or above it."""

    def __init__(
        self,
        writer: RecordingWriter,
        marks: Mapping[Partition, list[Mark]] | None = None,
        thinning: Thinning | None = None,
    ) -> None:
        self._writer, self._thinning = writer, thinning
        self._marks = {partition: deque(found) for partition, found in (marks or {}).items()}
        self.records = 0
        self.marks = 0

    def record(self, reader: Reader, stretch: Stretch, stopped: Callable[[], bool]) -> None:
        """Until every partition has reached its end, or `stopped` says so. Raises Unavailable, StateMismatch."""
        reader.assign(stretch.start)
        while not stopped() and not self._is_done(reader, stretch):
            taken = reader.take(_TAKE_RECORDS, _TAKE_S)
            for batch in taken.batches:
                self._write(self._within(batch, stretch))
        for partition in stretch.start:
            self._write_marks(partition, reader.positions().get(partition, stretch.start[partition]))

    def _is_done(self, reader: Reader, stretch: Stretch) -> bool:
        if stretch.end is None:
            return False
        positions = reader.positions()
        return all(positions.get(each, stretch.start[each]) >= end for each, end in stretch.end.items())

    @staticmethod
    def _within(batch: RawBatch, stretch: Stretch) -> RawBatch:
        if stretch.end is None:
            return batch
        return split(batch, stretch.end[Partition(batch.topic, batch.partition)])[0]

    def _write(self, batch: RawBatch) -> None:
        partition = Partition(batch.topic, batch.partition)
        while len(batch):
            self._write_marks(partition, int(batch.offsets[0]))
            waiting = self._marks.get(partition)
            now, batch = split(batch, waiting[0].offset) if waiting else (batch, split(batch, -1)[0])
            now = now if self._thinning is None else self._thinning.thinned(now)
            self._writer.write(now)
            self.records += len(now)

    def _write_marks(self, partition: Partition, up_to: int) -> None:
        """Those that were taken before the record at `up_to`."""
        waiting = self._marks.get(partition)
        while waiting and waiting[0].offset <= up_to:
            mark = waiting.popleft()
            task = mark.task
            self._writer.mark(RecordedMark(task.stage, task.topic, task.partition, mark.offset, mark.watermark_ms))
            self.marks += 1
