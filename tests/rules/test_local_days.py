"""`timezone:` of KPIs: which windows are days of it."""

from __future__ import annotations

import pytest

from streamwatchd.calendars.clock import LocalDays
from streamwatchd.rules.ruleset import Kpi
from tests.rules.conftest import Check

RULE = "source: metrics\n{}rules:\n  - kpi: k\n    by: host\n    every: {}\n{}    values: {{n: count()}}\n"


@pytest.mark.parametrize(
    ("file", "every", "rule", "days"),
    [
        ("", "1d", "    timezone: Europe/Berlin\n", LocalDays("Europe/Berlin", 1)),
        ("timezone: Europe/Berlin\n", "7d", "    over: 14d\n", LocalDays("Europe/Berlin", 7)),
        ("timezone: Europe/Berlin\n", "1d", "    timezone: UTC\n", None),
        ("timezone: Europe/Berlin\n", "1h", "", None),
        ("", "1d", "", None),
    ],
)
def test_whole_days_are_days_of_the_zone(
    check: Check, file: str, every: str, rule: str, days: LocalDays | None
) -> None:
    """Of the rule's own or the file's; UTC needs none."""
    loaded = check(RULE.format(file, every, rule))
    assert [found.message for found in loaded.diagnostics if found.is_error] == []
    (kpi,) = loaded.ruleset.rules
    assert isinstance(kpi, Kpi)
    assert kpi.days == days
