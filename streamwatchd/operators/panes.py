"""Pane-major tables: one entry per pane, in it one state per accumulation, each with one place per key.

A pane that the watermark has passed never changes. Windows are read by merging panes; every accumulator merges.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.aggregates.accumulator import State, array_of, grown, integers_of, shrunk
from streamwatchd.aggregates.base import ACCUMULATORS
from streamwatchd.aggregates.steps import Codes, Last, Steps, series_codes
from streamwatchd.batch import TRUE, Column, Frame, Rows, Times, take
from streamwatchd.operators.evaluate import Evaluator, is_null
from streamwatchd.operators.sliding import EXACT, Sliding
from streamwatchd.operators.spec import Accumulation, StepAccumulation
from streamwatchd.packing import Frozen, pack, thawed

COUNT = Accumulation("count", "rows", None, None)
"""Rows per key: every table keeps it, it says which keys have data in a pane."""

_MERGE_AT_MOST = 4
"""Windows of up to so many panes are merged; longer ones are kept and move on."""
_MANY_KEYS = 4_096

BEFORE_ALL, AFTER_ALL = -(2**62), 2**62
"""Indices below and above those of all panes."""

_NO_FIRST = np.iinfo(np.int64).max
_NO_LAST = np.iinfo(np.int64).min

_SAMPLED_KEYS = 1_024


@dataclass(slots=True)
class Pane:
    """`count`, `first` and `last` (event times in ms) per key, and the states of the accumulations."""

    count: npt.NDArray[np.int64]
    first: Times
    last: Times
    states: dict[Accumulation, State] = field(default_factory=dict)

    @classmethod
    def empty(cls) -> Pane:
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64))

    def merge(self, other: Pane, keys: npt.NDArray[np.intp] | None, size: int, wanted: Sequence[Accumulation]) -> None:
        """Add `other`, whose place i is key keys[i] (None: i)."""
        self.count = ACCUMULATORS["count"].merge(self.count, other.count, keys, size)
        if len(other.first):
            self._merge_times(other, keys, size)
        for accumulation in wanted:
            if accumulation in other.states:
                accumulator = ACCUMULATORS[accumulation.accumulator]
                mine = self.states.get(accumulation)
                mine = accumulator.empty(size) if mine is None else mine
                self.states[accumulation] = accumulator.merge(mine, other.states[accumulation], keys, size)

    def _merge_times(self, other: Pane, keys: npt.NDArray[np.intp] | None, size: int) -> None:
        self.first, self.last = grown(self.first, size, _NO_FIRST), grown(self.last, size, _NO_LAST)
        index: slice | npt.NDArray[np.intp] = slice(0, len(other.first)) if keys is None else keys
        self.first[index] = np.minimum(self.first[index], other.first)
        self.last[index] = np.maximum(self.last[index], other.last)

    def take(self, keys: npt.NDArray[np.intp]) -> Pane:
        """The part of `keys`, which become 0, 1, …"""
        states = {a: ACCUMULATORS[a.accumulator].take(state, keys) for a, state in self.states.items()}
        times = (self.first[keys], self.last[keys]) if len(self.first) else (self.first, self.last)
        return Pane(self.count[keys], *times, states)

    def covering(self, keys: npt.NDArray[np.intp]) -> Pane:
        """The same with states that reach to the last of `keys`; they may be shorter than the count."""
        size = max(int(keys.max(initial=-1)) + 1, len(self.count))
        grown = Pane(self.count, self.first, self.last)
        for accumulation, state in self.states.items():
            accumulator = ACCUMULATORS[accumulation.accumulator]
            grown.states[accumulation] = accumulator.merge(accumulator.empty(size), state, None, size)
        return grown

    def shrink(self) -> None:
        """In fewer bytes, as it will stay for long; it may still be merged into, and grows again where it is."""
        for accumulation, state in self.states.items():
            self.states[accumulation] = ACCUMULATORS[accumulation.accumulator].shrink(state)
        self.count = shrunk(self.count)
        for accumulation, state in self.states.items():
            if accumulation.accumulator == "count" and np.array_equal(state, self.count):
                self.states[accumulation] = self.count

    def copy(self) -> Pane:
        """One that later merges into this pane do not reach."""
        states = {a: ACCUMULATORS[a.accumulator].copy(state) for a, state in self.states.items()}
        return Pane(self.count.copy(), self.first.copy(), self.last.copy(), states)


class Timeline(dict[int, Pane]):
    """Panes by index, which also knows them in order of time: what is asked of a few of them is not asked of all."""

    def __init__(self) -> None:
        super().__init__()
        self._order: list[int] = []

    def __setitem__(self, index: int, pane: Pane) -> None:
        if index not in self:
            insort(self._order, index)
        super().__setitem__(index, pane)

    def __delitem__(self, index: int) -> None:
        super().__delitem__(index)
        del self._order[bisect_left(self._order, index)]

    def within(self, first: int, end: int) -> list[int]:
        """The indices first … end − 1 that have a pane, ascending."""
        return self._order[bisect_left(self._order, first) : bisect_left(self._order, end)]

    def first_from(self, index: int) -> int | None:
        """The first index from there on that has a pane."""
        place = bisect_left(self._order, index)
        return self._order[place] if place < len(self._order) else None

    def take(self, index: int) -> Pane:
        """A pane, which is not kept any more."""
        pane = self[index]
        del self[index]
        return pane


@dataclass(slots=True)
class _Selection:
    """Rows that an accumulation takes: their groups, the column's values and the event times."""

    groups: Rows
    column: Column | None
    time: Times


