"""Law 6 for `top:`: ranks over all keys of all partitions, who comes in and who stays."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.laws.engine import against_oracle, compile_world, run_driver
from tests.oracle.random_records import draw_log
from tests.oracle.random_rules import TABLE, Draw, World, draw_source
from tests.oracle.reading import LogItem
from tests.oracle.world import Case, kpi_lines, solve

UNIT = 10_000


def top_world(seed: int) -> World:
    rng = random.Random(seed)
    draw = Draw(rng, UNIT)
    by = draw.one("host", "[host, site]", "site")
    when = draw.one([], ["    when: total > 1"])
    lines = ["rules:", "  - kpi: worst", "    source: alpha", f"    by: {by}", "    every: 30s"]
    lines += ["    values: {total: count(), x: max(x), y: sum(y)}", *when]
    lines.append(f"    top: {draw.one('1 by x', '2 by x until 3', '1 by y until 2', '2 by total')}")
    reader = "rules: [{alarm: read, source: worst, when: x > 50}]\n"
    twin = "\n".join(lines).replace("worst", "twin").replace("    every", '    where: kind == "k1"\n    every')
    count = draw.one(1, 2, 3)
    source = draw_source(draw, "alpha", 5_000)
    logs: dict[tuple[str, int], list[LogItem]] = {
        ("alpha", partition): draw_log(rng, UNIT, 5_000, 60, partition, count, "key: host" in source)
        for partition in range(count)
    }
    files = {"worst": "\n".join(lines) + "\n", "twin": twin + "\n", "read": reader}
    return World(source, files, {"devices": TABLE}, {"alpha": count}, {"alpha": 5_000}, logs, draw.one(1, 2, 3))


@pytest.mark.parametrize("seed", range(8))
def test_the_engine_ranks_as_the_oracle_does(seed: int, tmp_path: Path) -> None:
    """Also what rules on such a KPI see: every row."""
    world = top_world(seed)
    compiled = compile_world(world, tmp_path)
    assert not against_oracle(compiled, world, random.Random(seed))
    assert any("rank" in row for row in run_driver(compiled, world)["kpis"])


def test_who_is_in_stays_in_down_to_the_rank_after_until(tmp_path: Path) -> None:
    """By hand: c is second, then third and stays, then fourth and goes; b comes in only at rank 2."""
    case = Case(
        "top",
        "source: metrics\nrules:\n  - {kpi: worst, by: host, every: 1m, values: {x: max(x)}, top: 2 by x until 3}\n",
        """
        1s host=a x=9
        2s host=c x=8
        3s host=b x=7
        61s host=a x=9
        62s host=b x=8
        63s host=c x=7
        64s host=d x=1
        121s host=a x=9
        122s host=b x=8
        123s host=d x=7
        124s host=c x=6
        185s host=z x=0
        """,
    )
    assert kpi_lines(solve(case, tmp_path)) == [
        "0s..60s worst host=a x=9 x1",
        "0s..60s worst host=c x=8 x1",
        "60s..120s worst host=a x=9 x1",
        "60s..120s worst host=b x=8 x1",
        "60s..120s worst host=c x=7 x1",
        "120s..180s worst host=a x=9 x1",
        "120s..180s worst host=b x=8 x1",
    ]
