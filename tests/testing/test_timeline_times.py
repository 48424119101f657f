"""Instants of timelines."""

from __future__ import annotations

import pytest

from streamwatchd.testing.timeline import START_MS
from streamwatchd.testing.timeline_times import absolute, relative, shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0s", 0), ("9m", 540_000), ("1h30m", 5_400_000), ("2026-01-05T00:01:00Z", 60_000), ("soon", None)],
)
def test_an_instant_is_a_duration_after_the_start_or_a_time(text: str, expected: int | None) -> None:
    """Both forms come to ms after the start."""
    assert relative(text, START_MS) == expected


def test_times_are_absolute_ms() -> None:
    """The default start is midnight, a Monday."""
    assert absolute("2026-01-05T00:00Z") == START_MS
    assert absolute("Monday") is None


@pytest.mark.parametrize(("at_ms", "text"), [(0, "0s"), (90_000, "1m30s"), (-1_000, "2026-01-04T23:59:59.000Z")])
def test_instants_print_as_they_are_written(at_ms: int, text: str) -> None:
    """Before the start only a time will do."""
    assert shown(at_ms, START_MS) == text
