"""Which T are judged, and where windows begin and end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from streamwatchd.calendars.clock import ClockTimes
from streamwatchd.lang.typed import Aggregate
from tests.oracle.reading import NEVER

LONG_STEPS = 288
AGO_STEPS = 2_016


def judged_times(every: int, first_watermark: int, watermark: int) -> Iterator[int]:
    """THE definition of the judged T: multiples of `every` with first_watermark + 1 < T <= watermark + 1."""
    if first_watermark == NEVER or watermark == NEVER:
        return
    t = (first_watermark + 1) // every * every + every
    while t <= watermark + 1:
        yield t
        t += every


def at_clock(clock: ClockTimes | None, times: Iterator[int]) -> Iterator[int]:
    """Those of the judged T at which a clock of the zone shows one of the times, for the first time that day."""
    for t in times:
        local = datetime.fromtimestamp(t / 1000, UTC).astimezone(ZoneInfo(clock.zone)) if clock else None
        if clock is None or local is None or (60 * local.hour + local.minute in clock.minutes and not local.fold):
            yield t


def up_to_multiple(value: int, of: int) -> int:
    return -(-value // of) * of


def window(aggregate: Aggregate, default_over: int, every: int, t: int, *, is_alarm: bool) -> tuple[int, int]:
    """[start, end) of the aggregate judged at `t`."""
    over = default_over if aggregate.over_ms is None else aggregate.over_ms
    step = every
    if is_alarm and over > LONG_STEPS * every:
        step = up_to_multiple(-(-over // LONG_STEPS), every)
    if aggregate.ago_ms:
        step = max(step, up_to_multiple(-(-aggregate.ago_ms // AGO_STEPS), every))
    end = (t - aggregate.ago_ms) // step * step
    return end - over, end


def is_warming(start: int, t: int, known: int, min_history: int | None) -> bool:
    return start < known and (min_history is None or t - min_history < known)


def sessions(times: list[int], gap: int) -> list[tuple[int, int]]:
    """[first, last + gap) of the runs of the sorted `times` that no gap parts."""
    found: list[tuple[int, int]] = []
    for time in times:
        if found and time < found[-1][1]:
            found[-1] = (found[-1][0], time + gap)
        else:
            found.append((time, time + gap))
    return found


def session_known(end: int, gap: int, *, merged: bool) -> int:
    """The instant at which a session is known to have ended: behind the exchange, panes of the gap's width are."""
    return up_to_multiple(end, gap) if merged else end


def all_known(watermark: int, gap: int) -> int:
    """The watermark of the rows of sessions behind the exchange: up to there all are known, as of none that ends later
    it is known that it has."""
    return (watermark + 1) // gap * gap - 1 if watermark != NEVER else NEVER
