"""A whole program on one thread."""

from __future__ import annotations

import pytest

from streamwatchd.batch import RawBatch
from streamwatchd.shard.output import Mark, Sink, TaskId
from streamwatchd.testing.driver import Driver
from tests.operators.bench import compiled
from tests.oracle.world import START_MS

RULES = """\
  - {kpi: hosts, by: host, every: 10s, values: {n: count()}}
  - {kpi: sites, by: site, every: 1h, values: {n: count()}}
"""


def driver(shards: int = 1) -> Driver:
    project = compiled(RULES)
    assert project.program is not None
    return Driver(project.program, project.loaded.tables, {"m": 3, "other": 1}, shards=shards)


def feed(target: Driver) -> None:
    for partition in range(3):
        rows = [f'{{"ts": {START_MS + at * 1000}, "host": "h{partition}", "site": "s"}}'.encode() for at in range(30)]
        target.feed(RawBatch("m", partition, rows, range(30), [0] * 30))


@pytest.mark.parametrize("shards", [1, 2, 5])
def test_shards_show_nowhere(shards: int) -> None:
    """The exchange is delivered at once, whoever owns the tasks."""
    one, many = driver(), driver(shards)
    for each in (one, many):
        feed(each)
        each.flush()
    outputs = [sorted(repr(out) for out in each.take_outputs()) for each in (one, many)]
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) == 3 * 3 + 1


def test_flushing_closes_every_window() -> None:
    """Wide ones too; an empty driver has nothing to close."""
    target = driver()
    target.flush()
    assert target.take_outputs() == []
    feed(target)
    target.flush()
    names = {out.value["kpi"] for out in target.take_outputs() if isinstance(out.value, dict)}
    assert names == {"hosts", "sites"}


def test_a_change_lies_above_every_event() -> None:
    """Of any partition; what comes out later is by the new rules."""
    target = driver()
    feed(target)
    target.take_outputs()
    project = compiled("  - {alarm: seen, by: host, when: n > 1}\n")
    assert project.program is not None
    assert target.switch(project.program, project.loaded.tables) == START_MS + 29_001
    row = f'{{"ts": {START_MS + 30_000}, "host": "h0", "n": 2}}'.encode()
    target.feed(RawBatch("m", 0, [row], [30], [0]))
    assert [out.sink for out in target.take_outputs() if out.sink is Sink.ALERTS] == [Sink.ALERTS]


def test_a_change_comes_to_shards_without_tasks_too() -> None:
    """There may be more shards than tasks."""
    target = driver(shards=20)
    feed(target)
    project = compiled(RULES)
    assert project.program is not None
    assert target.switch(project.program, project.loaded.tables) == START_MS + 29_001


def test_marks_move_watermarks() -> None:
    """As the journal's do."""
    target, task = driver(), TaskId(1, "m", 2)
    target.mark(Mark(task, -1, START_MS))
    assert target.watermarks()[task] == START_MS
