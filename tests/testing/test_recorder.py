"""Recording from Kafka: every record once, marks where they were taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.batch import RawBatch
from streamwatchd.errors import UnreadableInput
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Partition, Record
from streamwatchd.recording import Header, RecordedMark, RecordingWriter, open_recording
from streamwatchd.shard.journal import EpochRecord, Range
from streamwatchd.shard.output import Mark, TaskId
from streamwatchd.shard.owner import Owner
from streamwatchd.testing.recorder import Recorder, journalled_marks, partitions_of, stretch_of


def kafka_with(count: int) -> FakeKafka:
    """Two partitions of `t`, `count` records each."""
    kafka = FakeKafka({"t": 2, "journal": 1})
    writer = kafka.plain_writer()
    writer.send(Record("t", f"{n}".encode(), partition=p, timestamp_ms=n) for n in range(count) for p in (0, 1))
    writer.flush(1.0)
    return kafka


def recorded(kafka: FakeKafka, path: Path, marks: dict[Partition, list[Mark]] | None = None) -> list[object]:
    """All that the topics hold, as (partition, offset) or (partition, offset, watermark)."""
    counts = partitions_of(kafka, ["t"])
    with RecordingWriter(str(path), Header(counts)) as writer:
        stretch = stretch_of(kafka, counts, from_beginning=True, endless=False)
        Recorder(writer, marks).record(kafka.reader(), stretch, lambda: False)
    found: list[object] = []
    with open_recording(str(path)) as recording:
        assert recording.header is not None
        assert recording.header.topics == {"t": 2}
        for item in recording:
            match item:
                case RawBatch(partition=partition, offsets=offsets):
                    found += [(partition, offset) for offset in offsets]
                case RecordedMark(partition=partition, offset=offset, watermark_ms=watermark_ms):
                    found.append((partition, offset, watermark_ms))
    return found


def test_all_records_up_to_the_ends_are_written(tmp_path: Path) -> None:
    """Each once; an empty topic gives a recording with a header only."""
    assert sorted(recorded(kafka_with(3), tmp_path / "a.ndjson")) == [(p, n) for p in (0, 1) for n in range(3)]  # type: ignore[type-var]
    assert recorded(kafka_with(0), tmp_path / "b.ndjson") == []


def test_marks_stand_where_they_were_taken(tmp_path: Path) -> None:
    """Between the records below their offset and those at or above it; those beyond the end are left out."""
    task = TaskId(1, "t", 0)
    marks = {Partition("t", 0): [Mark(task, 1, 10), Mark(task, 1, 11), Mark(task, 3, 30), Mark(task, 9, 90)]}
    found = recorded(kafka_with(3), tmp_path / "a.ndjson", marks)
    mine = [each for each in found if isinstance(each, tuple) and each[0] == 0]
    assert mine == [(0, 0), (0, 1, 10), (0, 1, 11), (0, 1), (0, 2), (0, 3, 30)]


def test_the_journal_says_which_marks_there_were() -> None:
    """Of every shard, in order of epochs."""
    kafka = kafka_with(0)
    writer = kafka.plain_writer()
    for shard in (0, 1):
        task = TaskId(1, "t", shard)
        for epoch in (1, 2):
            record = EpochRecord(
                Owner("app", 0, 2, shard),
                epoch,
                0,
                {task: Range(0, 0)},
                (Mark(task, epoch, 10 * epoch),),
                (),
                1,
                "c",
                "v",
                {task: 0},
            )
            writer.send([Record("journal", record.encode(), key=str(shard).encode(), partition=0)])
    writer.flush(1.0)
    found = journalled_marks(kafka, "journal", "app")
    assert {partition: [mark.watermark_ms for mark in marks] for partition, marks in found.items()} == {
        Partition("t", 0): [10, 20],
        Partition("t", 1): [10, 20],
    }
    assert journalled_marks(kafka, "no_journal", "app") == {}


def test_a_recording_of_what_comes_begins_at_the_end() -> None:
    """And has no end of its own."""
    kafka = kafka_with(3)
    stretch = stretch_of(kafka, {"t": 2}, from_beginning=False, endless=True)
    assert stretch.end is None
    assert set(stretch.start.values()) == {3}


def test_an_unknown_topic_is_named() -> None:
    """Before anything is written."""
    with pytest.raises(UnreadableInput, match="no topic nowhere"):
        partitions_of(kafka_with(0), ["t", "nowhere"])
