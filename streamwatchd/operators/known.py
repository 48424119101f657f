"""Since when each key of a family is known, and when it is forgotten.

From an instant on keys may lie in other partitions: one that has not spoken since may speak elsewhere now.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from streamwatchd.aggregates.accumulator import grown
from streamwatchd.batch import Rows, Times
from streamwatchd.operators.asking import BEGINNING
from streamwatchd.operators.panes import Pane

UNKNOWN = np.iinfo(np.int64).max
"""`since` of a key that is not known."""


Instants = tuple[int, ...]
"""In order."""


def last_before(instants: Instants, time_ms: int) -> int:
    """`BEGINNING` where there is none."""
    return max((each for each in instants if each < time_ms), default=BEGINNING)


@dataclass(slots=True)
class Known:
    """Per key id: the event time that made it known and its last one, for readers that forget in one way.

    A key is forgotten at the first multiple T of `every_ms` with no event in [T − forget_ms, T). One that has
    not spoken since keys were last `placed` anew is not known here.
    """

    forget_ms: int
    every_ms: int
    since: Times = field(default_factory=lambda: np.zeros(0, np.int64))
    last: Times = field(default_factory=lambda: np.zeros(0, np.int64))
    begins_ms: int = BEGINNING
    placed: Instants = ()

    def grow(self, size: int) -> None:
        self.since, self.last = grown(self.since, size, UNKNOWN), grown(self.last, size, BEGINNING)

    def note(self, here: Rows, pane: Pane, size: int) -> None:
        """Events of a pane that is closed; panes come in order of time."""
        self.grow(size)
        first = pane.first[here]
        known = self.since[here] != UNKNOWN
        forgotten_at = ((np.where(known, self.last[here], 0) + self.forget_ms) // self.every_ms + 1) * self.every_ms
        fresh = ~known | (forgotten_at <= first)
        self.since[here[fresh]] = first[fresh]
        self.last[here] = np.maximum(self.last[here], pane.last[here])

    def at(self, judged_ms: int, size: int) -> tuple[Times, npt.NDArray[np.bool_]]:
        """Since when each key is known at T (`UNKNOWN` if it is not), and which are forgotten."""
        self.grow(size)
        forgotten = (self.last < judged_ms - self.forget_ms) & (self.since != UNKNOWN)
        unknown = forgotten | (self.since >= judged_ms)
        if self.placed:
            unknown |= self.last < last_before(self.placed, judged_ms)
        return np.where(unknown, UNKNOWN, self.since), forgotten

    def next_forgotten(self, after_ms: int) -> int | None:
        """The earliest last event that is not forgotten yet at `after_ms`, plus the time to forget."""
        living = self.last[(self.since != UNKNOWN) & (self.last >= after_ms - self.forget_ms)]
        return int(living.min()) + self.forget_ms if len(living) else None
