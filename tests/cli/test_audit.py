"""`swctl audit`: what a daemon's answer looks like."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from streamwatchd.cli import audit as command
from streamwatchd.cli import main


def test_lines_are_a_table_with_what_each_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long lists are cut, texts have one line."""
    at = "2026-01-05T00:00:00.000Z"
    lines = [
        {"at": at, "event": "rules_switched", "version": 3, "edited": [f"rules.d/{n}.yaml" for n in range(8)]},
        {"at": at, "event": "rule_refused", "code": "SW202", "diagnostic": "error[SW202]: what\n  --> where"},
        {"at": at, "event": "silence_began", "silence": "s1", "by": "anna", "keys": {"host": "a"}},
    ]
    asked: list[Any] = []

    def ask(path: object, name: str, arguments: object) -> dict[str, object]:
        asked.append((name, arguments))
        return {"lines": lines}

    monkeypatch.setattr(command, "ask", ask)
    call = ["audit", "--socket", "x", "--lines", "3", "--event", "rules_switched"]
    shown = CliRunner().invoke(main, call, catch_exceptions=False).stdout
    assert asked == [("audit", {"lines": 3, "events": ["rules_switched"]})]
    assert shown.splitlines() == [
        "at                        event           details",
        f"{at}  rules_switched  version=3, edited=rules.d/0.yaml rules.d/1.yaml rules.d/2.yaml rules.d/3.yaml "
        "rules.d/4.yaml rules.d/5.yaml and 2 more",
        f"{at}  rule_refused    code=SW202, diagnostic=error[SW202]: what",
        f'{at}  silence_began   silence=s1, by=anna, keys={{"host": "a"}}',
    ]
