"""`swctl rules`: what a daemon's answer looks like."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from streamwatchd.cli import main
from streamwatchd.cli import rules as command

ANSWER: dict[str, Any] = {
    "at": "2026-01-05T00:00:00.000Z",
    "rules": [
        {
            "rule": "cpu_high",
            "kind": "alarm",
            "shadow": False,
            "events": {"fired": 1_200, "resolved": 3},
            "late": 0,
            "dispositions": {"confirmed": 3, "false_positive": 1},
            "precision": 0.75,
        },
        {"rule": "health", "kind": "kpi", "shadow": True, "events": {}, "late": 7},
    ],
}


def test_rules_are_listed_with_what_came_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where there are none."""
    monkeypatch.setattr(command, "ask", lambda path, name: ANSWER)
    shown = CliRunner().invoke(main, ["rules", "--socket", "x"], catch_exceptions=False).stdout
    assert shown.splitlines() == [
        "rule      kind           late  precision  events",
        "cpu_high  alarm             0   75% of 4  1,200 fired, 3 resolved",
        "health    kpi in shadow     7          –  –",
        "",
        "2 rules in force, 2026-01-05T00:00:00.000Z",
    ]
    monkeypatch.setattr(command, "ask", lambda path, name: ANSWER | {"rules": []})
    assert CliRunner().invoke(main, ["rules", "--socket", "x"]).stdout == "0 rules in force, 2026-01-05T00:00:00.000Z\n"
