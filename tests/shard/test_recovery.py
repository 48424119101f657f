"""Replay: the same records and marks in the same places, whatever the batches."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamwatchd.batch import RawBatch
from streamwatchd.errors import StateMismatch
from streamwatchd.operators.asking import GRACE_MS
from streamwatchd.ports.kafka import Committed, Partition
from streamwatchd.shard.journal import EpochRecord, Range
from streamwatchd.shard.output import Mark, TaskId
from streamwatchd.shard.owner import Owner
from streamwatchd.shard.recovery import Lane, Replay, State, begin, check_positions, stretches
from streamwatchd.shard.version import Version
from tests.shard.small import FIRST, MAX_DELAY_MS, START_MS, SmallShard, World, content

OWNER = Owner("streamwatchd", 0, 1, 0)
TASK = TaskId(1, "in", 0)
OTHER = TaskId(1, "in", 1)


def epoch(number: int, start: int, end: int, *marks: Mark, switches: tuple[Version, ...] = ()) -> EpochRecord:
    ranges = {TASK: Range(start, end)}
    return EpochRecord(OWNER, number, START_MS + 100 * number, ranges, marks, switches, 0, "v0", "0", {})


def batch(*offsets: int) -> RawBatch:
    return RawBatch("in", 0, [str(offset).encode() for offset in offsets], list(offsets), [0] * len(offsets))


def played(lane: Lane, *batches: RawBatch) -> list[object]:
    """Offsets with the clock they are judged by, and marks."""
    found: list[object] = list(lane.acts_without_records())
    for each in batches:
        for act in lane.acts(each):
            if isinstance(act, Mark):
                found.append(act.watermark_ms)
            else:
                found += [(offset, act[1] - START_MS) for offset in act[0].offsets]
    return found


RUN = [
    epoch(1, 0, 2),
    epoch(2, 2, 5, Mark(TASK, 2, 7), Mark(OTHER, 3, 8), Mark(TASK, 4, 9)),
    epoch(3, 5, 5, Mark(TASK, 5, 10)),
]
SCRIPT = [(0, 100), (1, 100), 7, (2, 200), (3, 200), 9, (4, 200), 10]


@pytest.mark.parametrize(
    "cuts",
    [[[0, 1, 2, 3, 4]], [[0], [1], [2], [3], [4]], [[0, 1, 2], [3, 4, 5, 6]], [[0, 1], [2, 3], [4, 5]]],
)
def test_records_and_marks_keep_their_places(cuts: list[list[int]]) -> None:
    """However the records come: cut at epochs, between marks, or with more behind them."""
    lane = Lane(TASK, RUN)
    assert played(lane, *(batch(*cut) for cut in cuts)) == SCRIPT
    assert lane.done
    assert lane.start == 0


def test_marks_before_any_record_need_none() -> None:
    """A silent partition may have nothing but marks."""
    lane = Lane(TASK, [epoch(1, 3, 3, Mark(TASK, 3, 7))])
    assert [mark.watermark_ms for mark in lane.acts_without_records()] == [7]
    assert lane.done


def test_offsets_may_have_gaps() -> None:
    """Control markers and compaction leave holes; the record behind a stretch ends it."""
    lane = Lane(TASK, [epoch(1, 0, 4), epoch(2, 4, 9)])
    assert played(lane, batch(0, 2), batch(6, 8)) == [(0, 100), (2, 100), (6, 200), (8, 200)]
    assert lane.done


def test_epochs_of_one_clock_are_played_as_one() -> None:
    """Hundreds of small batches would take as long again as they did; behind the exchange no clock is asked."""

    def lengths(task: TaskId, *clocks: int, marks: tuple[Mark, ...] = ()) -> list[int]:
        run = [
            EpochRecord(OWNER, n, now, {task: Range(2 * n, 2 * n + 2)}, marks if n == 1 else (), (), 0, "v0", "0", {})
            for n, now in enumerate(clocks)
        ]
        acts = Lane(task, run).acts(batch(*range(2 * len(clocks))))
        return [len(act[0]) for act in acts if not isinstance(act, Mark)]

    assert lengths(TASK, 1_000, 1_000, 1_000, 2_000) == [6, 2]
    assert lengths(TASK, 1_000, 1_000, marks=(Mark(TASK, 2, 7),)) == [2, 2]
    assert lengths(TaskId(2, "", 0), 1_000, 2_000, 3_000) == [6]


def test_a_log_that_ends_early_ends_the_stretch() -> None:
    """Where the last record of a range was compacted away, the end of the log says that nothing more comes."""
    lane = Lane(TASK, [epoch(1, 0, 4, Mark(TASK, 4, 7))])
    played(lane, batch(0, 2))
    assert not lane.done
    assert [mark.watermark_ms for mark in lane.acts_at_end(6)] == [7]
    assert lane.done


def test_a_switch_begins_a_stretch() -> None:
    """All tasks are brought there before it is made."""
    change = (Version(1, 9, "v1"),)
    records = [epoch(1, 0, 1), epoch(2, 1, 2), epoch(3, 2, 3, switches=change), epoch(4, 3, 4)]
    assert [[each.epoch for each in run] for run in stretches(records)] == [[1, 2], [3, 4]]


def state() -> State:
    known = content("v0", stages=1)
    return begin(FIRST, known, {TASK: Partition("in", 0)}, SmallShard)


def replayed(*records: EpochRecord, before: State | None = None, gone: int = 0) -> State:
    """`gone`: records below this offset are given up."""
    world = World(partitions=1)
    world.feed(10)
    found = before or state()
    contents = {"v0": content("v0", stages=1), "v1": content("v1", stages=1)}
    given_up = {Partition("in", 0): gone} if gone else {}
    reader = world.kafka.reader()
    replay = Replay(
        found, reader, contents.__getitem__, lambda _: found.tasks, gone=given_up, lacking=bool(gone)
    )  # fmt: skip
    replay.run(records)
    return found


def test_a_replay_is_muted() -> None:
    """The outputs are out already."""
    found = replayed(epoch(1, 0, 4), epoch(2, 4, 6))
    assert (found.epoch, found.positions) == (2, {TASK: 6})
    assert found.shard.counters()["events", ()] == 6
    assert found.shard.drain() == ([], [])


@pytest.mark.parametrize("gone", [3, 6])
def test_without_records_that_are_given_up_time_stands_where_it_stood(gone: int) -> None:
    """Whether some are left or none: what was late is late; where nothing is given up the records alone say it."""
    last = replace(epoch(2, 4, 6), watermarks_ms={TASK: START_MS + 5_000})
    found = replayed(epoch(1, 0, 4), last, gone=gone)
    assert found.shard.counters()["events", ()] == 6 - gone
    assert found.shard.watermarks() == {TASK: START_MS + 5_000}
    assert replayed(epoch(1, 0, 4), last).shard.watermarks() == {TASK: START_MS + 50 - MAX_DELAY_MS}


def test_a_journal_that_does_not_go_on_from_the_state_is_refused() -> None:
    """A hole between snapshot and journal would be a loss."""
    standing = state()
    standing.positions = {TASK: 3}
    with pytest.raises(StateMismatch, match="stands at offset 3"):
        replayed(epoch(1, 4, 6), before=standing)


def test_another_version_than_journalled_is_refused() -> None:
    """A replay under other rules would be another state."""
    record = EpochRecord(OWNER, 1, 0, {TASK: Range(0, 2)}, (), (), 5, "v5", "0", {})
    with pytest.raises(StateMismatch, match="ran under version 5"):
        replayed(record)


@pytest.mark.parametrize("there", [None, Committed(5)])
def test_state_and_committed_offsets_must_agree(there: Committed | None) -> None:
    """Otherwise somebody moved one of them."""
    standing = state()
    standing.positions = {TASK: 6}
    with pytest.raises(StateMismatch, match="goes on at offset 6"):
        check_positions(standing, {Partition("in", 0): there})


def test_older_versions_are_forgotten_when_all_have_passed() -> None:
    """Until then, and for a grace after that, a snapshot needs both."""
    standing = state()
    standing.switch(Version(1, START_MS, "v1"), content("v1", stages=1), standing.tasks)
    standing.settle()
    assert [version.number for version in standing.versions] == [0, 1]
    standing.shard.mark(Mark(TASK, 0, START_MS + GRACE_MS))
    standing.settle()
    assert [version.number for version in standing.versions] == [0, 1]
    standing.shard.mark(Mark(TASK, 0, START_MS + GRACE_MS + 1))
    standing.settle()
    assert [version.number for version in standing.versions] == [1]


def test_tasks_of_a_new_stage_join_the_standing_shard() -> None:
    """A rule that is the first to cross partitions begins at E like any other; nobody's state is built anew."""
    standing = state()
    before, merging = standing.shard, TaskId(2, "", 0)
    standing.switch(Version(1, START_MS, "v1"), content("v1", stages=2), {merging: Partition("exchange.2", 0)})
    assert (standing.shard is before, set(standing.tasks)) == (True, {TASK, merging})
    assert merging in standing.shard.watermarks()
    standing.switch(Version(2, START_MS + 1, "v2"), content("v2", stages=1), {TASK: Partition("in", 0)})
    assert set(standing.tasks) == {TASK, merging}
