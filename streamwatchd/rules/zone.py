"""`timezone:` wherever a file or a rule says one."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from streamwatchd.rules import codes
from streamwatchd.rules.form import Findings, Read


def zone_of(record: Read, findings: Findings) -> str:
    """What `timezone:` says; UTC where it says nothing, or nothing that is."""
    scalar = record.scalar("timezone")
    if scalar is None:
        return "UTC"
    try:
        ZoneInfo(scalar.text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = "write a name of the IANA database, such as `Europe/Berlin` or `UTC`"
        findings.add(codes.BAD_TIME, f"there is no time zone `{scalar.text}`", scalar.span, hint=hint)
        return "UTC"
    return scalar.text
