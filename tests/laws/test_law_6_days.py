"""Laws 1, 2 and 6 for windows that are days of a time zone, over days on which clocks change."""

from __future__ import annotations

import random
import tempfile
from datetime import datetime
from pathlib import Path

import pytest

from tests.laws.edits import histories
from tests.laws.engine import against_oracle, compile_world, equal, run_driver, run_shards
from tests.laws.test_law_5_edits import run
from tests.oracle.random_records import draw_log
from tests.oracle.random_rules import TABLE, Draw, World, draw_source, quoted, source_stream, window_number
from tests.oracle.reading import LogItem
from tests.oracle.world import START_MS, Case, solve

UNIT = 7_200_000
PLACES = (
    ("Europe/Berlin", "2026-03-28"),
    ("Europe/Berlin", "2026-10-24"),
    ("Asia/Beirut", "2026-03-28"),
    ("America/Havana", "2026-10-31"),
    ("Australia/Lord_Howe", "2026-04-04"),
    ("Asia/Kathmandu", "2026-01-05"),
    ("Pacific/Apia", "2011-12-28"),
)
SEEDS = range(14)


def day_kpi(draw: Draw, name: str, zone: str) -> str:
    every = draw.one(1, 1, 1, 2, 7)
    by = draw.one("host", "host", "site", "[host, site]")
    lines = ["rules:", f"  - kpi: {name}", "    source: alpha", f"    by: {by}", f"    every: {every}d"]
    lines += [f"    timezone: {zone}", *draw.one([], [f"    over: {3 * every}d"], [f"    over: {every * 24 + 12}h"])]
    lines += draw.one([], [], ['    where: kind == "k1"'])
    keys = ("host", "site") if "," in by else (by,)
    values = [window_number(draw, source_stream("alpha"), keys, kpi=True) for _ in range(2)]
    values.append(draw.one("count(over 1d ago 1d)", "sum(x over 2d)", "avg(x over 48h ago 26h)", "max(x over 5h)"))
    lines += ["    values:", "      n: count()", *(f"      v{i}: {quoted(text)}" for i, text in enumerate(values))]
    lines += draw.one(
        [], [], ["    top: 1 by n until 2"], ["    late: amend", f"    amend_for: {24 * every + draw.one(0, 60)}h"]
    )
    return "\n".join(lines) + "\n"


def day_world(seed: int) -> World:
    rng = random.Random(seed)
    draw = Draw(rng, UNIT)
    zone, first = PLACES[seed % len(PLACES)]
    start = round(datetime.fromisoformat(f"{first}T00:00:00+00:00").timestamp() * 1000)
    delay = draw.one(0, UNIT // 2, UNIT)
    source = draw_source(draw, "alpha", delay)
    files = {name: day_kpi(draw, name, zone) for name in ("one", "two")}
    weeks = f"timezone: {zone}\nrules:\n  - kpi: weeks\n    source: one\n    every: 1d\n    over: 7d\n"
    files["weeks"] = weeks + "    values: {days: count(), all: sum(n), before: sum(n over 1d ago 1d)}\n"
    files["read"] = "rules: [{alarm: read, source: one, when: n > 4}]\n"
    files["twin"] = files["one"].replace("kpi: one", "kpi: twin")
    files["both"] = "rules: [{alarm: both, source: [one, twin], when: one.n < twin.v2 or one.n > 3}]\n"
    count = draw.one(1, 2, 3)
    late = 0.3 if any("amend" in text for text in files.values()) else 0.06
    logs: dict[tuple[str, int], list[LogItem]] = {
        ("alpha", place): draw_log(rng, UNIT, delay, 80, place, count, "key: host" in source, late, start_ms=start)
        for place in range(count)
    }
    return World(source, files, {"devices": TABLE}, {"alpha": count}, {"alpha": delay}, logs, draw.one(1, 2, 3))


@pytest.mark.parametrize("seed", SEEDS)
def test_days_of_a_zone_are_what_the_oracle_says(seed: int) -> None:
    """Also rows on rows, joins, ranks and amends; in whatever batches, on many shards, whatever is restarted."""
    world = day_world(seed)
    with tempfile.TemporaryDirectory() as folder:
        compiled = compile_world(world, Path(folder))
        assert not against_oracle(compiled, world, random.Random(seed))
        whole = run_driver(compiled, world)
        assert not equal(whole, run_shards(compiled, world, 5, seed))
        assert not equal(whole, run(world, [compiled], seed, shaken=True))


@pytest.mark.parametrize("seed", [3, 20, 29, 31])
def test_edits_of_days_come_to_the_same_however_they_are_fed(seed: int) -> None:
    """At 29 a KPI that lay with another left it, and its readers lost a row."""
    world = day_world(seed)
    versions = histories(world, random.Random(seed), 3)
    assert not equal(run(world, versions, seed, shaken=False), run(world, versions, seed, shaken=True))


def test_these_worlds_have_long_and_short_days() -> None:
    """And days of 24 h; else the test above shows little."""
    lengths: set[float] = set()
    for seed in SEEDS:
        world = day_world(seed)
        with tempfile.TemporaryDirectory() as folder:
            found = run_driver(compile_world(world, Path(folder)), world)
        spans = [row["window"] for row in found["kpis"] if row["kpi"] in ("one", "two")]
        ends = [[datetime.fromisoformat(str(span[side])) for side in ("start", "end")] for span in spans]
        lengths |= {(end - start).total_seconds() / 3600 for start, end in ends}
    assert {23, 24, 25} <= lengths


def test_the_day_on_which_clocks_go_ahead_has_23_hours(tmp_path: Path) -> None:
    """By hand: in Berlin 2026-03-29 begins at 23:00Z and ends at 22:00Z; `0s` is 2026-01-05T00:00Z."""
    case = Case(
        "days of Berlin",
        """
source: metrics
timezone: Europe/Berlin
rules:
  - {kpi: daily, by: host, every: 1d, values: {n: count(), before: count(over 1d ago 1d)}}
""",
        """
        1990h host=a
        1991h host=a
        2013.99h host=a
        2014h host=a
        2040h host=a
        """,
    )
    found = solve(case, tmp_path)
    hours = [[(at - START_MS) / 3_600_000 for at in row["window"]] for row in found.kpis]  # type: ignore[attr-defined]
    assert sorted(hours) == [[1967, 1991], [1991, 2014], [2014, 2038]]
    assert [row["values"] for row in sorted(found.kpis, key=lambda row: str(row["window"]))] == [
        {"n": 1, "before": 0},
        {"n": 2, "before": 1},
        {"n": 1, "before": 2},
    ]
