"""What came late: from which judgement on it is read, and how long it is kept."""

from __future__ import annotations

import numpy as np
import pytest

from streamwatchd.operators.keyspace import KeySpace
from streamwatchd.operators.late import Amending, LateLayer, Partial, View
from streamwatchd.operators.panes import COUNT, Pane
from streamwatchd.shard.task import MergeTask
from tests.operators.bench import Bench

KPI = "  - {kpi: k, by: %s, every: 10s, late: amend, amend_for: 1m, values: {n: count(), s: sum(x)}}\n"
EVERY_30 = Amending(every_ms=30, amend_for_ms=60)
ALL = View(EVERY_30, 2**60)


@pytest.mark.parametrize(
    ("slot", "index", "taken"),
    [(10, 0, 30), (30, 0, 30), (40, 0, 60), (90, 0, 90), (100, 0, None), (100, 2, None), (100, 3, 120)],
)
def test_the_first_judgement_at_or_after_the_slot_reads_it(slot: int, index: int, taken: int | None) -> None:
    """Unless the first window that could hold it ended more than `amend_for` before that judgement."""
    assert EVERY_30.taken(slot, index, width_ms=10) == taken


def test_a_rule_reads_nothing_of_slots_that_began_before_it() -> None:
    """A rule that has come at E says the same whoever else has amended before."""
    young = Amending(30, 600, begins_ms=25)
    assert [young.taken(slot, 0, 10) for slot in (20, 30, 40)] == [None, None, 60]


def said(keys: list[str], counts: list[int]) -> Partial:
    made = Pane(np.array(counts), np.zeros(0, np.int64), np.zeros(0, np.int64), {COUNT: np.array(counts)})
    return Partial([(key,) for key in keys], made)


def test_partials_are_set_not_added() -> None:
    """A feeder that says it again changes nothing; slots that not all feeders have passed wait."""
    layer, space = LateLayer(10, [COUNT]), KeySpace(("host",))
    layer.set_partial(30, 0, "one", said(["a", "b"], [2, 1]))
    layer.set_partial(30, 0, "one", said(["a", "b"], [2, 1]))
    layer.set_partial(30, 0, "two", said(["b"], [5]))
    layer.set_partial(40, 0, "two", said(["b"], [9]))
    layer.merge_pending(30, space)
    assert layer.counts(0, 10, ALL, 2).tolist() == [2, 6]
    assert len(layer) == 2


def late_layers(bench: Bench) -> list[LateLayer]:
    tasks = bench.driver.shards[0].tasks.values()
    return [family.late for task in tasks for family in task.flow.families.values() if family.late is not None]


@pytest.mark.parametrize("by", ["host", "site"])
def test_what_came_late_is_kept_as_long_as_it_can_amend(by: str) -> None:
    """State is bounded by `amend_for` and the window, here and behind the exchange."""
    bench = Bench(KPI % by)
    for second in range(5, 3_000, 5):
        bench.at(second, host="a", site="s", x=1).at(second - 4, host="a", site="s", x=1)
    assert sum(row.endswith("s=4") for row in bench.rows()) > 200
    panes = [len(layer.panes) for layer in late_layers(bench)]
    assert max(panes) >= 8
    assert max(panes) <= 30


@pytest.mark.parametrize("by", ["host", "site"])
def test_what_came_late_survives_a_restart(by: str) -> None:
    """Before it is sent, while it waits for other partitions, and before it is read."""
    bench = Bench(KPI % by, partitions=2)
    bench.at(1, host="a", site="s", x=1).at(1, partition=1, host="a", site="s", x=1)
    bench.at(21, host="a", site="s", x=1).at(2, host="a", site="s", x=5).restart()
    bench.at(31, host="a", site="s", x=1).restart()
    bench.at(41, partition=1, host="a", site="s", x=1).restart().clock(60)
    rows = [row for row in bench.rows() if row.startswith("0-10")]
    assert rows == (
        ["0-10 k a n=1 s=1", "0-10 k a n=2 s=6", "0-10 k a n=1 s=1"]
        if by == "host"
        else ["0-10 k s n=2 s=2", "0-10 k s n=3 s=7"]
    )


def test_only_rules_that_amend_keep_anything() -> None:
    """The same panes serve both kinds; the plain rule's answers are as ever."""
    plain = "  - {kpi: p, by: host, every: 10s, values: {n: count()}}\n"
    bench = Bench(plain + KPI % "host").at(1, host="a", x=1).at(21, host="a", x=1).at(2, host="a", x=5).clock(60)
    rows = bench.rows()
    assert [row for row in rows if " p " in row] == ["0-10 p a n=1", "20-30 p a n=1"]
    assert [row for row in rows if row.startswith("0-10 k")] == ["0-10 k a n=1 s=1", "0-10 k a n=2 s=6"]
    assert not late_layers(Bench(plain).at(1, host="a").at(21, host="a").at(2, host="a"))
    assert not any(isinstance(task, MergeTask) for task in bench.driver.shards[0].tasks.values())
