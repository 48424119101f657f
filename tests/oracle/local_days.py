"""Days of a time zone, found by looking at the clock on its wall every quarter of an hour."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from streamwatchd.calendars.clock import LocalDays
from streamwatchd.lang.typed import Aggregate
from streamwatchd.rules.ruleset import Kpi, Rule
from tests.oracle.reading import NEVER

QUARTER = 900_000
DAY = 86_400_000


def shown(zone: str, time: int) -> date:
    return datetime.fromtimestamp(time / 1000, UTC).astimezone(ZoneInfo(zone)).date()


@cache
def midnight(zone: str, number: int) -> int:
    """The first quarter of an hour at which the wall shows this day, or one after it; day 0 is 1970-01-01."""
    time = (number - 2) * DAY
    while shown(zone, time) < date(1970, 1, 1) + timedelta(days=number):
        time += QUARTER
    return time


def number_of(zone: str, time: int) -> int:
    """The day that is over at this midnight is the one before. Of two days with one midnight the first."""
    number = time // DAY - 3
    while midnight(zone, number) < time:
        number += 1
    return number


def midnights(days: LocalDays, first_watermark: int, watermark: int) -> Iterator[int]:
    """The judged T: midnights of days whose number is a multiple, with first_watermark + 1 < T <= watermark + 1."""
    if first_watermark == NEVER or watermark == NEVER:
        return
    t = next_judged_day(days, first_watermark + 1)
    while t <= watermark + 1:
        yield t
        t = next_judged_day(days, t)


def next_judged_day(days: LocalDays, time: int) -> int:
    number = number_of(days.zone, time)
    while number % days.every or midnight(days.zone, number) <= time:
        number += 1
    return midnight(days.zone, number)


def next_judged(rule: Rule, time: int) -> int:
    """The first T above a time."""
    if isinstance(rule, Kpi) and rule.days is not None:
        return next_judged_day(rule.days, time)
    return (time // rule.every_ms + 1) * rule.every_ms


def before(zone: str, end: int, over: int) -> int:
    """Where a window begins that ends at a midnight."""
    if over % DAY:
        return end - over
    return midnight(zone, number_of(zone, end) - over // DAY)


def day_window(aggregate: Aggregate, kpi: Kpi, t: int) -> tuple[int, int]:
    """[start, end) of an aggregate that says its length or looks back, at the midnight `t`."""
    assert kpi.days is not None
    number = number_of(kpi.zone, t) - -(-aggregate.ago_ms // DAY)
    end = midnight(kpi.zone, number - number % kpi.days.every)
    return before(kpi.zone, end, kpi.over_ms if aggregate.over_ms is None else aggregate.over_ms), end
