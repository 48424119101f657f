"""Playing recordings: the same answers whatever the cut, and the marks that record timestamps say."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from streamwatchd.batch import Integers, RawBatch
from streamwatchd.plan.program import Program
from streamwatchd.recording import RecordedMark
from streamwatchd.shard.output import Sink, TaskId
from streamwatchd.shard.task import NEVER
from streamwatchd.testing.driver import Driver
from streamwatchd.testing.playback import Playback, cut, joined, trusted
from tests.testing.project import START_MS, program

RULES = "source: web\nevery: 10s\nrules: [{kpi: requests, by: page, every: 1m, values: {total: count()}}]\n"
Record = tuple[int, int, int]
"""Partition, record timestamp and event time, in seconds after the start."""


@pytest.fixture(scope="module")
def requests(tmp_path_factory: pytest.TempPathFactory) -> Program:
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return program(folder, RULES)


def batch(partition: int, first: int, records: Iterable[tuple[int, int]]) -> RawBatch:
    records = list(records)
    payloads = [
        json.dumps({"ts": START_MS + at * 1000, "shop": str(partition), "page": "p"}).encode() for _, at in records
    ]
    stamps = [-1 if stamp < 0 else START_MS + stamp * 1000 for stamp, _ in records]
    return RawBatch("web", partition, payloads, range(first, first + len(records)), stamps)


def batches(records: Iterable[Record], most: int) -> Iterable[RawBatch]:
    """Records in slices of up to `most`, one batch a partition and slice, as a reader gives them."""
    records, offsets = list(records), dict.fromkeys(range(9), 0)
    for start in range(0, len(records), most):
        part = records[start : start + most]
        for partition in dict.fromkeys(each[0] for each in part):
            mine = [(stamp, at) for number, stamp, at in part if number == partition]
            yield batch(partition, offsets[partition], mine)
            offsets[partition] += len(mine)


def play(
    program: Program, items: Iterable[RawBatch | RecordedMark], partitions: int = 2, **settings: object
) -> tuple[dict[str, int], int]:
    """Requests by minute, and how many came late."""
    driver = Driver(program, {}, {"web": partitions, "logs": 1})
    playback = Playback(driver, **settings)  # type: ignore[arg-type]
    for item in items:
        playback.add(item)
    playback.end()
    outputs = driver.take_outputs()
    rows = [output.value for output in outputs if output.sink is Sink.KPIS]
    minutes = {row["window"]["start"][11:16]: row["values"]["total"] for row in rows if isinstance(row, dict)}  # type: ignore[index]
    return minutes, sum(output.sink is Sink.LATE for output in outputs)


def traffic(seed: int, seconds: int = 600) -> list[Record]:
    """Two partitions, slightly out of order; the second is silent for minutes, then speaks of the past once more."""
    rng = random.Random(seed)
    records = []
    for second in range(seconds):
        records.append((0, second, second - rng.randint(0, 4)))
        if not 120 <= second < 300:
            records.append((1, second, second - rng.randint(0, 4)))
        if second == 300:
            records.append((1, second, 200))
    return records


@pytest.mark.parametrize("seed", range(3))
def test_the_cut_changes_nothing(requests: Program, seed: int) -> None:
    """Batches of one record, of many, all at once; a window that is just large enough, or endless."""
    records = traffic(seed)
    whole = play(requests, batches(records, 10_000))
    assert list(whole[0])[-1] == "00:08"  # the minute after it is still open
    assert whole[1] == 1
    for most, window in ((1, 10), (7, 50), (100, 200), (1000, 100)):
        assert play(requests, batches(records, most), window=window) == whole


def test_a_partition_that_speaks_again_within_idle_after_is_not_late(requests: Program) -> None:
    """Its watermark stood where it was."""
    quiet = [(0, second, second) for second in range(200)] + [(1, 100, 100), (1, 129, 96)]
    assert play(requests, batches(sorted(quiet, key=lambda each: each[1]), 5), window=10)[1] == 0
    silent = [(0, second, second) for second in range(200)] + [(1, 100, 100), (1, 131, 96)]
    assert play(requests, batches(sorted(silent, key=lambda each: each[1]), 5), window=10)[1] == 1


def test_partitions_one_after_the_other_are_waited_for(requests: Program) -> None:
    """A dump of partition after partition answers as the traffic did, where it is known which ones there are."""
    records = traffic(1)
    dump = sorted(records, key=lambda each: each[0])
    expected = [TaskId(1, "web", 0), TaskId(1, "web", 1)]
    by_partition = play(requests, batches(dump, 50), window=100, expected=expected)
    assert by_partition[0] == play(requests, batches(records, 50))[0]


def test_a_partition_without_a_record_holds_nothing_up(requests: Program) -> None:
    """It follows the others: soon in a long recording, at the end in a short one."""
    short = [(0, second, second) for second in range(70)]
    assert play(requests, batches(short, 10), partitions=4)[0] == {"00:00": 60}


@pytest.mark.parametrize("run", [1, 40])
def test_a_clock_that_was_ahead_changes_nothing(requests: Program, run: int) -> None:
    """Records stamped half an hour ahead, as a producer with a wrong clock writes them in between."""
    records = traffic(2)
    whole = play(requests, batches(records, 10_000))
    ahead = [(p, stamp + 1800 * (100 <= row < 100 + run), at) for row, (p, stamp, at) in enumerate(records)]
    for most, window in ((10_000, 80_000), (7, 400), (100, 400)):
        assert play(requests, batches(ahead, most), window=window) == whole


@pytest.mark.parametrize("old", [-600, -7200, -(10**9)])
def test_a_few_old_stamps_change_nothing(requests: Program, old: int) -> None:
    """Also where the partition that has them is silent afterwards: the others go on as if they had not been there."""
    records = [each for each in traffic(3, 1200) if each[0] or each[1] < 600]
    whole = play(requests, batches(records, 10_000))
    upload = [(p, max(0, stamp + old * (row % 40 == 0)), at) for row, (p, stamp, at) in enumerate(records)]
    for most, window in ((10_000, 80_000), (7, 400), (100, 400)):
        assert play(requests, batches(upload, most), window=window) == whole


def test_stamps_that_go_back_all_the_time_let_nothing_be_idle(requests: Program) -> None:
    """None of them can be trusted but the last."""
    records = [(number % 2, 5_000 - second, second) for number, second in enumerate(range(1_000))]
    whole = play(requests, batches(records, 10_000))
    assert (whole[1], whole[0]["00:00"]) == (0, 60)
    assert play(requests, batches(records, 100), window=200) == whole


def test_a_stamp_is_judged_by_most_of_the_next_ones() -> None:
    stamps = np.arange(0, 60_000, 20)
    stamps[100:140] += 50_000
    stamps[500] = 0
    stamps[501] = NEVER
    found = trusted(stamps, 5_000)
    assert np.flatnonzero(found != stamps).tolist() == list(range(100, 140))
    assert (found[100:140] == NEVER).all()
    assert (trusted(stamps, 60_000) == stamps).all()


def test_records_without_timestamps_are_played(requests: Program) -> None:
    """Then nothing is ever idle before the end."""
    records = [(0, -1, second) for second in range(130)]
    assert play(requests, batches(records, 10), window=20)[0] == {"00:00": 60, "00:01": 60}


def test_recorded_marks_are_played_instead_of_derived_ones(requests: Program) -> None:
    """A mark closes the windows up to it, and what comes after it from the past is late."""
    mark = RecordedMark(1, "web", 0, 70, START_MS + 300_000)
    items = [batch(0, 0, [(second, second) for second in range(70)]), mark, batch(0, 70, [(71, 71), (400, 400)])]
    assert play(requests, items, partitions=1) == ({"00:00": 60, "00:01": 10}, 1)
    only = play(requests, items[:1], partitions=2, derive_marks=False)
    assert only == ({}, 0)


def test_records_of_other_topics_are_counted_and_left_out(requests: Program) -> None:
    """They belong to no source."""
    driver = Driver(requests, {}, {"web": 1, "logs": 1})
    playback = Playback(driver)
    playback.add(RawBatch("other", 0, [b"{}"], [0], [START_MS]))
    playback.end()
    assert (playback.unknown, playback.events) == ({"other": 1}, 0)


def test_batches_join_and_cut() -> None:
    """Rows stay in order, whatever sequences hold them."""
    one, two = batch(0, 0, [(1, 1), (2, 2)]), batch(0, 2, [(3, 3)])
    whole = joined([one, two])
    assert (list(whole.offsets), len(whole.payloads), whole.keys) == ([0, 1, 2], 3, None)
    assert list(cut(whole, 1, 3).offsets) == [1, 2]
    assert joined([one]) is one
    arrays = [replace(each, offsets=Integers(np.array(each.offsets))) for each in (one, two)]
    assert isinstance(joined(arrays).offsets, Integers)
    assert list(joined(arrays).offsets) == list(joined([arrays[0], two]).offsets) == [0, 1, 2]
