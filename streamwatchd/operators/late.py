"""What comes too late for the panes of a family, kept beside them for rules that say `late: amend`.

A late event belongs to the pane of its time. It is read from the first instant above its arrival on, where the arrival
is the first instant that its partition's watermark had not passed: its *slot* is the first multiple of the pane's width
above that. So what a judgement reads never depends on batches, and a feeder's word on (slot, pane) is final once its
limit has reached the slot. Closed panes stay as they are: every accumulator merges, so a window is what its panes hold
and what came late for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import Times
from streamwatchd.calendars.clock import LocalDays
from streamwatchd.operators.asking import BEGINNING
from streamwatchd.operators.keyspace import KeySpace, KeyTuple
from streamwatchd.operators.node import first_multiple_above, first_multiple_from
from streamwatchd.operators.panes import Feed, Pane, PaneTable, pack_pane, unpack_pane
from streamwatchd.operators.pausing import Pauses
from streamwatchd.operators.spec import Accumulation
from streamwatchd.packing import Frozen, thawed

Counts = npt.NDArray[np.int64]


@dataclass(slots=True)
class Partial:
    """What one feeder says of one pane: key values and a pane with one place each."""

    keys: list[KeyTuple]
    pane: Pane


@dataclass(frozen=True, slots=True)
class Amending:
    """How a rule takes in what is late: judged at multiples of `every_ms`, or at midnights, since `begins_ms`, not in
    `pauses`."""

    every_ms: int
    amend_for_ms: int
    begins_ms: int = BEGINNING
    days: LocalDays | None = None
    pauses: Pauses | None = None

    def first_from(self, time_ms: int) -> int:
        """The first T at or after an instant."""
        return first_multiple_from(time_ms, self.every_ms) if self.days is None else self.days.first_from(time_ms)

    def taken(self, slot_ms: int, index: int, width_ms: int) -> int | None:
        """The first T that reads what is in this slot for this pane; None where it is too late, or not ours."""
        if self.begins_ms > BEGINNING and slot_ms <= first_multiple_above(self.begins_ms, width_ms):
            return None
        taken = self.first_from(slot_ms)
        if self.pauses is not None:
            taken = self.pauses.first_free(taken, self.first_from)
        first_end = self.first_from(index * width_ms + 1)
        return taken if taken - first_end <= self.amend_for_ms else None


@dataclass(frozen=True, slots=True)
class View:
    """What `amending` reads at the judgement `at_ms`; `only`: no more than what is new at it."""

    amending: Amending
    at_ms: int
    only: bool = False


class LateLayer:
    """Panes of the finest width by (slot, index), and the partials that wait for their slot."""

    def __init__(self, width_ms: int, accumulations: Sequence[Accumulation]) -> None:
        self.width_ms = width_ms
        self.accumulations = tuple(accumulations)
        self.panes: dict[tuple[int, int], Pane] = {}
        self.pending: dict[tuple[int, int], dict[str, Partial]] = {}

    def __len__(self) -> int:
        return len(self.panes) + len(self.pending)

    def add(self, feed: Feed, arrivals: Times, keys: int) -> None:
        """Rows of the stream and when they arrived; `keys` is the number of keys known."""
        slots = first_multiple_above(arrivals, self.width_ms)
        rows = np.arange(len(feed.frame)) if feed.rows is None else feed.rows
        for slot in np.unique(slots).tolist():
            here = slots == slot
            table = PaneTable(self.width_ms, self.accumulations, track_times=False)
            table.add(Feed(feed.frame, rows[here], feed.ids[here], feed.evaluator), keys)
            for index, pane in table.panes.items():
                self._pane(slot, index).merge(pane, None, keys, self.accumulations)

    def _pane(self, slot: int, index: int) -> Pane:
        return self.panes.setdefault((slot, index), Pane.empty())

    def set_partial(self, slot_ms: int, index: int, feeder: str, said: Partial) -> None:
        """The final word of a feeder; saying it again changes nothing."""
        self.pending.setdefault((slot_ms, index), {})[feeder] = said

    def merge_pending(self, until_ms: int, space: KeySpace) -> None:
        """All feeders have said what belongs to slots up to here."""
        for slot, index in sorted(place for place in self.pending if place[0] <= until_ms):
            for _, said in sorted(self.pending.pop((slot, index)).items()):
                ids = np.array([space.id_of(key) for key in said.keys], np.intp)
                space.note(ids, slot)
                self._pane(slot, index).merge(said.pane, ids, len(space), self.accumulations)

    def final_panes(self, until_ms: int) -> Iterator[tuple[int, int, Pane]]:
        """Slot, index and pane of the slots up to here, each handed out once and then forgotten."""
        for slot, index in sorted(place for place in self.panes if place[0] <= until_ms):
            yield slot, index, self.panes.pop((slot, index))

    def drop_before(self, time_ms: int) -> None:
        """Forget what belongs to panes that end at or before `time_ms`."""
        for places in (self.panes, self.pending):
            for place in [place for place in places if (place[1] + 1) * self.width_ms <= time_ms]:
                del places[place]

    # reading

    def between(self, start_ms: int, end_ms: int, view: View) -> Iterator[Pane]:
        """What a view reads in [start, end)."""
        for (slot, index), pane in sorted(self.panes.items(), key=lambda item: item[0]):
            if start_ms <= index * self.width_ms < end_ms:
                taken = view.amending.taken(slot, index, self.width_ms)
                if taken is not None and (taken == view.at_ms if view.only else taken <= view.at_ms):
                    yield pane

    def counts(self, start_ms: int, end_ms: int, view: View, size: int) -> Counts:
        """Rows per key."""
        total = np.zeros(size, np.int64)
        for pane in self.between(start_ms, end_ms, view):
            total[: len(pane.count)] += pane.count
        return total

    def takings(self, amending: Amending) -> Iterator[tuple[int, int]]:
        """(First T that reads it, start of its pane) of all that a rule takes in, waiting partials included."""
        for slot, index in {*self.panes, *self.pending}:
            taken = amending.taken(slot, index, self.width_ms)
            if taken is not None:
                yield taken, index * self.width_ms

    # snapshots

    def snapshot(self) -> list[object]:
        panes = [[slot, index, pack_pane(pane.copy())] for (slot, index), pane in self.panes.items()]
        pending = [
            [slot, index, feeder, Frozen(partial(_packed, said), apart=False)]
            for (slot, index), feeders in self.pending.items()
            for feeder, said in feeders.items()
        ]
        return [self.width_ms, panes, pending]

    def restore(self, state: Any, size: int) -> None:
        """The inverse; panes of another width are left out."""
        width, panes, pending = state
        if width != self.width_ms:
            return
        for slot, index, packed in panes:
            self.panes[int(slot), int(index)] = unpack_pane(packed, self.accumulations, size)
        for slot, index, feeder, packed in pending:
            keys, pane = thawed(packed)
            said = Partial([tuple(key) for key in keys], unpack_pane(pane, self.accumulations, len(keys)))
            self.pending.setdefault((int(slot), int(index)), {})[feeder] = said


def _packed(said: Partial) -> list[object]:
    return [[list(key) for key in said.keys], pack_pane(said.pane)]
