"""Faults on demand for the fakes: the n-th call fails, or the process dies there.

Each fake call passes two points, `name` before its effect and `name.done` after it, so an error at the second is a lost
answer and a kill there is a death between the effect and the next line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

Fault = Callable[[], BaseException | None]
"""Makes the exception to raise; or does something (advances a clock, delivers a delayed request) and gives None."""


class Killed(BaseException):
    """The simulated process is dead: nothing may catch this but the test."""


class Faults:
    """Counts the points that are passed; plans say at which a fault strikes. One object may serve several fakes.

    `trace` lists the points passed so far: a test runs once without faults, then once for every point in the trace.
    """

    def __init__(self) -> None:
        self.trace: list[str] = []
        self._passed: Counter[str] = Counter()
        self._any: dict[int, Fault] = {}
        self._named: dict[tuple[str, int], Fault] = {}
        self._standing: dict[str, Fault] = {}

    def at(self, n: int, fault: Fault = Killed, *, point: str = "") -> Faults:
        """Strike at the n-th point from now on (the first is 1), or at the n-th of that name. Once."""
        if point:
            self._named[point, self._passed[point] + n] = fault
        else:
            self._any[len(self.trace) + n] = fault
        return self

    def every(self, point: str, fault: Fault) -> Faults:
        """Strike whenever that point is reached, until `clear`."""
        self._standing[point] = fault
        return self

    def clear(self) -> None:
        self._any.clear()
        self._named.clear()
        self._standing.clear()

    def reach(self, point: str) -> None:
        self.trace.append(point)
        self._passed[point] += 1
        fault = self._any.pop(len(self.trace), None) or self._named.pop((point, self._passed[point]), None)
        fault = fault or self._standing.get(point)
        problem = fault() if fault is not None else None
        if problem is not None:
            raise problem
