"""Instants of timelines: a duration after the start, or ISO-8601."""

from __future__ import annotations

from streamwatchd.codecs.event_time import parse_times, unreadable
from streamwatchd.lang.units import format_duration, parse_duration
from streamwatchd.operators.document import iso
from streamwatchd.rules.document import Scalar
from streamwatchd.rules.form import Findings
from streamwatchd.testing import timeline_codes as codes


def absolute(text: str) -> int | None:
    """ISO-8601 → ms since 1970."""
    times = parse_times([text])
    return None if unreadable(times)[0] else int(times[0])


def relative(text: str, start_ms: int) -> int | None:
    """Either form → ms after the start."""
    if text.strip() in ("0", "0s"):
        return 0
    duration = parse_duration(text)
    if duration is not None:
        return duration
    moment = absolute(text)
    return None if moment is None else moment - start_ms


def instant(scalar: Scalar | None, name: str, start_ms: int, findings: Findings) -> int | None:
    """What is written, or None where it is nothing, or no time (which is reported)."""
    if scalar is None:
        return None
    found = relative(scalar.text, start_ms)
    if found is None:
        hint = "write a duration after the start, such as `9m`, or a time, such as `2026-01-05T00:09:00Z`"
        findings.add(codes.BAD_INSTANT, f"`{name}` must be a time, not `{scalar.text}`", scalar.span, hint=hint)
    return found


def shown(at_ms: int, start_ms: int) -> str:
    """For people: after the start, and before it as a time."""
    return (format_duration(at_ms) or "0s") if at_ms >= 0 else iso(start_ms + at_ms)
