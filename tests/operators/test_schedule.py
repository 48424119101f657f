"""When nodes are asked and in which order they judge."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from streamwatchd.operators.asking import BEGINNING
from streamwatchd.operators.flow import Flow
from streamwatchd.operators.schedule import Schedule
from tests.laws.engine import compile_world, run_driver
from tests.operators.bench import Bench, compiled
from tests.oracle.random_rules import build_world


class Timer:
    """Due at some instants; tells how often it was asked."""

    def __init__(self, name: str, *instants: int, root: str = "s") -> None:
        self.id, self.roots, self.instants, self.asked = name, frozenset({root}), list(instants), 0

    def due(self, limit_ms: int) -> int | None:
        self.asked += 1
        return self.instants[0] if self.instants and self.instants[0] <= limit_ms else None

    def judge(self, judged_ms: int) -> None:
        assert self.instants.pop(0) == judged_ms

    def snapshot(self) -> Any: ...

    def restore(self, state: Any) -> None: ...


def played(schedule: Schedule, nodes: dict[str, Timer], **limits: int) -> list[tuple[int, str]]:
    """What is judged in a round up to the limits."""
    found = []
    schedule.begin(lambda roots: min(limits.get(root, BEGINNING) for root in roots))
    while (due := schedule.pop()) is not None:
        found.append(due)
        nodes[due[1]].judge(due[0])
        schedule.ask([due[1]])
    return found


def test_instants_ascend_and_nodes_of_one_keep_their_order() -> None:
    """However often each is due; nothing beyond the limit, and what a stream's limit does not allow waits."""
    nodes = {"b": Timer("b", 1, 5, 9), "a": Timer("a", 5, 6), "c": Timer("c", 2, root="t")}
    schedule = Schedule(nodes, {})
    assert played(schedule, nodes, s=6) == [(1, "b"), (5, "b"), (5, "a"), (6, "a")]
    assert played(schedule, nodes, s=6) == []
    assert played(schedule, nodes, s=9, t=3) == [(2, "c"), (9, "b")]


def test_a_node_goes_on_by_its_pace() -> None:
    """It judges once all has come up to the next multiple, after those who give out something there."""
    nodes = {"a": Timer("a", 4, 5), "b": Timer("b", 6, 7)}
    schedule = Schedule(nodes, {"a": 3})
    assert played(schedule, nodes, s=5) == []
    assert played(schedule, nodes, s=7) == [(6, "b"), (4, "a"), (5, "a"), (7, "b")]


def test_who_hears_something_is_asked_again() -> None:
    """At the same instant too, if it stands behind; what it said before does not count."""
    nodes = {"a": Timer("a", 4), "b": Timer("b", 8)}
    schedule = Schedule(nodes, {})
    schedule.begin(lambda _: 10)
    assert schedule.pop() == (4, "a")
    nodes["a"].judge(4)
    nodes["b"].instants.insert(0, 4)
    schedule.ask(["a", "b"])
    assert schedule.pop() == (4, "b")
    nodes["b"].judge(4)
    schedule.ask(["b"])
    assert [schedule.pop(), schedule.pop()] == [(8, "b"), None]


def test_nobody_is_asked_between_two_instants_of_a_step() -> None:
    """A hundred rules that judge every minute cost nothing until the minute is over."""
    rules = "".join(
        f"  - {{alarm: a{n}, by: host, every: 1m, when: avg(x over 1m where n != {n}) > 50%}}\n" for n in range(100)
    )
    program = compiled(rules).program
    assert program is not None
    bench = Bench(rules)
    (flow,) = [task.flow for task in bench.driver.shards[0].tasks.values() if task.flow.nodes]
    asked: list[int] = []
    for node in flow.nodes.values():
        due = node.due
        node.due = lambda limit_ms, due=due: asked.append(limit_ms) or due(limit_ms)  # type: ignore[method-assign,misc,func-returns-value]
    for at in range(1, 59):
        bench.at(at, host="a", x=90)
    assert len(asked) <= 100
    bench.at(62, host="a", x=90)
    assert 100 <= len(asked) <= 300


@pytest.mark.parametrize("seed", range(12))
def test_it_makes_no_difference_to_asking_everybody_all_the_time(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over random rules and records, in random batches."""
    world = build_world(random.Random(seed), seed, rules=8, records=60)
    with tempfile.TemporaryDirectory() as folder:
        project = compile_world(world, Path(folder))
        scheduled = _by_alarm(run_driver(project, world, random.Random(seed)))
        monkeypatch.setattr(Flow, "_judge_in_turn", lambda self, _: self._judge_while_changing())
        assert _by_alarm(run_driver(project, world, random.Random(seed))) == scheduled


def _by_alarm(outputs: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """What is written of one alarm keeps its order; that of several at one instant is nobody's business."""
    return {
        sink: sorted(rows, key=lambda row: repr((row.get("rule"), row.get("key")))) for sink, rows in outputs.items()
    }
