"""Steps from each sample of a series to the next: the order of samples counts, and yet no order of arrival shows.

An open pane keeps its samples. When the watermark has passed it they are put in order of (time, value), each is
compared with the one before it in its series, be it in an older pane, and the steps are added up exactly. A step is of
the pane of its later sample, so windows add up: what grew in one minute and in the next grew in both together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.aggregates import exact
from streamwatchd.aggregates.accumulator import Index, State, array_of, grown, integers_of, shrunk, widened
from streamwatchd.aggregates.sketch import hash_of
from streamwatchd.batch import Column, Numbers, Rows, Strings, Times

Codes = npt.NDArray[np.int64]
Samples = tuple[Codes, Times, npt.NDArray[Any]]
"""Codes of series, event times, values: numbers, or hashes of texts."""

SERIES_BITS = 36
"""A code is the key id and so many bits of the hash of what tells the series of a key apart."""

_SAMPLES, _STEPS, _SEEN = 1_000, 1_001, 1_002
"""Entries of a state beside the bins of a sum: open samples; the number of steps, of changes; of samples."""

_MOST_CHUNKS = 64
_MOST_ROWS = 2**18


@dataclass(slots=True)
class Last:
    """The last sample of each series before the panes that are open; codes ascend. Arrays are never changed."""

    codes: Codes = field(default_factory=lambda: np.zeros(0, np.int64))
    times: Times = field(default_factory=lambda: np.zeros(0, np.int64))
    values: npt.NDArray[Any] = field(default_factory=lambda: np.zeros(0, np.float64))

    def of(self, codes: Codes) -> tuple[npt.NDArray[np.bool_], Times, npt.NDArray[Any]]:
        """Which of these have one, its time and value."""
        if not len(self.codes):
            return np.zeros(len(codes), bool), np.zeros(len(codes), np.int64), np.zeros(len(codes), self.values.dtype)
        at = np.minimum(np.searchsorted(self.codes, codes), len(self.codes) - 1)
        return self.codes[at] == codes, self.times[at], self.values[at]

    def followed_by(self, newer: Samples, from_ms: int) -> Last:
        """With newer last samples, whose codes ascend; those from before an instant are let go."""
        codes, times, values = newer
        kept = (self.times >= from_ms) & ~np.isin(self.codes, codes)
        codes, times = np.concatenate([self.codes[kept], codes]), np.concatenate([self.times[kept], times])
        values = np.concatenate([self.values[kept].astype(values.dtype, copy=False), values])
        order = np.argsort(codes, kind="stable")
        return Last(codes[order], times[order], values[order])

    def pack(self) -> list[object]:
        return [self.codes, self.times, self.values]

    @classmethod
    def unpack(cls, packed: Any) -> Last:
        """Raises ValueError for what `pack` gives not."""
        return cls(*_checked(packed, 2**62))


def _checked(packed: Any, most: int) -> Samples:
    codes, times, values = packed
    array_of(codes, np.int64, most)
    array_of(times, np.int64, len(codes))
    if not isinstance(values, np.ndarray) or values.dtype not in (np.float64, np.uint64):
        raise ValueError("not the values of samples")
    if not len(codes) == len(times) == len(values):
        raise ValueError("samples of unequal length")
    return codes, times, values


class Steps:
    """Base. State: a dict of arrays by number with one entry a key, and in open panes the samples by `_SAMPLES`."""

    def empty(self, size: int) -> State:
        return {}

    def reduce(self, groups: Rows, size: int, column: Column | None, time: Times) -> State:
        """All samples of a key are one series."""
        return self.reduce_series(groups, column, time, None)

    def reduce_series(self, groups: Rows, column: Column | None, time: Times, series: Codes | None) -> State:
        assert column is not None
        values = hash_of(column) if isinstance(column, Strings) else column.astype(np.float64) + 0.0  # −0 is 0
        codes = groups.astype(np.int64) << SERIES_BITS
        return {_SAMPLES: [(codes if series is None else codes | series, time, values)]}

    def settle(self, state: State, last: Last, size: int, gap_ms: int, bits: int, end_ms: int) -> Last:
        """Of a pane that ends at `end_ms`, of `size` keys: steps for samples, in `state`; the last ones after it."""
        samples = state.pop(_SAMPLES, None)
        if samples is None:
            return last
        codes, times, values = _joined(samples)
        if not len(codes):
            return last
        order = np.lexsort((values, times, codes))
        codes, times, values = codes[order], times[order], values[order]
        begins = np.ones(len(codes), bool)
        begins[1:] = codes[1:] != codes[:-1]
        before_times, before = np.roll(times, 1), np.roll(values, 1)
        known, last_times, last_values = last.of(codes[begins])
        before_times[begins], before[begins] = last_times, last_values
        steps = ~begins
        steps[begins] = known
        steps &= times - before_times <= gap_ms
        self.add_steps(state, (codes >> SERIES_BITS).astype(np.intp), size, steps, before, values, bits)
        ends = np.append(begins[1:], True)
        return last.followed_by((codes[ends], times[ends], values[ends]), end_ms - gap_ms)

    def add_steps(
        self,
        state: State,
        keys: Index,
        size: int,
        steps: npt.NDArray[np.bool_],
        before: npt.NDArray[Any],
        values: npt.NDArray[Any],
        bits: int,
    ) -> None:
        """Samples with their keys, the values before them and which of these count."""
        raise NotImplementedError

    def merge(self, state: State, other: State, keys: Index | None, size: int) -> State:
        for number, part in other.items():
            if number == _SAMPLES:
                mine = state.setdefault(_SAMPLES, [])
                mine.extend(part if keys is None else _moved(part, keys))
                if len(mine) > _MOST_CHUNKS:
                    mine[:] = [_joined(mine)]
                continue
            sums = state.get(number)
            sums = np.zeros(size, np.int64) if sums is None else widened(sums, size)
            if keys is None:
                sums[: len(part)] += part
            else:
                sums[keys] += part
            state[number] = sums
        return state

    def take(self, state: State, keys: Index) -> State:
        size = int(keys.max(initial=-1)) + 1
        taken: dict[int, Any] = {n: grown(part, size, 0)[keys] for n, part in state.items() if n != _SAMPLES}
        samples = list(_chosen(state.get(_SAMPLES, []), keys))
        return taken | {_SAMPLES: samples} if samples else taken

    def copy(self, state: State) -> State:
        return {n: list(part) if n == _SAMPLES else part.copy() for n, part in state.items()}

    def shrink(self, state: State) -> State:
        if _SAMPLES in state:
            return state
        sums = exact.carried({n: part for n, part in state.items() if exact.is_bin(n)})
        counts = {n: part for n, part in state.items() if not exact.is_bin(n)}
        return {n: shrunk(part) for n, part in (sums | counts).items()}

    def pack(self, state: State) -> object:
        return {n: list(_joined(part)) if n == _SAMPLES else part for n, part in state.items()}

    def unpack(self, packed: Any, size: int) -> State:
        if not isinstance(packed, dict):
            raise ValueError("not steps")
        state: dict[int, Any] = {}
        for number, part in packed.items():
            if number == _SAMPLES:
                samples = _checked(part, 2**62)
                keys = samples[0] >> SERIES_BITS
                if len(keys) and not 0 <= int(keys.min()) <= int(keys.max()) < size:
                    raise ValueError("samples of keys that are not there")
                state[number] = [samples]
            elif number in (_STEPS, _SEEN) or exact.is_bin(number):
                state[number] = integers_of(part, size)
            else:
                raise ValueError("not the sums of steps")
        return state


def _joined(samples: list[Samples]) -> Samples:
    if len(samples) == 1:
        return samples[0]
    codes, times, values = (np.concatenate(parts) for parts in zip(*samples, strict=True))
    return codes, times, values


def _moved(samples: list[Samples], keys: Index) -> Iterator[Samples]:
    """With group i of key keys[i]."""
    for codes, times, values in samples:
        series = codes & ((1 << SERIES_BITS) - 1)
        yield keys[codes >> SERIES_BITS].astype(np.int64) << SERIES_BITS | series, times, values


def _chosen(samples: list[Samples], keys: Index) -> Iterator[Samples]:
    """Those of `keys`, which become 0, 1, …"""
    for codes, times, values in samples:
        groups = codes >> SERIES_BITS
        places = np.full(int(max(keys.max(initial=-1), groups.max(initial=-1))) + 1, -1, np.int64)
        places[keys] = np.arange(len(keys))
        there = np.flatnonzero(places[groups] >= 0)
        if len(there):
            series = codes[there] & ((1 << SERIES_BITS) - 1)
            yield places[groups[there]] << SERIES_BITS | series, times[there], values[there]


class Increase(Steps):
    """What a counter grew by. A fall is a restart at 0, or a wrap where that is short."""

    def add_steps(
        self,
        state: State,
        keys: Index,
        size: int,
        steps: npt.NDArray[np.bool_],
        before: npt.NDArray[Any],
        values: npt.NDArray[Any],
        bits: int,
    ) -> None:
        rows = np.flatnonzero(steps)
        if not len(rows):
            return
        keys, before, values = keys[rows], before[rows], values[rows]
        self.merge(state, {_STEPS: np.bincount(keys, minlength=size).astype(np.int64)}, None, size)
        base = np.where(values >= before, before, 0.0)
        if bits:
            whole = float(2**bits)
            wraps = (values < before) & (before < whole) & (whole - before + values < whole / 2)
            base = np.where(wraps, before - whole, base)
        for at in range(0, len(rows), _MOST_ROWS):
            part = slice(at, at + _MOST_ROWS)
            for terms in (values[part], -base[part]):
                self.merge(state, exact.sum_by_group(keys[part], size, terms), None, size)


def increases(state: State, size: int) -> Numbers:
    """NaN where there was no step."""
    steps = grown(state.get(_STEPS, np.zeros(0, np.int64)), size, 0)[:size]
    sums = exact.to_float({number: part for number, part in state.items() if exact.is_bin(number)}, size)
    return np.where(steps > 0, sums, np.nan)


class Changes(Steps):
    """How often a sample differs from the one before it."""

    def add_steps(
        self,
        state: State,
        keys: Index,
        size: int,
        steps: npt.NDArray[np.bool_],
        before: npt.NDArray[Any],
        values: npt.NDArray[Any],
        bits: int,
    ) -> None:
        changed = keys[steps & (values != before)]
        found = {
            _STEPS: np.bincount(changed, minlength=size).astype(np.int64),
            _SEEN: np.bincount(keys, minlength=size).astype(np.int64),
        }
        self.merge(state, found, None, size)


def changes(state: State, size: int) -> Numbers:
    """NaN where there was no sample."""
    none = np.zeros(0, np.int64)
    seen = grown(state.get(_SEEN, none), size, 0)[:size]
    return np.where(seen > 0, grown(state.get(_STEPS, none), size, 0)[:size].astype(np.float64), np.nan)


def series_codes(columns: list[Column], rows: int) -> Codes:
    """`SERIES_BITS` of a hash of these values, a row; what is null is a value like others."""
    mixed = np.zeros(rows, np.uint64)
    for column in columns:
        if isinstance(column, Strings):
            hashes = np.ones(rows, np.uint64)
            there = column.codes >= 0
            hashes[there] = hash_of(column.take(there))
        else:
            hashes = hash_of(column)
        mixed = (mixed * np.uint64(0x9E3779B97F4A7C15)) ^ (hashes + (mixed >> np.uint64(29)))
    return (mixed >> np.uint64(64 - SERIES_BITS)).astype(np.int64)
