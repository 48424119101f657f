"""A worker's reading of the past; with deaths in between it is in `test_worker.py`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamwatchd.errors import Unavailable
from streamwatchd.operators.asking import BEGINNING
from streamwatchd.ports.kafka import Partition, Record
from streamwatchd.shard import backfill
from streamwatchd.shard.backfill import Backfill
from streamwatchd.shard.meter import Meter
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.recovery import State, begin
from tests.shard.small import FIRST, SETTINGS, START_MS, SmallShard, World, content

TASKS = {TaskId(1, "in", number): Partition("in", number) for number in range(2)}
HORIZON = START_MS + 190
NEXT = content("v1 fills")


def standing(world: World, end: int = 10) -> State:
    state = begin(FIRST, content("v0"), TASKS, SmallShard)
    state.positions = dict.fromkeys(TASKS, end)
    return state


def made(world: World, backfill_ms: int = 3_600_000) -> Backfill:
    settings = replace(SETTINGS, backfill_ms=backfill_ms, max_future_ms=0)
    return Backfill(settings, world.kafka, Meter(0, world.clock), world.clock)


def fed() -> World:
    world = World()
    world.feed(20, stamped=True)
    return world


@pytest.mark.parametrize(("backfill_ms", "starts"), [(3_600_000, [5, 4]), (60, [7, 6]), (1, [10, 9])])
def test_it_reads_as_far_back_as_panes_reach_and_settings_allow(backfill_ms: int, starts: list[int]) -> None:
    """The records of the last 100 ms at most."""
    world = fed()
    _, stretches = made(world, backfill_ms).finish(standing(world), NEXT, HORIZON + 1, lambda: None)
    assert [each.start for each in stretches] == starts
    assert {each.end for each in stretches} == {10}
    assert {each.from_ms for each in stretches} == {HORIZON - min(backfill_ms, 100)}


def test_what_was_read_ahead_serves_at_the_change() -> None:
    """It follows the work meanwhile, so that little is left."""
    world = fed()
    state, reading = standing(world, end=8), made(world)
    reading.prepare(state, NEXT, HORIZON)
    assert reading.turn(state)
    state.positions = dict.fromkeys(TASKS, 10)
    filled, stretches = reading.finish(state, NEXT, HORIZON + 5, lambda: None)
    assert [each.end for each in stretches] == [10, 10]
    assert [len(past.times) for past, _ in filled.values()] == [5, 6]  # type: ignore[attr-defined]
    assert not reading.is_on


def test_it_does_not_follow_for_ever() -> None:
    """Rules that were taken back before they came."""
    world = fed()
    state, reading = standing(world), made(world)
    reading.prepare(state, NEXT, HORIZON)
    assert reading.turn(state)
    assert reading.is_on
    world.clock.advance(200_000)
    assert reading.turn(state)
    assert not reading.is_on


def test_records_that_vanish_before_they_are_read_are_done_without() -> None:
    """It begins again with what is left."""
    world = fed()
    state, reading = standing(world), made(world)
    reading.prepare(state, NEXT, HORIZON)
    for partition in TASKS.values():
        world.kafka.broker.log(partition).delete_before(8)
    filled, stretches = reading.finish(state, NEXT, HORIZON + 1, lambda: None)
    assert [each.start for each in stretches] == [8, 8]
    assert [from_ms for _, from_ms in filled.values()] == [START_MS + 160, START_MS + 170]


def test_of_too_many_records_the_newest_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """And said."""
    monkeypatch.setattr(backfill, "_MOST_RECORDS", 6)
    world = fed()
    _, stretches = made(world).finish(standing(world), NEXT, HORIZON + 1, lambda: None)
    assert [each.start for each in stretches] == [7, 7]
    assert [each.from_ms - START_MS for each in stretches] == [140, 150]


def test_brokers_that_do_not_answer_are_waited_for_by_the_caller() -> None:
    """Nothing is left open."""
    world = fed()
    world.kafka.faults.at(1, lambda: Unavailable("no broker"), point="kafka.offsets_at")
    reading = made(world)
    with pytest.raises(Unavailable):
        reading.finish(standing(world), NEXT, HORIZON + 1, lambda: None)
    assert not reading.is_on
    filled, _ = reading.finish(standing(world), NEXT, HORIZON + 1, lambda: None)
    assert len(filled) == 2


def test_where_timestamps_can_not_be_searched_all_is_read() -> None:
    """Records of old producers have none."""
    world = World()
    writer = world.kafka.plain_writer()
    for number in range(20):
        value = b'{"t": %d, "k": "a"}' % (START_MS + number * 10)
        writer.send([Record("in", value, partition=number % 2, timestamp_ms=-1)])
    _, stretches = made(world).finish(standing(world), NEXT, HORIZON + 1, lambda: None)
    assert [(each.start, each.from_ms) for each in stretches] == [(0, BEGINNING), (0, BEGINNING)]
