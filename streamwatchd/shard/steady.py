"""The clock that judges stamps from the future: it follows the wall clock forwards and never goes back."""

from __future__ import annotations

from collections.abc import Callable

from streamwatchd.ports.clock import Clock

_STEP_MS = 1_000
"""What a wall clock is off by before it is called a step."""


class SteadyClock:
    """A wall clock that is set back would make good records stamps from the future, so time goes on from where it was
    by the monotonic clock, until the wall clock has caught up.

    A clock under which an event that was taken in before (`taken_ms`) would be more than `max_future_ms` ahead is wrong
    at the start: then time goes on from that event. `step` hears of every step of the wall clock, in ms (back is
    negative).
    """

    def __init__(self, clock: Clock, step: Callable[[int], None], taken_ms: int, max_future_ms: int) -> None:
        self._clock, self._step = clock, step
        now_ms = clock.now_ms()
        self._at_ms = taken_ms if now_ms + max_future_ms < taken_ms else now_ms
        self._since = clock.monotonic()
        self._back = False

    def now_ms(self) -> int:
        elapsed = self._clock.monotonic()
        steady_ms = self._at_ms + round((elapsed - self._since) * 1000)
        off_ms = self._clock.now_ms() - steady_ms
        if abs(off_ms) > _STEP_MS and (off_ms > 0 or not self._back):
            self._step(off_ms)
        self._back = off_ms < -_STEP_MS
        if off_ms < 0:
            return steady_ms
        self._at_ms, self._since = steady_ms + off_ms, elapsed
        return self._at_ms
