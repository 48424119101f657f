"""Panes that are filled from what the log retains: rules that come at E judge as if their panes had always been there.

What is compared with it: the same rules come at E where twins of them, which read the same panes, ran from the start.
"""

from __future__ import annotations

import random
import re
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from streamwatchd.compiler import Compiled
from streamwatchd.operators.gap import fillable
from streamwatchd.operators.spec import KpiSpec, WindowAlarmSpec
from streamwatchd.shard.output import TABLES, Mark, Output, TaskId
from streamwatchd.testing.driver import Driver
from tests.laws.changing import ALL, after_ms, run_changing
from tests.laws.engine import Slice, compile_world, cut, equal, feed
from tests.laws.examples import EXAMPLES
from tests.laws.neighbours import declared, only
from tests.oracle.compare import Plain, plain_outputs
from tests.oracle.random_rules import World, worlds
from tests.oracle.reading import LogItem, Record

NOTHING = "rules:\n  - kpi: nothing\n    source: alpha\n    every: 1h\n    values: {nothing: count()}\n"


def plain(world: World) -> World:
    """Without what a change does not fill: rows of KPIs, models, sessions, amends; and without marks and budgets."""
    rules = {name: text for name, text in world.rules.items() if _is_plain(text)}
    logs: dict[tuple[str, int], list[LogItem]] = {
        place: [item for item in log if isinstance(item, Record)] for place, log in world.logs.items()
    }
    return replace(declared(world), rules=rules, logs=logs)


def _is_plain(text: str) -> bool:
    words = ("- anomaly:", "session:", "late: amend", "max_active", "limit:", "unless:", "expect:")
    return bool(re.search(r"source: (alpha|beta)\n", text)) and not any(word in text for word in words)


def twins(world: World) -> dict[str, str]:
    return {f"{name}_was": text.replace(f": {name}\n", f": {name}_was\n", 1) for name, text in world.rules.items()}


def filled(before: Compiled, after: Compiled) -> set[str]:
    """Rules whose panes a change fills: those behind the exchange only where nobody has read them before."""
    assert before.program is not None
    assert after.program is not None
    found: set[str] = set()
    plan, sessions = after.program.plan, after.program.plan.sessions()
    old = {family.id for stage in before.program.plan.first.values() for family in stage.sends}
    families = [family for stage in plan.first.values() for family in fillable(stage, sessions)]
    good = {family.id for family in families if family.route is None or family.id not in old}
    for stage in (*plan.first.values(), *plan.later):
        nodes: list[KpiSpec | WindowAlarmSpec] = [*stage.kpis, *stage.window_alarms]
        for node in nodes:
            if {node.family, *(reading.family for reading in node.readings)} <= good:
                found |= {member.name for member in node.members}
    return found


class Line:
    """One thread that changes its rules once, and may be restarted anywhere."""

    def __init__(self, world: World, first: Compiled) -> None:
        self.world, self.versions, self.outputs = world, [(0, first)], list[Output]()
        self.driver = self._driver()

    def _driver(self) -> Driver:
        (_, first), *later = self.versions
        assert first.program is not None
        exchange = self.world.exchange_partitions
        # stamps are believed, as the records of random worlds have other timestamps
        driver = Driver(
            first.program, first.loaded.tables, self.world.partitions, exchange_partitions=exchange,
            backfill_ms=ALL, max_future_ms=ALL,
        )  # fmt: skip
        for at_ms, compiled in later:
            assert compiled.program is not None
            driver.switch(compiled.program, compiled.loaded.tables, at_ms, fills=False)
        return driver

    def feed(self, piece: Slice) -> None:
        feed(self.driver, piece)

    def flush(self) -> None:
        high = max(shard.max_event_time() for shard in self.driver.shards)
        for task in sorted(task for shard in self.driver.shards for task in shard.tasks if task.stage == 1):
            self.driver.mark(Mark(task, -1, high + after_ms(self.driver.program)))

    def change(self, compiled: Compiled) -> None:
        assert compiled.program is not None
        self.versions.append((self.driver.switch(compiled.program, compiled.loaded.tables), compiled))

    def restart(self) -> None:
        states = {task: state for shard in self.driver.shards for task, state in shard.snapshot().items()}
        self.outputs += self.driver.take_outputs()
        log, self.driver = self.driver.log, self._driver()
        self.driver.log = log
        for shard in self.driver.shards:
            shard.restore({task: state for task, state in states.items() if _is_of(task, shard.tasks)})


def _is_of(task: TaskId, tasks: object) -> bool:
    return task == TABLES or task in tasks  # type: ignore[operator]


def run(
    world: World, versions: list[Compiled], when: list[int], seed: int, shake: random.Random | None = None
) -> dict[str, list[Plain]]:
    line = Line(world, versions[0])
    for number, piece in enumerate(cut(world, random.Random(seed)), 1):
        line.feed(piece)
        if shake is not None and shake.random() < 0.1:
            line.restart()
        for at, compiled in zip(when, versions[1:], strict=True):
            if at == number:
                line.change(compiled)
                if shake is not None and shake.random() < 0.5:
                    line.restart()
    line.flush()
    return plain_outputs([*line.outputs, *line.driver.take_outputs()])


