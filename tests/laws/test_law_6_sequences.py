"""Law 6 for sequences over several sources: which events are taken, whatever topic they come from."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.laws.engine import against_oracle, compile_world, equal, run_driver, run_shards
from tests.oracle.random_records import draw_calendar, draw_log
from tests.oracle.random_rules import TABLE, Draw, World, draw_source, quoted, source_stream
from tests.oracle.reading import LogItem

UNIT = 10_000
KINDS = ('kind == "k1"', 'kind == "k2"', 'kind != "k3"', "x > 50", "x > 80 or ok", "y is null")


def world_of(seed: int) -> World:
    rng = random.Random(seed)
    draw = Draw(rng, UNIT)

    def step(source: str) -> str:
        text, other = draw.one(*KINDS), "beta" if draw.maybe(0.5) else ""
        return f"      - {other}: {quoted(text)}" if other and source == "alpha" else f"      - {quoted(text)}"

    by = draw.one("host", "[host, site]", "site", "role")
    steps = [f"      - beta: {quoted(draw.one(*KINDS))}", *(step("alpha") for _ in range(draw.one(1, 1, 2)))]
    rng.shuffle(steps)
    if draw.maybe(0.4):
        steps.append(f"      - {draw.one('', 'beta: ')}{quoted(f'not ({draw.one(*KINDS)})')}")
    lines = [
        "rules:",
        "  - alarm: both",
        "    source: alpha",
        f"    by: {by}",
        f"    within: {draw.span(0.5, 2, 5, 20)}",
    ]
    lines += ["    sequence:", *steps]
    if draw.maybe(0.4):
        lines.append(f"    until: {quoted(draw.one(*KINDS))}")
    if draw.maybe(0.3):
        lines.append(f"    where: {quoted(source_stream('alpha').condition(draw))}")
    if draw.maybe(0.5):
        lines += ["    values:", "      v0: x + 1"]
    counts = {"alpha": draw.one(1, 2), "beta": draw.one(1, 2, 3)}
    declared = {name: draw_source(draw, name, 5_000) for name in counts}
    logs: dict[tuple[str, int], list[LogItem]] = {
        (name, partition): draw_log(rng, UNIT, 5_000, 60, partition, count, "key: host" in declared[name])
        for name, count in counts.items()
        for partition in range(count)
    }
    delays = dict.fromkeys(counts, 5_000)
    sources = "\n".join(declared.values())
    shards = draw.one(1, 2, 3)
    lines += draw.one([], [], ["    pause: during(works)"], ["    pause: not during(works)"])
    text = "\n".join(lines) + "\n"
    calendars = {"works": draw_calendar(rng, UNIT)}
    return World(sources, {"both": text}, {"devices": TABLE}, counts, delays, logs, shards, calendars)


def kpi_world(seed: int, *, sessions: bool = False) -> World:
    """Steps that read rows of KPIs: of the rule's own source and of another, that slide too, or are sessions."""
    world = world_of(seed)
    draw = Draw(random.Random(seed + 1_000), UNIT)
    by = draw.one("host", "[host, site]")
    windows = draw.one("every: 30s", "every: 20s\n    over: 60s", "every: 10s")
    kpi = f"    source: {draw.one('alpha', 'beta')}\n    by: {by}\n    {windows}\n"
    kpi = f"rules:\n  - kpi: load\n{kpi}    values: {{n: count(), peak: max(x)}}\n"
    steps = [draw.one("load: n > 1", "load: peak > 60"), draw.one(*KINDS), draw.one("beta: x > 40", "load: n <= 2")]
    steps = steps[: draw.one(2, 3)]
    draw.rng.shuffle(steps)
    if draw.maybe(0.4):
        steps.append(draw.one("load: not (peak > 80)", "not (x > 70)"))
    own = draw.one("alpha", "alpha", "load")
    steps = [step if ":" in step or own == "alpha" else f"alpha: {step}" for step in steps]
    steps = [step.removeprefix("load: ") if own == "load" else step for step in steps]
    written = [step if ": " not in step else "{}: {}".format(*_quoted_step(step)) for step in steps]
    lines = ["rules:", "  - alarm: both", f"    source: {own}", f"    by: {draw.one('host', by)}"]
    lines += [f"    within: {draw.span(2, 5, 20)}", "    sequence:", *(f"      - {each}" for each in written)]
    lines += draw.one([], ["    until: x > 90" if own == "alpha" else "    until: peak > 90"])
    lines += draw.one([], [], ["    pause: during(works)"])
    if sessions:
        kpi = kpi.replace(f"    {windows}\n", f"    session: {draw.one('15s', '40s')}\n")
    world.rules = {"load": kpi, "both": "\n".join(lines) + "\n"}
    return world


def _quoted_step(step: str) -> tuple[str, str]:
    source, _, text = step.partition(": ")
    return source, quoted(text)


@pytest.mark.parametrize("seed", range(16))
def test_steps_read_rows_of_kpis(seed: int, tmp_path: Path) -> None:
    """At the end of their windows, less 1 ms; on however many shards, in whatever batches."""
    world = kpi_world(seed)
    compiled = compile_world(world, tmp_path)
    assert not against_oracle(compiled, world, random.Random(seed))
    assert not equal(run_driver(compiled, world), run_shards(compiled, world, 5, seed))


@pytest.mark.parametrize("seed", range(16))
def test_steps_read_sessions(seed: int, tmp_path: Path) -> None:
    """They come after their end where their events lie in several partitions; others wait for them."""
    world = kpi_world(seed, sessions=True)
    compiled = compile_world(world, tmp_path)
    assert not against_oracle(compiled, world, random.Random(seed))
    assert not equal(run_driver(compiled, world), run_shards(compiled, world, 5, seed))


@pytest.mark.parametrize("seed", range(12))
def test_the_engine_takes_the_events_that_the_oracle_takes(seed: int, tmp_path: Path) -> None:
    """Of two topics, with a last step that must not be, and whatever ends it."""
    world = world_of(seed)
    compiled = compile_world(world, tmp_path)
    assert not against_oracle(compiled, world, random.Random(seed))


def test_such_sequences_do_complete(tmp_path: Path) -> None:
    """Else the law would compare nothing with nothing."""
    told = 0
    for seed in range(4):
        folder = tmp_path / str(seed)
        folder.mkdir()
        world = world_of(seed)
        told += len(run_driver(compile_world(world, folder), world)["alerts"])
    assert told > 10
    told = 0
    for seed in range(8):
        folder = tmp_path / f"kpi {seed}"
        folder.mkdir()
        world = kpi_world(seed)
        told += len(run_driver(compile_world(world, folder), world)["alerts"])
    assert told > 10
