"""Law 6 for alarms on rows that are all paused: silence, reminders and lives across pauses."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.laws.engine import against_oracle, compile_world, equal, run_driver, run_shards
from tests.oracle.random_pauses import pausing
from tests.oracle.random_records import draw_calendar, draw_log
from tests.oracle.random_rules import TABLE, Draw, World, anomaly_rule, draw_source, row_alarm, source_stream
from tests.oracle.reading import LogItem

DELAY = 5_000


def world_of(seed: int) -> World:
    rng = random.Random(seed)
    unit = rng.choice((10_000, 60_000))
    draw, stream = Draw(rng, unit), source_stream("alpha")
    files = {f"r{number}": row_alarm(draw, f"r{number}", stream) for number in range(5)}
    files["odd"], _ = anomaly_rule(draw, "odd", stream)
    files = {name: pausing(_told(draw, text), share=1) for name, text in files.items()}
    source, count = draw_source(draw, "alpha", DELAY), draw.one(1, 2, 3)
    logs: dict[tuple[str, int], list[LogItem]] = {
        ("alpha", partition): draw_log(rng, unit, DELAY, 50, partition, count, "key: host" in source)
        for partition in range(count)
    }
    world = World(source, files, {"devices": TABLE}, {"alpha": count}, {"alpha": DELAY}, logs, draw.one(1, 2, 3))
    world.calendars["works"] = draw_calendar(rng, unit)
    return world


def _told(draw: Draw, text: str) -> str:
    """Keys may be silent, and be told of again, more often than elsewhere."""
    if "    by: " not in text:
        return text
    if "no_data: " not in text:
        text += "" if "every: " in text else f"    every: {draw.span(1)}\n"
        text += f"    no_data: {draw.one('alert', 'alert', 'resolve')} after {draw.span(3, 5, 8)}\n"
    return text + (f"    repeat: {draw.span(6)}\n" if draw.maybe(0.5) else "")


@pytest.mark.parametrize("seed", range(12))
def test_the_engine_pauses_where_the_oracle_does(seed: int, tmp_path: Path) -> None:
    """On however many shards."""
    world = world_of(seed)
    compiled = compile_world(world, tmp_path)
    assert not against_oracle(compiled, world, random.Random(seed))
    assert not equal(run_driver(compiled, world), run_shards(compiled, world, 5, seed))


def test_keys_fall_silent_as_a_pause_ends_and_alarms_are_told_again(tmp_path: Path) -> None:
    """Else the law would compare nothing with nothing."""
    seen: list[object] = []
    for seed in range(4):
        folder = tmp_path / str(seed)
        folder.mkdir()
        world = world_of(seed)
        seen += [alert["event"] for alert in run_driver(compile_world(world, folder), world)["alerts"]]
    assert min(seen.count("no_data"), seen.count("repeated"), seen.count("resolved")) > 10
