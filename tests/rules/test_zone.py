"""`timezone:`, read in one way wherever it stands."""

from __future__ import annotations

import pytest

from streamwatchd.rules import codes
from streamwatchd.rules.calendar_spec import CALENDAR
from streamwatchd.rules.form import Findings, read
from streamwatchd.rules.reader import parse
from streamwatchd.rules.zone import zone_of


@pytest.mark.parametrize(
    ("text", "zone", "found"),
    [
        ("during: []", "UTC", []),
        ("timezone: Europe/Berlin", "Europe/Berlin", []),
        ("timezone: Europe/Nowhere", "UTC", [codes.BAD_TIME]),
        ("timezone: ../../etc/passwd", "UTC", [codes.BAD_TIME]),
    ],
)
def test_what_is_no_zone_is_told_and_taken_for_utc(text: str, zone: str, found: list[str]) -> None:
    """So that one mistake brings no others with it."""
    document = parse("c.yaml", text.encode())
    findings = Findings(document)
    assert document.top is not None
    body = read(document.top, CALENDAR, findings)
    findings.problems.clear()
    assert (zone_of(body, findings), [each.code for each in findings.problems]) == (zone, found)
