"""Law 6 for what is usual: with hours of a minute and weeks of six, so that small worlds have months."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from streamwatchd.operators import baseline
from streamwatchd.plan import baselines as plan
from tests.laws.engine import against_oracle, compile_world, run_driver
from tests.oracle import baselines as oracle
from tests.oracle.random_records import draw_calendar, draw_log
from tests.oracle.random_rules import TABLE, Draw, World, draw_source, file_of, quoted
from tests.oracle.reading import LogItem

UNIT = 10_000
_ARGS = ("avg(x over 20s)", "count(over 30s)", "max(x over 40s by host) - 1", "v0", "coalesce(sum(y over 10s), 3)")


@pytest.fixture
def short_weeks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (baseline, oracle):
        monkeypatch.setattr(module, "HOUR_MS", 60_000)
        monkeypatch.setattr(module, "WEEK_MS", 360_000)
    monkeypatch.setattr(plan, "SAMPLE_MS", 20_000)
    monkeypatch.setattr(oracle, "SAMPLE_MS", 20_000)


def learning_world(seed: int) -> World:
    rng = random.Random(seed)
    draw = Draw(rng, UNIT)
    files = {f"r{number}": _rule(draw, f"r{number}") for number in range(2)}
    count = draw.one(1, 2, 3)
    source = draw_source(draw, "alpha", 5_000)
    keyed = "key: host" in source
    logs: dict[tuple[str, int], list[LogItem]] = {
        ("alpha", partition): draw_log(rng, UNIT, 5_000, 200, partition, count, keyed) for partition in range(count)
    }
    quiet = {"quiet": draw_calendar(rng, 3 * UNIT)}
    return World(source, files, {"devices": TABLE}, {"alpha": count}, {"alpha": 5_000}, logs, draw.one(1, 2, 3), quiet)


def _rule(draw: Draw, name: str) -> str:
    arg = draw.one(*_ARGS)
    lines = ["source: alpha", f"by: {draw.one('host', '[host, site]')}", f"every: {draw.one('10s', '10s', '30s')}"]
    lines += [
        "values:",
        '  v0: "avg(x over 60s)"',
        f"  band: {quoted(f'usual({arg}) + {draw.one(0, 1)} * spread({arg})')}",
    ]
    hold = draw.one("", " for 20s", f" until {arg} <= usual({arg})")
    lines.append(f"when: {quoted(f'{arg} > band{hold}')}")
    lines += ["unless: during(quiet)"] if draw.maybe(0.5) else []
    lines += draw.one(["partial: true"], [f"min_history: {draw.one('6m', '8m')}"], ["min_history: 6m"])
    return file_of("alarm", name, lines)


@pytest.mark.usefixtures("short_weeks")
@pytest.mark.parametrize("seed", range(4))
def test_what_is_usual_is_what_the_oracle_says(seed: int, tmp_path: Path) -> None:
    """Median and spread of the same hours, without spans of firing, whatever the batches."""
    world = learning_world(seed)
    compiled = compile_world(world, tmp_path)
    assert not against_oracle(compiled, world, random.Random(seed))


@pytest.mark.usefixtures("short_weeks")
def test_some_worlds_learn_and_fire(tmp_path: Path) -> None:
    """The law above is no law of silence."""
    fired = 0
    for seed in range(4):
        folder = tmp_path / str(seed)
        folder.mkdir()
        world = learning_world(seed)
        fired += sum(each["event"] == "fired" for each in run_driver(compile_world(world, folder), world)["alerts"])
    assert fired > 5
