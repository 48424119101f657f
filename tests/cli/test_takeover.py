"""`swctl takeover`: numbers and ranges; two hosts are in tests/kafka/test_hosts.py."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from streamwatchd.cli import main
from streamwatchd.cli import takeover as command


def test_ranges_are_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is said what is at work here then."""
    asked: list[Any] = []
    monkeypatch.setattr(
        command, "ask", lambda *given: asked.append(given[2]) or {"taken": [2, 3], "here": [0, 1, 2, 3]}
    )
    result = CliRunner().invoke(main, ["takeover", "2-3", "--socket", "x"])
    assert (result.exit_code, result.stdout) == (0, "taken over: 2, 3; at work here: 0, 1, 2, 3\n")
    assert asked == [{"shards": [2, 3]}]


def test_anything_else_is_refused() -> None:
    """Before anybody is asked."""
    result = CliRunner().invoke(main, ["takeover", "all", "--socket", "x"])
    assert (result.exit_code, "such as 0-1 or 0,4" in result.stderr) == (2, True)