class Feed:
    """One batch of rows on its way into the tables of a family: expressions and selections are shared."""

    def __init__(self, frame: Frame, rows: npt.NDArray[np.intp] | None, ids: Rows, evaluator: Evaluator) -> None:
        self.frame, self.rows, self.ids, self.evaluator = frame, rows, ids, evaluator
        self.time = frame.time if rows is None else frame.time[rows]

    def column(self, accumulation: Accumulation) -> Column | None:
        if accumulation.arg is None:
            return None
        column = self.evaluator.column(accumulation.arg, self.frame)
        return column if self.rows is None else take(column, self.rows)

    def series(self, accumulation: StepAccumulation) -> Codes | None:
        """What tells the series of a key apart, None where a key is one."""
        if not accumulation.series:
            return None
        columns = [self.evaluator.column(expr, self.frame) for expr in accumulation.series]
        columns = columns if self.rows is None else [take(column, self.rows) for column in columns]
        return series_codes(columns, len(self.time))

    def mask(self, accumulation: Accumulation, column: Column | None) -> npt.NDArray[np.bool_] | None:
        """Which rows count, None for all."""
        mask: npt.NDArray[np.bool_] | None = None
        if accumulation.where is not None:
            truths = self.evaluator.truths(accumulation.where, self.frame)
            mask = (truths if self.rows is None else truths[self.rows]) == TRUE
        if column is not None:
            fit = column == TRUE if accumulation.reads == "true" else ~is_null(column)
            assert isinstance(fit, np.ndarray)
            if not fit.all():
                mask = fit if mask is None else mask & fit
        return mask


