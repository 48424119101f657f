"""Outcomes."""

from __future__ import annotations

from streamwatchd.diagnostics import Severity
from streamwatchd.lang import Checked, Problem


def test_only_errors_make_an_outcome_fail() -> None:
    """A warning leaves the expression usable."""
    assert not Checked((Problem("SW203", "m", 0, 1, severity=Severity.WARNING),)).failed
    assert Checked((Problem("SW201", "m", 0, 1),)).failed
