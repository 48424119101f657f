"""`swctl models`: what a daemon's answer looks like."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from streamwatchd.cli import main
from streamwatchd.cli import models as command


def test_versions_are_listed_with_what_they_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    """And whether they count."""
    counts = {"scored": 12_345, "odd": 6, "failed": 0}
    rows = [
        {"rule": "jump", "model": "step", "version": 2, "kind": "lstm", "on_trial": False, **counts},
        {"rule": "jump", "model": "step", "version": 4, "kind": "lstm", "on_trial": True, **counts},
        {"rule": "odd", "model": "mix", "version": None, "kind": "", "on_trial": False, "missing": True},
        {"rule": "", "model": "step", "version": 3, "kind": "", "on_trial": False, "taken_back_for": 2, **counts},
    ]
    monkeypatch.setattr(command, "ask", lambda path, name: {"at": "now", "models": rows})
    shown = CliRunner().invoke(main, ["models", "--socket", "x"], catch_exceptions=False).stdout
    assert shown.splitlines() == [
        "rule  model   kind  scored  odd  failed  state",
        "jump  step@2  lstm  12,345    6       0  in force",
        "jump  step@4  lstm  12,345    6       0  on trial",
        "odd   mix     –          –    –       –  there is none to take: every score is null",
        "–     step@3  –     12,345    6       0  taken back, step@2 takes over",
    ]
