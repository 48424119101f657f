"""`at:` and `timezone:` of an alarm: the clock times at which it is judged, and the step of its panes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import gcd

from streamwatchd.calendars.clock import QUARTER_MINUTES, ClockTimes
from streamwatchd.lang.typed import Baseline, Expr, walk
from streamwatchd.rules import codes
from streamwatchd.rules.building import Work
from streamwatchd.rules.zone import zone_of

_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


def build_clock(work: Work, exprs: Sequence[Expr | None]) -> ClockTimes | None:
    """The clock times of an alarm, or None where it says none."""
    body, findings = work.draft.body, work.findings
    written = body.scalars("at")
    if not written:
        return None
    minutes = set()
    for scalar in written:
        found = _CLOCK.fullmatch(scalar.text)
        if found is None:
            hint = 'write hours and minutes in quotes: "06:00"'
            findings.add(codes.BAD_TIME, f"`{scalar.text}` is no time of the day", scalar.span, hint=hint)
        else:
            minutes.add(60 * int(found[1]) + int(found[2]))
    if not work.draft.windowed:
        hint = "judge an aggregate, such as `last(x over 1h)`, or take `at:` out"
        findings.add(codes.WINDOWLESS_FIELD, "`at` has no meaning: this alarm has no window", body.key("at"), hint=hint)
    for name in ("every", "late"):
        if name in body and (name != "late" or body.text("late") == "amend"):
            message = f"`at` and `{name}` exclude each other"
            findings.add(codes.EXCLUSIVE_FIELDS, message, body.key("at"), hint="keep one")
    if any(isinstance(node, Baseline) for expr in exprs if expr is not None for node in walk(expr)):
        message = "`usual` and `spread` are not supported with `at`"
        findings.add(codes.NOT_SUPPORTED_YET, message, body.key("at"), hint="write `every:` in its place")
    zone = zone_of(body if "timezone" in body else work.draft.defaults, findings)
    return ClockTimes(tuple(sorted(minutes)), zone) if minutes else None


def step_of(clock: ClockTimes) -> int:
    """The greatest step in ms of which all its instants are multiples, whatever the season."""
    return gcd(QUARTER_MINUTES, *clock.minutes) * 60_000
