"""`repeat: 30m up to 4h` in an alarm: when it is told again."""

from __future__ import annotations

import re

from streamwatchd.lang.units import parse_duration
from streamwatchd.rules import codes
from streamwatchd.rules.building import Work

_REPEAT = re.compile(r"(\S+)(?: +up +to +(\S+))?")


def build_repeat(work: Work) -> tuple[int, int] | None:
    """The first wait and the longest, in ms; None without one, or with a finding."""
    scalar = work.draft.body.scalar("repeat")
    if scalar is None:
        return None
    found = _REPEAT.fullmatch(scalar.text.strip())
    first = parse_duration(found[1]) if found else None
    most = first if found is None or found[2] is None else parse_duration(found[2])
    if not first or not most or most < first:
        message = f"`repeat` can't be `{scalar.text}`"
        work.findings.add(codes.BAD_CHOICE, message, scalar.span, hint="write `1h`, or `30m up to 4h`")
        return None
    return first, most