class PaneTable:
    """Panes of one width. `index` = start / width. One `is_long` keeps many of them."""

    def __init__(
        self, width_ms: int, accumulations: Sequence[Accumulation], *, track_times: bool, is_long: bool = False
    ) -> None:
        self.width_ms = width_ms
        self.accumulations = tuple(accumulations)
        self.track_times, self.is_long = track_times, is_long
        self.panes = Timeline()
        self._frozen: dict[int, Frozen] = {}
        self._windows: dict[Accumulation, Sliding] = {}
        self.lasts: dict[Accumulation, Last] = {}
        """Of what goes from sample to sample, the last ones in closed panes."""

    def add(self, feed: Feed, keys: int) -> None:
        """Rows into their panes; `keys` is the number of keys known."""
        if not len(feed.time):
            return
        index = feed.time // self.width_ms
        base = int(index.min())
        span = int(index.max()) - base + 1
        if span == 1:
            codes: Rows = feed.ids
        else:
            codes = (index - base) * keys + feed.ids
        total = span * keys
        if total <= 4 * len(codes) + 4_096:
            self._add_dense(base, span, keys, self._reduce(feed, codes, total))
        else:
            unique, groups = np.unique(codes, return_inverse=True)
            self._add_sparse(base, keys, unique, self._reduce(feed, groups, len(unique)))

    def _reduce(self, feed: Feed, groups: Rows, size: int) -> Pane:
        pane = Pane(np.bincount(groups, minlength=size).astype(np.int64, copy=False), *_no_times())
        if self.track_times:
            pane.first, pane.last = np.full(size, _NO_FIRST), np.full(size, _NO_LAST)
            np.minimum.at(pane.first, groups, feed.time)
            np.maximum.at(pane.last, groups, feed.time)
        for accumulation in self.accumulations:
            column = feed.column(accumulation)
            mask = feed.mask(accumulation, column)
            if mask is None and accumulation.accumulator == "count":
                pane.states[accumulation] = pane.count
                continue
            chosen = _choose(groups, column, feed.time, mask)
            accumulator = ACCUMULATORS[accumulation.accumulator]
            if isinstance(accumulation, StepAccumulation) and isinstance(accumulator, Steps):
                series = feed.series(accumulation)
                series = series if series is None or mask is None else series[mask]
                state = accumulator.reduce_series(chosen.groups, chosen.column, chosen.time, series)
            else:
                state = accumulator.reduce(chosen.groups, size, chosen.column, chosen.time)
            pane.states[accumulation] = state
        return pane

    def _add_dense(self, base: int, span: int, keys: int, mine: Pane) -> None:
        if span == 1:
            self._pane(base).merge(mine, None, keys, self.accumulations)
            return
        for offset in range(span):
            here = np.arange(offset * keys, (offset + 1) * keys)
            part = mine.take(here)
            if part.count.any():
                self._pane(base + offset).merge(part, None, keys, self.accumulations)

    def _add_sparse(self, base: int, keys: int, codes: Rows, mine: Pane) -> None:
        offsets = codes // keys
        for offset in np.unique(offsets).tolist():
            here = np.flatnonzero(offsets == offset)
            self._pane(base + offset).merge(mine.take(here), codes[here] % keys, keys, self.accumulations)

    def _pane(self, index: int) -> Pane:
        pane = self.panes.get(index)
        if pane is None:
            pane = self.panes[index] = Pane.empty()
        return pane

    def settle(self, index: int, size: int, from_ms: Mapping[Accumulation, int]) -> None:
        """Nothing more comes into a pane, and no older one is open: steps from sample to sample are made of samples.

        Accumulations count from an instant on (the beginning, unless `from_ms` says): samples before it are forgotten.
        """
        pane, start = self.panes[index], index * self.width_ms
        for accumulation in self.accumulations:
            accumulator = ACCUMULATORS[accumulation.accumulator]
            if not isinstance(accumulator, Steps) or accumulation not in pane.states:
                continue
            assert isinstance(accumulation, StepAccumulation)
            if start < from_ms.get(accumulation, start):
                del pane.states[accumulation]
                continue
            self.lasts[accumulation] = accumulator.settle(
                pane.states[accumulation],
                self.lasts.get(accumulation) or Last(),
                size,
                accumulation.gap_ms,
                accumulation.bits,
                start + self.width_ms,
            )

    def shrink(self, index: int) -> None:
        """A pane is final; one that nothing came into need not be there."""
        if self.is_long and index in self.panes:
            self.panes[index].shrink()

    def merge_pane(self, index: int, other: Pane, keys: npt.NDArray[np.intp] | None, size: int) -> None:
        """Add a pane of the same width (a partial) or a finer one (a roll-up, which needs no times)."""
        if not self.track_times:
            other = replace(other, first=other.first[:0], last=other.last[:0])
        self._pane(index).merge(other, keys, size, self.accumulations)

    def put(self, index: int, pane: Pane) -> None:
        """In the place of what may be there; no snapshot has seen the new one yet."""
        self.panes[index] = pane
        self.shrink(index)
        self._frozen.pop(index, None)

    def forget_windows(self) -> None:
        """Closed panes have changed."""
        self._windows.clear()

    def between(self, start_ms: int, end_ms: int) -> Iterator[Pane]:
        """The panes within [start, end), which are multiples of the width, in order of time."""
        for index in self.panes.within(start_ms // self.width_ms, end_ms // self.width_ms):
            yield self.panes[index]

    def counts(self, start_ms: int, end_ms: int, size: int) -> npt.NDArray[np.int64]:
        """Rows per key in a window."""
        total = np.zeros(size, np.int64)
        for pane in self.between(start_ms, end_ms):
            total[: len(pane.count)] += pane.count
        return total

    def read(
        self,
        accumulation: Accumulation,
        start_ms: int,
        end_ms: int,
        size: int,
        keys: npt.NDArray[np.intp] | None = None,
        reader: Hashable = None,
    ) -> State:
        """The merged state of a window of closed panes, for all keys or for `keys`; not to be changed by the caller.

        It is true until the same `reader` reads again: whoever moves a window on tells by that which one.
        """
        accumulator = ACCUMULATORS[accumulation.accumulator]
        first, last = start_ms // self.width_ms, end_ms // self.width_ms
        if accumulation.accumulator in EXACT and last - first > _MERGE_AT_MOST:
            state = self._sliding(accumulation).read(reader, first, last, size)
            return state if keys is None else accumulator.take(state, keys)
        state = accumulator.empty(size if keys is None else len(keys))
        for pane in self.between(start_ms, end_ms):
            if accumulation in pane.states:
                part = pane.states[accumulation]
                part = part if keys is None else accumulator.take(part, keys)
                state = accumulator.merge(state, part, None, size if keys is None else len(keys))
        return state

    def _sliding(self, accumulation: Accumulation) -> Sliding:
        windows = self._windows.get(accumulation)
        if windows is None:
            states = partial(self._states, accumulation)
            windows = self._windows[accumulation] = Sliding(accumulation.accumulator, states)
        return windows

    def _states(self, accumulation: Accumulation, first: int, last: int) -> Iterator[State]:
        for index in self.panes.within(first, last):
            state = self.panes[index].states.get(accumulation)
            if state is not None:
                yield state

    def drop_before(self, time_ms: int) -> None:
        """Forget panes that end at or before `time_ms`."""
        limit = time_ms // self.width_ms
        for index in self.panes.within(BEFORE_ALL, limit):
            del self.panes[index]
            self._frozen.pop(index, None)
        for windows in self._windows.values():
            windows.drop_before(limit)

    def picture(self, closed_ms: int) -> dict[int, object]:
        """All panes, for packing: those that end at or before `closed_ms` as they are, of the others a copy."""
        found: dict[int, object] = {}
        for index, pane in self.panes.items():
            if (index + 1) * self.width_ms > closed_ms:
                found[index] = _apart(pane.copy())
            else:
                found[index] = self._frozen.get(index) or self._freeze(index, pane)
        return found

    def _freeze(self, index: int, pane: Pane) -> object:
        picture = _apart(pane)
        if isinstance(picture, Frozen):
            self._frozen[index] = picture
        return picture

    def restore(self, panes: Any, size: int) -> None:
        """The inverse of `picture`; panes that are packed apart need not be written again."""
        for index, packed in panes.items():
            pane = self.panes[int(index)] = unpack_pane(thawed(packed), self.accumulations, size)
            if isinstance(packed, Frozen):
                self._frozen[index] = Frozen(partial(pack_pane, pane), place=packed.place)

    def packed_bytes(self) -> int:
        """About what its panes take in a snapshot: all keys are reckoned like the first ones of the newest pane."""
        if not self.panes:
            return 0
        newest = self.panes[max(self.panes)]
        some = np.arange(min(_SAMPLED_KEYS, len(newest.count)))
        keys = sum(len(pane.count) for pane in self.panes.values())
        return round(len(pack(pack_pane(newest.take(some)))) * keys / max(1, len(some)))

    def keep(self, accumulations: Sequence[Accumulation]) -> None:
        """Follow only these from here on; closed panes stay as they are until they are dropped."""
        for each in set(self.accumulations) - set(accumulations):
            self._windows.pop(each, None)
            self.lasts.pop(each, None)
        self.accumulations = tuple(accumulations)

    def first_pane_after(self, time_ms: int) -> int | None:
        """The start of the earliest pane that starts at or after `time_ms`."""
        index = self.panes.first_from(-(-time_ms // self.width_ms))
        return None if index is None else index * self.width_ms


def _no_times() -> tuple[Times, Times]:
    return np.zeros(0, np.int64), np.zeros(0, np.int64)


def _choose(groups: Rows, column: Column | None, time: Times, mask: npt.NDArray[np.bool_] | None) -> _Selection:
    if mask is None:
        return _Selection(groups, column, time)
    return _Selection(groups[mask], None if column is None else take(column, mask), time[mask])


def pack_pane(pane: Pane) -> list[object]:
    """A pane as packable values; states go by the tags of their accumulations."""
    states = {a.tag: ACCUMULATORS[a.accumulator].pack(state) for a, state in pane.states.items()}
    return [pane.count, pane.first, pane.last, states]


def unpack_pane(packed: Sequence[Any], accumulations: Iterable[Accumulation], size: int) -> Pane:
    """The inverse, for at most `size` keys; states of other accumulations are left out.

    Raises ValueError or TypeError for what is no pane.
    """
    count, first, last, states = packed
    times = len(array_of(first, np.int64, size))
    if len(array_of(last, np.int64, size)) != times or times > len(integers_of(count, size)):
        raise ValueError("a pane without its times")
    known = {accumulation.tag: accumulation for accumulation in accumulations}
    found = {a: ACCUMULATORS[a.accumulator].unpack(states[tag], size) for tag, a in known.items() if tag in states}
    return Pane(count, first, last, found)


def _apart(pane: Pane) -> object:
    """A pane of many keys is packed apart; to do so with each small one would cost more than it spares."""
    return pack_pane(pane) if len(pane.count) < _MANY_KEYS else Frozen(partial(pack_pane, pane))
