"""The journal: what it keeps, and what it does about torn ends and gaps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.ports.fake_disk import FakeDisk
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Partition, Record
from streamwatchd.shard.journal import EpochRecord, LocalJournal, Range, missing_epochs, read_topic, replayable
from streamwatchd.shard.output import Mark, TaskId
from streamwatchd.shard.owner import Owner
from streamwatchd.shard.stretch import Stretch
from streamwatchd.shard.version import Version

TASK = TaskId(1, "in", 3)
OWNER = Owner("app", 0, 2, 0)
RECORD = EpochRecord(
    owner=OWNER,
    epoch=1,
    now_ms=1_767_571_200_000,
    ranges={TASK: Range(5, 9), TaskId(2, "", 0): Range(0, 0)},
    marks=(Mark(TASK, 7, 1_767_571_100_000),),
    switches=(Version(1, -5, "abc"),),
    version=1,
    content="abc",
    engine="0.1",
    watermarks_ms={TASK: -(2**62)},
)
FOLDER = Path("/state/shard-0")


def record(epoch: int, content: str = "abc") -> EpochRecord:
    return replace(RECORD, epoch=epoch, content=content)


def journal(disk: FakeDisk, *epochs: int) -> LocalJournal:
    log = LocalJournal(disk, FOLDER, OWNER)
    for epoch in epochs:
        log.append(record(epoch))
    return log


def epochs(records: list[EpochRecord]) -> list[int]:
    return [each.epoch for each in records]


def test_a_record_comes_back_as_it_was() -> None:
    """Ranges, marks, switches, watermarks and all."""
    assert EpochRecord.decode(RECORD.encode()) == RECORD


def test_windows_that_an_older_engine_filled_met_the_newest_rows() -> None:
    """Its records do not say from when on earlier rows were known: they were not."""
    filled = replace(RECORD, pasts=(Stretch(TASK, 1, 5, 900, 700),))
    assert EpochRecord.decode(filled.encode()) == filled
    older = msgspec.msgpack.decode(filled.encode())
    older |= {"format": 3, "pasts": [each[:-1] for each in older["pasts"]]}
    (stretch,) = EpochRecord.decode(msgspec.msgpack.encode(older)).pasts
    assert stretch == Stretch(TASK, 1, 5, 900, 2**62)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x01", RECORD.encode()[:-3]])
def test_bytes_that_are_no_record_are_refused(data: bytes) -> None:
    """With a reason, not with a traceback."""
    with pytest.raises(StateMismatch):
        EpochRecord.decode(data)


def test_a_newer_format_is_named() -> None:
    """A downgrade is told what it meets."""
    newer = RECORD.encode().replace(b"\xa6format\x02", b"\xa6format\x09")
    with pytest.raises(StateMismatch, match="format 9"):
        EpochRecord.decode(newer)


def test_the_log_gives_the_epochs_asked_for() -> None:
    """Above the snapshot, up to what is committed."""
    log = journal(FakeDisk(), 1, 2, 3, 4, 5)
    assert epochs(log.read(above=2, up_to=4)) == [3, 4]


def test_a_torn_tail_is_left_out() -> None:
    """At every byte where the last frame may end."""
    disk = FakeDisk()
    journal(disk, 1, 2)
    path = next(iter(disk.files))
    whole = disk.files[path]
    one = len(whole) // 2
    for size in range(one, len(whole)):
        disk.write(path, whole[:size])
        assert epochs(LocalJournal(disk, FOLDER, OWNER).read(0, 9)) == [1]


def test_a_cut_removes_what_was_never_committed() -> None:
    """The tail goes, also a torn one, and the log goes on behind."""
    disk = FakeDisk()
    journal(disk, 1, 2, 3)
    path = next(iter(disk.files))
    disk.append(path, b"torn")
    log = LocalJournal(disk, FOLDER, OWNER)
    log.cut(up_to=2)
    log.append(record(3, content="other"))
    assert [(each.epoch, each.content) for each in log.read(0, 9)] == [(1, "abc"), (2, "abc"), (3, "other")]


def test_a_failed_append_does_not_spoil_the_next() -> None:
    """It makes a gap that is seen; what follows can be read."""
    disk = FakeDisk()
    log = journal(disk, 1)
    disk.faults.at(1, lambda: Unavailable("No space left on device"), point="disk.append")
    with pytest.raises(Unavailable):
        log.append(record(2))
    log.append(record(3))
    records = log.read(0, 3)
    assert epochs(records) == [1, 3]
    assert missing_epochs(records, 0, 3) == [2]


def test_segments_go_when_no_snapshot_needs_them() -> None:
    """The one that holds the next epoch to replay stays."""
    disk = FakeDisk()
    log = journal(disk, 1, 2)
    log.roll()
    log.append(record(3))
    log.roll()
    log.append(record(4))
    log.prune(below=2)
    assert epochs(log.read(0, 9)) == [3, 4]
    log.prune(below=3)
    assert epochs(log.read(0, 9)) == [4]


def in_topic(*written: tuple[str, EpochRecord]) -> FakeKafka:
    kafka = FakeKafka({"journal": 2})
    kafka.plain_writer().send(Record("journal", each.encode(), key.encode(), 1) for key, each in written)
    return kafka


def test_the_topic_gives_the_epochs_of_its_shard() -> None:
    """Other shards may share the partition; of one epoch the later record is the committed one."""
    kafka = in_topic(("0", record(1)), ("1", record(2)), ("0", record(2)), ("0", record(2, "later")), ("0", record(3)))
    found = read_topic(kafka, Partition("journal", 1), shard=0, above=1, up_to=2)
    assert [(each.epoch, each.content) for each in found] == [(2, "later")]


def test_the_topic_fills_what_the_log_has_not() -> None:
    """A gap in the log sends us to the topic; a gap in both is said."""
    kafka = in_topic(("0", record(1)), ("0", record(2)), ("0", record(3)))
    partition = Partition("journal", 1)
    log = journal(FakeDisk(), 1, 3)
    assert epochs(replayable(log, kafka, partition, OWNER, above=0, up_to=3)) == [1, 2, 3]
    gaps: list[str] = []
    replayable(log, kafka, partition, OWNER, 0, 3, gaps.append)
    replayable(journal(FakeDisk()), kafka, partition, OWNER, 0, 3, gaps.append)  # of another host, which has no log
    assert [gap.partition(";")[0] for gap in gaps] == ["the local journal lacks 2 epoch(s) from 2 on"]
    with pytest.raises(StateMismatch, match=r"1 epoch\(s\) from 4 to 4 of 4"):
        replayable(log, kafka, partition, OWNER, above=0, up_to=4)
