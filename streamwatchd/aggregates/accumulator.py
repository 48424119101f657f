"""Accumulators: what a pane keeps per key. Every one merges, so panes of several partitions and widths combine.

An accumulator is stateless; its state for `size` keys is a `State` that it makes, merges and packs. Row groups are
integers in [0, size).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from streamwatchd.aggregates import exact
from streamwatchd.batch import Column, Dictionary, Numbers, Rows, Strings, Times
from streamwatchd.lang.typed import Kind

State = Any
"""The state of one accumulator for one pane; only its own accumulator looks inside."""

Index = npt.NDArray[np.intp]


class Accumulator(Protocol):
    def empty(self, size: int) -> State:
        """No values yet."""

    def reduce(self, groups: Rows, size: int, column: Column | None, time: Times) -> State:
        """Rows grouped; `column` has no nulls."""

    def merge(self, state: State, other: State, keys: Index | None, size: int) -> State:
        """`state` for `size` keys plus `other`, whose group i is key keys[i] (None: i). May change `state`."""

    def take(self, state: State, keys: Index) -> State:
        """The part of `keys`, which become 0, 1, …"""

    def copy(self, state: State) -> State:
        """One that later merges into `state` do not reach."""

    def shrink(self, state: State) -> State:
        """The same in fewer bytes, for panes that are kept for long; may share arrays with `state`."""

    def pack(self, state: State) -> object:
        """For `packing.pack`."""

    def unpack(self, packed: Any, size: int) -> State:
        """The inverse, for at most `size` keys; raises ValueError or TypeError for anything that `pack` gives not."""


_EDGES = (float, str, bool, int, type(None))


def array_of(value: Any, dtype: npt.DTypeLike, most: int) -> npt.NDArray[Any]:
    """`value`, when it is an array of this type with at most so many entries; raises ValueError otherwise."""
    if not isinstance(value, np.ndarray) or value.dtype != dtype or len(value) > most:
        raise ValueError(f"not an array of at most {most} {np.dtype(dtype).name}")
    return value


def _scatter(target: npt.NDArray[Any], keys: Index | None, length: int) -> npt.NDArray[Any]:
    return target[:length] if keys is None else target[keys]


def integers_of(value: Any, most: int) -> npt.NDArray[Any]:
    """`value`, when it is an array of integers, `shrunk` or not, as `array_of` checks it."""
    if not isinstance(value, np.ndarray) or value.dtype not in (np.int64, *_SHORTER):
        raise ValueError("not an array of integers")
    return array_of(value, value.dtype, most)


_SHORTER = (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32)
"""Types of integers that are shorter than int64; sums of them are made in int64, which holds all of them."""
_BOUNDS = tuple((np.dtype(each), int(np.iinfo(each).min), int(np.iinfo(each).max)) for each in _SHORTER)
"""Each with its least and its greatest number."""


def shrunk(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The integers in the shortest type that holds them all."""
    low, high = (int(array.min()), int(array.max())) if len(array) else (0, 0)
    return next((array.astype(dtype) for dtype, least, most in _BOUNDS if least <= low and high <= most), array)


def widened(array: npt.NDArray[Any], size: int) -> npt.NDArray[np.int64]:
    """The integers as int64 with at least `size` entries: what can be added to."""
    return grown(array.astype(np.int64, copy=False), size, 0)


def grown(array: npt.NDArray[Any], size: int, fill: object) -> npt.NDArray[Any]:
    """The array with at least `size` entries."""
    if len(array) >= size:
        return array
    bigger = np.full(size, fill, array.dtype)
    bigger[: len(array)] = array
    return bigger


class Count:
    """Number of rows."""

    def empty(self, size: int) -> State:
        return np.zeros(size, np.int64)

    def reduce(self, groups: Rows, size: int, column: Column | None, time: Times) -> State:
        return np.bincount(groups, minlength=size).astype(np.int64, copy=False)

    def merge(self, state: State, other: State, keys: Index | None, size: int) -> State:
        state = widened(state, size)
        if keys is None:
            state[: len(other)] += other
        else:
            state[keys] += other
        return state

    def take(self, state: State, keys: Index) -> State:
        return grown(state, int(keys.max(initial=-1)) + 1, 0)[keys]

    def copy(self, state: State) -> State:
        return state.copy()

    def shrink(self, state: State) -> State:
        return shrunk(state)

    def pack(self, state: State) -> object:
        return state

    def unpack(self, packed: Any, size: int) -> State:
        return integers_of(packed, size)


