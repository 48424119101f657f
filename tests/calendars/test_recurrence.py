"""Recurrence rules, and those that are refused."""

from __future__ import annotations

from datetime import datetime

import pytest

from streamwatchd.calendars.recurrence import BadRule, check, recurrences

START = datetime.fromisoformat("2026-01-04 02:00")


def test_the_first_sunday_of_each_month() -> None:
    """As RFC 5545 says it."""
    found = recurrences("FREQ=MONTHLY;BYDAY=1SU", START, START, datetime.fromisoformat("2026-04-30"))
    assert [each.strftime("%m-%d") for each in found] == ["01-04", "02-01", "03-01", "04-05"]


@pytest.mark.parametrize("rule", ["", "FREQ=SOMETIMES", "BYDAY=MO", "FREQ=SECONDLY", "freq=minutely;interval=5", "x y"])
def test_what_is_no_rule_is_refused(rule: str) -> None:
    """With a reason; also what would repeat thousands of times a day."""
    with pytest.raises(BadRule):
        check(rule, START)
