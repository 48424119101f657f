"""Families: who enters, and what partials over the exchange add up to."""

from __future__ import annotations

import numpy as np

from streamwatchd.operators.family import Family
from streamwatchd.operators.late import Partial
from streamwatchd.operators.panes import COUNT, Pane
from streamwatchd.shard.task import MergeTask
from tests.operators.bench import Bench


def merger(bench: Bench) -> tuple[MergeTask, Family]:
    tasks = [task for task in bench.driver.shards[0].tasks.values() if isinstance(task, MergeTask)]
    (family,) = tasks[0].flow.families.values()
    return tasks[0], family


def partial(keys: list[str], counts: list[int]) -> Partial:
    made = Pane(np.array(counts), np.zeros(0, np.int64), np.zeros(0, np.int64), {COUNT: np.array(counts)})
    return Partial([(key,) for key in keys], made)


def test_partials_are_set_not_added() -> None:
    """A feeder that says it again changes nothing, nor one that speaks of a pane that is closed."""
    _, family = merger(Bench("  - {kpi: k, by: site, every: 10s, values: {n: count()}}\n"))
    family.set_partial(0, "one", partial(["s", "t"], [2, 1]))
    family.set_partial(0, "one", partial(["s", "t"], [2, 1]))
    family.set_partial(0, "two", partial(["t"], [5]))
    assert family.earliest() == 0
    family.close(10_000)
    family.set_partial(0, "three", partial(["t"], [99]))
    family.close(20_000)
    assert dict(zip(family.space.keys, family.finest.counts(0, 10_000, 2).tolist(), strict=True)) == {
        ("s",): 2,
        ("t",): 6,
    }


def test_only_constants_that_a_rule_asks_for_make_keys() -> None:
    """Ten thousand services nobody watches cost nothing."""
    rules = "  - {alarm: one, by: host, where: kind == 'cpu', when: 'count(over 10s) > 0', partial: true}\n"
    bench = Bench(rules).feed(*((1, {"host": f"h{i}", "kind": "noise"}) for i in range(100)))
    bench.at(2, host="a", kind="cpu").clock(10)
    assert bench.alerts() == ["10 one fired warning a"]
    task = next(iter(bench.driver.shards[0].tasks.values()))
    assert {len(space) for space in task.flow.spaces.values()} == {1}


def test_panes_that_nobody_reaches_are_dropped() -> None:
    """State is bounded by the windows of the readers."""
    bench = Bench("  - {alarm: hot, by: host, when: avg(x over 30s) > 50%}\n").series(range(0, 3_000, 5), host="a", x=1)
    (family,) = next(iter(bench.driver.shards[0].tasks.values())).flow.families.values()
    assert len(family.finest.panes) <= 8
