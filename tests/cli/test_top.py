"""`swctl top`: rates between two answers of a daemon."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from streamwatchd.cli import main
from streamwatchd.cli import top as command


def answer(at_ms: int, **seconds: float) -> dict[str, Any]:
    nodes = [
        {
            "kind": kind, "rule": "r", "stage": 1, "bytes": None,
            "seconds": busy, "rows": 1_000 * busy, "judgements": 10 * busy,
        }
        for kind, busy in seconds.items()
    ]  # fmt: skip
    return {"at": "now", "at_ms": at_ms, "nodes": nodes}


def test_rates_are_of_what_has_grown() -> None:
    """Busiest first; a node that is new, or of a worker that was started anew, counts from nothing."""
    found = command.busiest(answer(0, kpi=9.0, alarm=5.0), answer(2_000, kpi=10.0, alarm=0.5, panes=1.5))
    assert [(each["kind"], each["cpu_percent"]) for each in found] == [("panes", 75.0), ("kpi", 50.0), ("alarm", 25.0)]
    assert found[1]["rows_per_second"] == 500.0


def test_a_table_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until there were enough."""
    answers = iter([answer(0, kpi=0.0), answer(1_000, kpi=0.1), answer(2_000, kpi=0.3)])
    monkeypatch.setattr(command, "ask", lambda path, name: next(answers))
    shown = CliRunner().invoke(main, ["top", "--socket", "x", "--every", "0.2", "--count", "2"], catch_exceptions=False)
    assert [line.split()[:4] for line in shown.stdout.splitlines() if line.strip().startswith(("10.0", "20.0"))] == [
        ["10.0", "100", "1", "–"],
        ["20.0", "200", "2", "–"],
    ]
