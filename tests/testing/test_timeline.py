"""The parts of a test of rules."""

from __future__ import annotations

from datetime import UTC, datetime

from streamwatchd.diagnostics import Diagnostic, Severity
from streamwatchd.testing.timeline import START_MS, Suite


def test_a_suite_with_errors_has_failed() -> None:
    """Warnings do not stop the tests of a file."""
    warning = Diagnostic("SW507", "looks like another", severity=Severity.WARNING)
    assert not Suite("a", None, (), (warning,)).failed
    assert Suite("a", None, (), (warning, Diagnostic("SW501", "no series"))).failed


def test_timelines_start_on_a_monday() -> None:
    """At midnight UTC, so that windows of any length are aligned."""
    assert datetime.fromtimestamp(START_MS / 1000, UTC) == datetime(2026, 1, 5, tzinfo=UTC)
