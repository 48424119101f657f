"""The oracle against small timelines whose answers were worked out by hand from the text of the language."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oracle.flapping_timelines import FLAPPINGS
from tests.oracle.session_timelines import SESSIONS
from tests.oracle.step_timelines import STEPS
from tests.oracle.storm_timelines import STORMS
from tests.oracle.timelines import CASES
from tests.oracle.world import Case, alert_lines, kpi_lines, solve


@pytest.mark.parametrize("case", [*CASES, *STEPS, *STORMS, *FLAPPINGS, *SESSIONS], ids=lambda case: case.name)
def test_a_timeline_gives_what_the_text_says(case: Case, tmp_path: Path) -> None:
    """Each case's alerts, KPI rows, late events and dead letters are those written beside it, and no others."""
    found = solve(case, tmp_path)
    assert alert_lines(found) == _lines(case.alerts)
    assert kpi_lines(found) == _lines(case.kpis)
    assert [f"{one['topic']}/{one['partition']}@{one['offset']}" for one in found.late] == case.late.split()
    assert [f"{one['offset']}:{one['reason']}" for one in found.dead_letters] == case.dead.split()


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]
