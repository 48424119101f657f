"""What happens to alarms on rows, in the order in which it must be judged: rows, silence and forgetting.

Alarms are judged many at once, so what happens to one alarm in turn is dealt out in rounds, in each of which it comes
up once at most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import Times

Index = npt.NDArray[np.intp]

NEVER = -(2**61)
"""The last event of an alarm that had none."""

ROW, SILENCE, FORGET = 0, 1, 2
"""Kinds of entries."""


@dataclass(frozen=True, slots=True)
class Queue:
    """What happens to alarms: by place, then in order. `latest` are the rows and places before any were left out."""

    rows: Index
    places: Index
    at: Times
    kinds: npt.NDArray[np.int8]
    heard: tuple[Index, Index] | None = None

    @property
    def latest(self) -> tuple[Index, Index]:
        if self.heard is not None:
            return self.heard
        own = self.kinds == ROW
        return self.rows[own], self.places[own]

    def take(self, chosen: Index) -> Queue:
        return Queue(self.rows[chosen], self.places[chosen], self.at[chosen], self.kinds[chosen], self.heard)

    def insert(self, before: Index, kinds: npt.NDArray[np.int8], at: Times) -> Queue:
        """Something without a row, before the entries `before`."""
        return Queue(
            np.insert(self.rows, before, self.rows[before]),
            np.insert(self.places, before, self.places[before]),
            np.insert(self.at, before, at),
            np.insert(self.kinds, before, kinds),
        )


def tick_queue(places: Index, at: Times, kind: int) -> Queue:
    return Queue(places, places, at, np.full(len(places), kind, np.int8))


def running_max(times: Times, places: Index, start: Times) -> Times:
    """Per row the greatest time of its place before it, `start` included; `places` is sorted."""
    first = np.r_[True, places[1:] != places[:-1]] if len(places) else np.zeros(0, bool)
    low = int(times.min()) - 1
    lifted = np.cumsum(first).astype(np.int64) << 44
    running = np.maximum.accumulate(lifted + (times - low))
    before = np.r_[0, running[:-1]] - lifted + low
    return np.maximum(np.where(first, NEVER, before), start)


def rounds(places: Index) -> list[Index]:
    """Positions in which no place repeats: first all first rows, then all second ones, …; `places` is sorted."""
    starts = np.flatnonzero(np.r_[True, places[1:] != places[:-1]])
    rank = np.arange(len(places)) - np.repeat(starts, np.diff(np.r_[starts, len(places)]))
    order = np.argsort(rank, kind="stable")
    cuts = np.flatnonzero(np.diff(rank[order])) + 1
    return list(np.split(order, cuts))
