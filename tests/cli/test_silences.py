"""`swctl silences`: one line each."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from streamwatchd.cli import main
from streamwatchd.cli import silences as command

ROW = {"silence": "night", "holds": True, "alarms": ["hot"], "until": "2026-03-02", "by": "anna", "reason": "works"}


def test_each_says_what_it_mutes_until_when_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """And where it was said."""
    rows = [{**ROW, "file": "night.yaml"}, {**ROW, "silence": "s1", "alarms": [], "file": None}]
    monkeypatch.setattr(command, "ask", lambda path, name: {"silences": rows})
    printed = CliRunner().invoke(main, ["silences", "--socket", "x"], catch_exceptions=False).output.splitlines()
    assert printed[1].split() == ["night", "yes", "hot", "2026-03-02", "anna", "works", "night.yaml"]
    assert "nothing" in printed[2]
    assert printed[2].endswith("swctl silence")
