"""`pause:` at work: stretches of time in which a rule is not judged.

Truth stands still in them: nothing is raised, nothing clears, and a hold that ran begins anew afterwards.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import Times
from streamwatchd.calendars.calendar import Calendar
from streamwatchd.lang.typed import And, During, Expr, Not, Or
from streamwatchd.operators.asking import FOREVER
from streamwatchd.operators.spec import PauseSpec

_CHUNK_MS = 32 * 86_400_000
"""Of so much time the stretches are found at once."""
_MOST_CHUNKS = 64
"""A pause without an end within so many is one for good."""


class Pauses:
    """The stretches of a rule."""

    def __init__(self, spec: PauseSpec) -> None:
        self._expr = spec.expr
        self._calendars = {calendar.name: calendar for calendar in spec.calendars}
        self._chunks: dict[int, tuple[list[int], list[bool]]] = {}

    def holds(self, time_ms: int) -> bool:
        """Whether the rule is paused at an instant."""
        starts, paused = self._chunk(time_ms // _CHUNK_MS)
        return paused[bisect_right(starts, time_ms) - 1]

    def free_from(self, time_ms: int) -> int:
        """The first instant at or after this one at which it is not."""
        if not self.holds(time_ms):
            return time_ms
        return next((at for at, paused in self._from(time_ms) if at > time_ms and not paused), FOREVER)

    def first_free(self, time_ms: int, grid: Callable[[int], int]) -> int:
        """The first instant of a grid at or after one of it at which the rule is not paused; `grid` gives the first at
        or after an instant."""
        while time_ms < FOREVER and self.holds(time_ms):
            free_ms = self.free_from(time_ms)
            time_ms = FOREVER if free_ms >= FOREVER else grid(free_ms)
        return time_ms

    def all_free(self, times: Times, grid: Callable[[int], int]) -> Times:
        """The same of many instants."""
        found, paused = times.copy(), self.paused(times)
        for at in np.unique(times[paused]).tolist():
            found[times == at] = self.first_free(at, grid)
        return found

    def next_end(self, time_ms: int) -> int:
        """The first instant after this one at which a pause ends."""
        before = self.holds(time_ms)
        for at, paused in self._from(time_ms):
            if at > time_ms:
                if before and not paused:
                    return at
                before = paused
        return FOREVER

    def paused(self, times: Times) -> npt.NDArray[np.bool_]:
        """The same of many instants."""
        if not len(times):
            return np.zeros(0, bool)
        starts, paused = self._between(int(times.min()), int(times.max()))
        found: npt.NDArray[np.bool_] = paused[np.searchsorted(starts, times, side="right") - 1]
        return found

    def ended(self, before: Times, times: Times) -> npt.NDArray[np.bool_]:
        """Where a pause ends after the one and up to the other."""
        if not len(times):
            return np.zeros(0, bool)
        starts, paused = self._between(int(before.min()), int(times.max()))
        ends = starts[1:][paused[:-1] & ~paused[1:]]
        found: npt.NDArray[np.bool_] = np.searchsorted(ends, times, "right") > np.searchsorted(ends, before, "right")
        return found

    def _between(self, first_ms: int, last_ms: int) -> tuple[Times, npt.NDArray[np.bool_]]:
        """Since when what holds, from the first instant or earlier to the last one or later."""
        chunks = [self._chunk(number) for number in range(first_ms // _CHUNK_MS, last_ms // _CHUNK_MS + 1)]
        starts = np.array([at for starts, _ in chunks for at in starts], np.int64)
        return starts, np.array([each for _, paused in chunks for each in paused], bool)

    def _from(self, time_ms: int) -> Iterator[tuple[int, bool]]:
        first = time_ms // _CHUNK_MS
        for number in range(first, first + _MOST_CHUNKS):
            yield from zip(*self._chunk(number), strict=True)

    def _chunk(self, number: int) -> tuple[list[int], list[bool]]:
        """Since when what holds, in order; the first is the start of the chunk."""
        found = self._chunks.get(number)
        if found is None:
            start, end = number * _CHUNK_MS, (number + 1) * _CHUNK_MS
            edges = {edge for calendar in self._calendars.values() for edge in calendar.edges(start, end)}
            starts = sorted({start, *edges})
            found = self._chunks[number] = starts, [_is_true(self._expr, self._calendars, at) for at in starts]
        return found


def _is_true(expr: Expr, calendars: dict[str, Calendar], time_ms: int) -> bool:
    match expr:
        case During(calendar=name):
            return calendars[name].holds(time_ms)
        case Not(arg):
            return not _is_true(arg, calendars, time_ms)
        case And(args):
            return all(_is_true(arg, calendars, time_ms) for arg in args)
        case Or(args):
            return any(_is_true(arg, calendars, time_ms) for arg in args)
    raise AssertionError(f"{expr} says more than calendars do")
