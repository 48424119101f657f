"""Recurrence rules of RFC 5545, over local times without a zone."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from dateutil.rrule import rrule, rruleset, rrulestr


class BadRule(ValueError):
    """A recurrence rule that can't be read; the text says why."""


@lru_cache(maxsize=1_024)
def _parsed(rule: str, start: datetime) -> rrule:
    try:
        found = rrulestr(rule, dtstart=start, cache=True)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadRule(str(error)) from error
    if isinstance(found, rruleset):
        raise BadRule("one rule, without RDATE and EXDATE")
    return found


def check(rule: str, start: datetime) -> None:
    """Raises BadRule. A rule more frequent than hourly is refused: stretches of seconds are no calendar."""
    for part in rule.upper().split(";"):
        if part.strip() in ("FREQ=MINUTELY", "FREQ=SECONDLY"):
            raise BadRule("it repeats more than once an hour")
    _parsed(rule, start)


def recurrences(rule: str, start: datetime, first: datetime, last: datetime) -> list[datetime]:
    """The starts in [first, last], in order."""
    return list(_parsed(rule, start).between(first, last, inc=True))