@EXAMPLES
@given(world=worlds(rules=5, records=40), seed=st.integers(0, 2**32 - 1))
def test_rules_that_come_judge_as_if_their_panes_had_always_been_there(world: World, seed: int) -> None:
    """Whatever of their panes other rules have already, and nobody else hears of it."""
    world, rng = plain(world), random.Random(seed)
    if not world.rules:
        return
    before = {name: text for name, text in twins(world).items() if rng.random() < 0.4} | {"nothing": NOTHING}
    after = before | twins(world) | world.rules
    always = twins(world) | {"nothing": NOTHING}
    with tempfile.TemporaryDirectory() as folder:
        compiled = [
            compile_world(replace(world, rules=rules), Path(folder) / str(i))
            for i, rules in enumerate((before, after, always))
        ]
    pieces = len(list(cut(world, random.Random(seed))))
    when = [rng.randrange(1, pieces + 1)]
    names = filled(*compiled[:2])
    expected = run(world, [compiled[2], compiled[1]], when, seed)
    found = run(world, compiled[:2], when, seed)
    come = names - {f"{name}_was" for name in world.rules}
    assert not equal(only(expected, come), only(found, come))
    assert not equal(only(expected, set(before)), only(found, set(before)))
    shaken = run(world, compiled[:2], when, seed, random.Random(seed + 1))
    assert not equal(found, shaken)
    assert not equal(found, run_changing(world, compiled[:2], when, seed, rng.choice((2, 3))))


def other_rows(world: World, rng: random.Random) -> World:
    """Devices come, go, and are something else."""
    head, mark, _ = world.tables["devices"].rpartition("---\n")
    roles, weights = ("critical", "spare", ""), ("2", "0.5", "")
    rows = [f"{host},{rng.choice(roles)},{rng.choice(weights)}\n" for host in "abcd" if rng.random() < 0.8]
    return replace(world, tables={"devices": f"{head}{mark}host,role,weight\nz,spare,1\n{''.join(rows)}"})


@EXAMPLES
@given(world=worlds(rules=5, records=40), seed=st.integers(0, 2**32 - 1))
def test_old_records_meet_the_rows_of_their_own_time(world: World, seed: int) -> None:
    """A table changes while events flow, at last together with the rules that come: what is filled had been joined."""
    world, rng = plain(world), random.Random(seed)
    if not world.rules:
        return
    before = {name: text for name, text in twins(world).items() if rng.random() < 0.4} | {"nothing": NOTHING}
    always, after = twins(world) | {"nothing": NOTHING}, before | twins(world) | world.rules
    tables = [world, *(other_rows(world, rng) for _ in range(3))]
    tables[3] = rng.choice(tables[2:])
    with tempfile.TemporaryDirectory() as folder:
        compiled = [
            [
                compile_world(replace(each, rules=after if number == 3 else rules), Path(folder) / name / str(number))
                for number, each in enumerate(tables)
            ]
            for name, rules in (("before", before), ("always", always))
        ]
    pieces = len(list(cut(world, random.Random(seed))))
    when = sorted(rng.randrange(1, pieces + 1) for _ in range(3))
    come = filled(compiled[0][0], compiled[0][3]) - {f"{name}_was" for name in world.rules}
    expected, found = (run(world, versions, when, seed) for versions in reversed(compiled))
    assert not equal(only(expected, come), only(found, come))
    assert not equal(only(expected, set(before)), only(found, set(before)))
    assert not equal(found, run(world, compiled[0], when, seed, random.Random(seed + 1)))
    assert not equal(found, run_changing(world, compiled[0], when, seed, rng.choice((2, 3))))


@EXAMPLES
@given(world=worlds(rules=5, records=40), seed=st.integers(0, 2**32 - 1))
def test_rules_that_stay_hear_nothing_of_panes_that_are_filled(world: World, seed: int) -> None:
    """Of several changes one after the other, with marks, sessions, KPIs on KPIs and all there is."""
    world, rng = declared(world), random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        steady, *others = [
            compile_world(replace(world, rules=rules), Path(folder) / str(i))
            for i, rules in enumerate(_histories(world, rng))
        ]
    pieces = len(list(cut(world, random.Random(seed))))
    when = sorted(rng.randrange(1, pieces + 1) for _ in others)
    names = {rule.name for rule in steady.loaded.ruleset.rules}
    calm = run(world, [steady], [], seed)
    changed = run(world, [steady, *others], when, seed)
    assert not equal(only(calm, names), only(changed, names))
    assert not equal(changed, run(world, [steady, *others], when, seed, random.Random(seed + 1)))


def _histories(world: World, rng: random.Random) -> list[dict[str, str]]:
    from tests.laws.neighbours import alone, halves

    steady = alone(world, rng.randrange(2**32))
    seed = rng.randrange(2**32)
    stay = steady.rules
    parts = [{**stay, **half.rules} for half in halves(world, seed)]
    return [stay, *[{name: text for name, text in world.rules.items() if name in part} for part in parts], stay]
