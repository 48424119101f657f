"""Time behind a protocol: real, or moved by hand."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    def now_ms(self) -> int:
        """Wall clock, whole milliseconds since 1970 (UTC); it may jump."""

    def monotonic(self) -> float:
        """Seconds from some start, never going back: for time-outs and intervals."""

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class ManualClock:
    """Stands still until `sleep` or `advance` moves it; `jump` moves only the wall clock, as an operator can."""

    def __init__(self, now_ms: int = 1_767_571_200_000) -> None:
        self._now_ms = now_ms
        self._elapsed_ms = 0

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic(self) -> float:
        return self._elapsed_ms / 1000

    def sleep(self, seconds: float) -> None:
        self.advance(round(seconds * 1000))

    def advance(self, ms: int) -> None:
        if ms < 0:
            raise ValueError("time does not go back; use jump for the wall clock")
        self._now_ms += ms
        self._elapsed_ms += ms

    def jump(self, ms: int) -> None:
        self._now_ms += ms