class Sum:
    """Exact sums per bin."""

    def empty(self, size: int) -> State:
        return {}

    def values(self, column: Numbers) -> Numbers:
        return column

    def reduce(self, groups: Rows, size: int, column: Column | None, time: Times) -> State:
        assert isinstance(column, np.ndarray)
        return exact.sum_by_group(groups, size, self.values(column.astype(np.float64, copy=False)))

    def merge(self, state: State, other: State, keys: Index | None, size: int) -> State:
        for number, sums in other.items():
            mine = state.get(number)
            mine = np.zeros(size, np.int64) if mine is None else widened(mine, size)
            if keys is None:
                mine[: len(sums)] += sums
            else:
                mine[keys] += sums
            state[number] = mine
        return state

    def take(self, state: State, keys: Index) -> State:
        size = int(keys.max(initial=-1)) + 1
        return {number: grown(sums, size, 0)[keys] for number, sums in state.items()}

    def copy(self, state: State) -> State:
        return {number: sums.copy() for number, sums in state.items()}

    def shrink(self, state: State) -> State:
        return {number: shrunk(sums) for number, sums in exact.carried(state).items()}

    def pack(self, state: State) -> object:
        return state

    def unpack(self, packed: Any, size: int) -> State:
        if not isinstance(packed, dict) or not all(exact.is_bin(number) for number in packed):
            raise ValueError("not the bins of a sum")
        return {number: integers_of(sums, size) for number, sums in packed.items()}


class RoughSum(Sum):
    """Sums of values cut to 26 significant bits, for variances."""

    def values(self, column: Numbers) -> Numbers:
        return exact.cut_to_26_bits(column)


class SquareSum(Sum):
    """Exact sums of the squares of values cut to 26 significant bits."""

    def values(self, column: Numbers) -> Numbers:
        cut = exact.cut_to_26_bits(column)
        return cut * cut


class Extreme:
    """Least or greatest value."""

    def __init__(self, *, greatest: bool) -> None:
        self._fill = -np.inf if greatest else np.inf
        self._ufunc = np.maximum if greatest else np.minimum

    def empty(self, size: int) -> State:
        return np.full(size, self._fill)

    def reduce(self, groups: Rows, size: int, column: Column | None, time: Times) -> State:
        assert isinstance(column, np.ndarray)
        state = self.empty(size)
        self._ufunc.at(state, groups, column)
        return state

    def merge(self, state: State, other: State, keys: Index | None, size: int) -> State:
        state = grown(state, size, self._fill)
        if keys is None:
            state[: len(other)] = self._ufunc(state[: len(other)], other)
        else:
            state[keys] = self._ufunc(state[keys], other)
        return state

    def take(self, state: State, keys: Index) -> State:
        return grown(state, int(keys.max(initial=-1)) + 1, self._fill)[keys]

    def copy(self, state: State) -> State:
        return state.copy()

    def shrink(self, state: State) -> State:
        return state

    def pack(self, state: State) -> object:
        return state

    def unpack(self, packed: Any, size: int) -> State:
        return array_of(packed, np.float64, size)


_NO_TIME = np.iinfo(np.int64).min


class Edge:
    """The value at the least (`last=False`) or greatest event time; ties go to the least or greatest value.

    State: (times, values); values are float64, or Python strings in an object array. An empty entry has time
    `_NO_TIME`.
    """

    def __init__(self, *, last: bool) -> None:
        self._last = last

    def empty(self, size: int) -> State:
        return np.full(size, _NO_TIME, np.int64), np.full(size, None, object)

    def reduce(self, groups: Rows, size: int, column: Column | None, time: Times) -> State:
        values = _objects(column)
        times, chosen = self.empty(size)
        ranks = _ranks(column)
        order = np.lexsort((ranks, time, groups))
        ordered = groups[order]
        edge = np.ones(len(order), bool)
        if self._last:
            edge[:-1] = ordered[1:] != ordered[:-1]
        else:
            edge[1:] = ordered[1:] != ordered[:-1]
        picked = order[edge]
        times[groups[picked]] = time[picked]
        chosen[groups[picked]] = values(picked)
        return times, chosen

    def merge(self, state: State, other: State, keys: Index | None, size: int) -> State:
        times, values = grown(state[0], size, _NO_TIME), grown(state[1], size, None)
        their_times, their_values = other
        index = np.arange(len(their_times)) if keys is None else keys
        known = their_times != _NO_TIME
        index, their_times, their_values = index[known], their_times[known], their_values[known]
        mine = times[index]
        better = (mine == _NO_TIME) | ((their_times > mine) if self._last else (their_times < mine))
        for i in np.flatnonzero(their_times == mine).tolist():
            a, b = values[index[i]], their_values[i]
            better[i] = b > a if self._last else b < a
        times[index[better]] = their_times[better]
        values[index[better]] = their_values[better]
        return times, values

    def take(self, state: State, keys: Index) -> State:
        size = int(keys.max(initial=-1)) + 1
        return grown(state[0], size, _NO_TIME)[keys], grown(state[1], size, None)[keys]

    def copy(self, state: State) -> State:
        return state[0].copy(), state[1].copy()

    def shrink(self, state: State) -> State:
        return state

    def pack(self, state: State) -> object:
        return [state[0], state[1].tolist()]

    def unpack(self, packed: Any, size: int) -> State:
        times, chosen = array_of(packed[0], np.int64, size), packed[1]
        if len(chosen) != len(times) or not all(isinstance(each, _EDGES) for each in chosen):
            raise ValueError("not the values of a first or last")
        values = np.empty(len(chosen), object)
        values[:] = chosen
        return times, values


