"""Where the time of an evaluation goes. What evaluates knows no clock: it says only when one thing ends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

DECODE = "decode"
SCHEDULE = "schedule"
SEND = "send"
"""Laps that are no node's: decoding records; finding what is due; handing on what is final."""


class Laps:
    """A stopwatch: each `lap` is given the time since the last one, or since `start`.

    Without a clock it measures nothing; results never depend on it.
    """

    def __init__(self, now: Callable[[], float] | None = None) -> None:
        """`now` gives seconds from some start, never going back."""
        self._now = now
        self._at = 0.0
        self.on_lap: Callable[[], None] = lambda: None
        """Called at each lap: whoever evaluates has come that far."""
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.calls: defaultdict[str, int] = defaultdict(int)
        self.rows: defaultdict[str, int] = defaultdict(int)

    def start(self) -> None:
        if self._now is not None:
            self._at = self._now()

    def lap(self, what: str, rows: int = 0) -> None:
        """What was done since the last lap was `what`, on so many rows."""
        self.on_lap()
        if self._now is None:
            return
        now = self._now()
        self.seconds[what] += now - self._at
        self.calls[what] += 1
        self.rows[what] += rows
        self._at = now
