"""What a straight line through the values needs: their number and the sums of t, t², x and x·t, exact in any order.

Times are ms since the epoch. A product of two doubles is the sum of two doubles without a rest (Dekker, "A
floating-point technique for extending the available precision", 1971), and sums are exact (`exact.py`). So slopes are
quotients of whole numbers, rounded once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from streamwatchd.aggregates import exact
from streamwatchd.aggregates.accumulator import State, Sum, integers_of, shrunk
from streamwatchd.batch import Column, Numbers, Rows, Times

_KINDS = 5
_APART = 256
"""Bins of the sums of 1, t, t², x and x·t have numbers this far apart."""

_SPLIT = float(2**27 + 1)
_LARGEST = 1e280
"""Values beyond are left out: their products would not be finite."""


class Line(Sum):
    """Sums of 1, t, t², x and x·t."""

    def reduce(self, groups: Rows, size: int, column: Column | None, time: Times) -> State:
        assert isinstance(column, np.ndarray)
        values, times = column.astype(np.float64, copy=False), time.astype(np.float64)
        fit = np.abs(values) <= _LARGEST
        if not fit.all():
            groups, values, times = groups[fit], values[fit], times[fit]
        state: dict[int, Any] = {}
        terms = ((np.ones(len(times)),), (times,), _product(times, times), (values,), _product(values, times))
        for kind, parts in enumerate(terms):
            for part in parts:
                found = exact.sum_by_group(groups, size, part)
                self.merge(state, {kind * _APART + number: sums for number, sums in found.items()}, None, size)
        return state

    def shrink(self, state: State) -> State:
        parts = (exact.carried(bins) for bins in _by_kind(state))
        return {kind * _APART + n: shrunk(sums) for kind, bins in enumerate(parts) for n, sums in bins.items()}

    def unpack(self, packed: Any, size: int) -> State:
        if not isinstance(packed, dict) or not all(_is_bin(number) for number in packed):
            raise ValueError("not the bins of a line")
        return {number: integers_of(sums, size) for number, sums in packed.items()}


def _is_bin(number: object) -> bool:
    if not isinstance(number, int):
        return False
    kind = (number + _APART // 2) // _APART
    return 0 <= kind < _KINDS and exact.is_bin(number - kind * _APART)


def _product(one: Numbers, other: Numbers) -> tuple[Numbers, Numbers]:
    """The product, and what rounding took from it."""
    product = one * other
    high, low = _halves(one)
    other_high, other_low = _halves(other)
    rest = ((high * other_high - product) + high * other_low + low * other_high) + low * other_low
    return product, rest


def _halves(values: Numbers) -> tuple[Numbers, Numbers]:
    scaled = values * _SPLIT
    high = scaled - (scaled - values)
    return high, values - high


def fits(state: State, size: int) -> Iterator[tuple[int, int, int, int, int, int, int]]:
    """(key, n, Σt, Σx, n·Σx·t − Σt·Σx, n·Σt² − (Σt)², scale) of each key with two values at different times.

    The sums of x are whole numbers of 1 / scale.
    """
    bins = _by_kind(state)
    lowest = min([*bins[3], *bins[4], 0])
    counts, t, tt = (exact.to_integers(bins[kind], size, 0) for kind in (0, 1, 2))
    x, xt = (exact.to_integers(bins[kind], size, lowest) for kind in (3, 4))
    for key in np.flatnonzero(counts >= 2).tolist():
        n = counts[key]
        spread = n * tt[key] - t[key] ** 2
        if spread:
            yield key, n, t[key], x[key], n * xt[key] - t[key] * x[key], spread, 1 << (-exact.BIN_BITS * lowest)


def _by_kind(state: State) -> list[exact.Bins]:
    bins: list[exact.Bins] = [{} for _ in range(_KINDS)]
    for number, sums in state.items():
        kind = (number + _APART // 2) // _APART
        bins[kind][number - kind * _APART] = sums
    return bins


def quotient(numerator: int, denominator: int) -> float:
    """The nearest double; NaN where it is not finite."""
    try:
        return numerator / denominator
    except OverflowError:
        return float("nan")
