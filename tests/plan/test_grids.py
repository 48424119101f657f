"""At which instants of what it sends a stage tells later ones of its watermark."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.operators.grid import Grid
from streamwatchd.operators.stage_spec import LogicalPlan
from streamwatchd.plan.rules import build
from streamwatchd.rules.loader import load

SOURCES = """
sources:
  web: {topic: web, key: host, fields: {host: string, site: string, x: float}}
  mail: {topic: mail, key: host, fields: {host: string, site: string, x: float}}
"""
KPI = "  - {kpi: load, source: web, by: site, every: 7m, values: {n: count()}}\n"
MINUTES: Grid = (60_000, 0)


def plan(folder: Path, rules: str) -> LogicalPlan:
    (folder / "rules.d").mkdir()
    (folder / "streamwatchd.yaml").write_text(SOURCES)
    (folder / "rules.d" / "r.yaml").write_text(f"rules:\n{rules}")
    loaded = load(folder / "streamwatchd.yaml")
    assert not [found for found in loaded.diagnostics if found.is_error]
    return build(loaded.ruleset)


@pytest.mark.parametrize(
    ("rules", "grids"),
    [
        pytest.param(KPI, {MINUTES}, id="what ends at full minutes is told there"),
        pytest.param(KPI.replace("7m", "7s"), {MINUTES, (7_000, 0)}, id="so is what ends elsewhere"),
        pytest.param(
            KPI + "  - {alarm: high, source: load, by: site, when: n > 1, flapping: 2 changes in 90s}\n",
            {MINUTES, (420_000, 89_999), (420_000, 390_000)},
            id="a key is calm so long after a row, or after it was forgotten",
        ),
        pytest.param(
            "  - {kpi: visits, source: web, by: site, session: 7s, values: {n: count()}}\n"
            "  - {alarm: high, source: visits, by: site, in_order: true, when: n > 1, flapping: 2 changes in 90s}\n",
            {MINUTES, (7_000, 0)},
            id="who reads sessions goes on as they do",
        ),
        pytest.param(
            KPI + "  - {kpi: all, source: load, every: 30s, over: 21m, values: {n: sum(n)}}\n",
            {(30_000, 0)},
            id="so does who reads them at a later stage",
        ),
        pytest.param(
            "  - {alarm: high, source: web, by: site, every: 7m, when: count(over 7m) > 1}\n"
            "  - {alarm: low, source: mail, by: site, when: x > 1, unless: firing(high)}\n",
            {(1, 0)},
            id="who asks whether an alarm fires waits for no end of a window",
        ),
    ],
)
def test_it_is_told_where_somebody_may_be_due(rules: str, grids: set[Grid], tmp_path: Path) -> None:
    """And nowhere else: a watermark goes to every partition of the exchange."""
    assert set(plan(tmp_path, rules).first["web"].grids["web"]) == grids