def _objects(column: Column | None) -> Any:
    if isinstance(column, Strings):
        names, codes = column.dictionary.names, column.codes
        return lambda rows: [names[code] for code in codes[rows].tolist()]
    assert column is not None
    return lambda rows: column[rows].astype(object)


def _ranks(column: Column | None) -> npt.NDArray[Any]:
    if isinstance(column, Strings):
        used = np.unique(column.codes)
        order = sorted(used.tolist(), key=lambda code: column.dictionary.names[code])
        lut = np.zeros(int(used.max(initial=0)) + 1, np.int64)
        lut[order] = np.arange(len(order))
        return lut[column.codes]
    assert column is not None
    return column


class Pairs:
    """Base of the sparse ones: sorted unique (key, item) pairs with a weight each.

    State: list of chunks (keys int64, items, weights int64), compacted when read; a chunk is never changed.
    """

    dtypes: tuple[npt.DTypeLike, ...] = (np.dtype(np.int64),)
    """Of the items; what has none yet is of the first."""

    def items(self, column: Column) -> npt.NDArray[Any]:
        raise NotImplementedError

    def empty(self, size: int) -> State:
        return []

    def reduce(self, groups: Rows, size: int, column: Column | None, time: Times) -> State:
        assert column is not None
        return [_compact(groups.astype(np.int64), self.items(column), np.ones(len(groups), np.int64))]

    def merge(self, state: State, other: State, keys: Index | None, size: int) -> State:
        for groups, items, weights in other:
            state.append((groups if keys is None else keys[groups].astype(np.int64), items, weights))
        if len(state) > 8:
            state[:] = [compacted(state)]
        return state

    def take(self, state: State, keys: Index) -> State:
        groups, items, weights = compacted(state)
        lut = np.full(int(max(keys.max(initial=-1), groups.max(initial=-1))) + 1, -1, np.int64)
        lut[keys] = np.arange(len(keys))
        inside = lut[groups] >= 0
        return [_compact(lut[groups[inside]], items[inside], weights[inside])]

    def copy(self, state: State) -> State:
        return list(state)

    def shrink(self, state: State) -> State:
        return [compacted(state)]

    def pack(self, state: State) -> object:
        return list(compacted(state))

    def unpack(self, packed: Any, size: int) -> State:
        keys, items, weights = packed
        array_of(keys, np.int64, len(keys))
        array_of(weights, np.int64, len(keys))
        if len(keys) and not 0 <= int(keys.min()) <= int(keys.max()) < size:
            raise ValueError("pairs of keys that are not there")
        if not len(keys) == len(items) == len(weights) or items.dtype not in self.dtypes:
            raise ValueError("pairs of another kind")
        return [(keys, items, weights)]


Chunk = tuple[npt.NDArray[np.int64], npt.NDArray[Any], npt.NDArray[np.int64]]


def _compact(groups: npt.NDArray[np.int64], items: npt.NDArray[Any], weights: npt.NDArray[np.int64]) -> Chunk:
    order = np.lexsort((items, groups))
    groups, items, weights = groups[order], items[order], weights[order]
    new = np.ones(len(groups), bool)
    new[1:] = (groups[1:] != groups[:-1]) | (items[1:] != items[:-1])
    starts = np.flatnonzero(new)
    summed = np.add.reduceat(weights, starts) if len(starts) else weights
    return groups[starts], items[starts], summed


def compacted(chunks: Sequence[Chunk]) -> Chunk:
    """All chunks as one."""
    if not chunks:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64)
    if len(chunks) == 1:
        return chunks[0]
    groups, items, weights = (np.concatenate(parts) for parts in zip(*chunks, strict=True))
    return _compact(groups, items, weights)


def edge_values(state: State, size: int, kind: Kind) -> Column:
    """The values of an `Edge` as a column of `size` entries of the given kind."""
    values = grown(state[1], size, None)[:size].tolist()
    if kind is Kind.STRING:
        dictionary = Dictionary()
        return Strings(dictionary.encode(values), dictionary)
    if kind is Kind.BOOL:
        return np.array([1 if value is None else value for value in values], np.int8)
    return np.array(values, np.float64)
