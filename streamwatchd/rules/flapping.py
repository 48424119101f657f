"""`flapping: 6 changes in 30m until 2` in an alarm: when its key goes up and down too often."""

from __future__ import annotations

import re

from streamwatchd.lang.units import parse_duration
from streamwatchd.rules import codes
from streamwatchd.rules.building import Work
from streamwatchd.rules.document import Mapping, Scalar
from streamwatchd.rules.ruleset import Flapping

MOST_CHANGES = 1_000
"""A key keeps the instants of so many."""

_FLAPPING = re.compile(r"([1-9]\d{0,3}) +changes +in +(\S+?)(?: +until +(\d{1,4}))?")
_HINT = "write `6 changes in 30m`, `6 changes in 30m until 2`, or `off`"


def build_flapping(work: Work, *, is_endless: bool = False) -> Flapping | None:
    """What the rule, or the `defaults` of its file, say; None without, or with a finding. An endless alarm has none."""
    scalar = work.draft.body.scalar("flapping")
    if scalar is None or scalar.text.strip() == "off":
        return None
    if is_endless:
        if not _is_default(work, scalar):
            hint = "take it out; an alarm with `by:` goes up and comes down, a sequence does with `until:`"
            message = "`flapping` has no meaning: what this alarm tells of has no end, so it never comes down"
            work.findings.add(codes.WINDOWLESS_FIELD, message, work.draft.body.key("flapping"), hint=hint)
        return None
    found = _FLAPPING.fullmatch(scalar.text.strip())
    window_ms = parse_duration(found[2]) if found else None
    if found is None or not window_ms:
        work.findings.add(codes.BAD_CHOICE, f"`flapping` can't be `{scalar.text}`", scalar.span, hint=_HINT)
        return None
    changes, until = int(found[1]), int(found[3] or 0)
    problem = _problem(changes, until)
    if problem:
        work.findings.add(codes.OUT_OF_RANGE, problem, scalar.span, hint=_HINT)
        return None
    return Flapping(changes, window_ms, until)


def _problem(changes: int, until: int) -> str:
    if not 2 <= changes <= MOST_CHANGES:
        return f"`flapping` takes 2 to {MOST_CHANGES:,} changes, not {changes:,}"
    if until >= changes:
        return f"a key that flaps from {changes} changes on can't be over it at {until}: `until` must be less"
    return ""


def _is_default(work: Work, scalar: Scalar) -> bool:
    """Whether the rule takes it over from its file, where it is meant for those that it fits."""
    shared = work.draft.defaults.values.get("defaults")
    return isinstance(shared, Mapping) and shared.get("flapping") is scalar
