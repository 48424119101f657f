"""Sums that do not depend on order, because they are exact.

A double is an integer of 53 bits times a power of two, so it lies in at most three bins of 32 bits: with
b = floor(floor(log2 |v|) / 32) it is v = p₀·2^(32·b) + p₁·2^(32·(b−1)) + p₂·2^(32·(b−2)) with integers |pᵢ| ≤ 2^32.
Integers add exactly in any order, so a sum is a function of the multiset of values, rounded once when it is read.
(The idea is Kulisch's superaccumulator; Neal, "Fast exact summation using small and large superaccumulators", 2015.)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import Numbers, Rows

BIN_BITS = 32
_BIN = float(2**BIN_BITS)
_SPLIT = float(2**27 + 1)

Bins = dict[int, npt.NDArray[np.int64]]
Integers = npt.NDArray[np.int64]


_FIRST_BIN, _LAST_BIN = -40, 40
"""Beyond the bins that doubles reach: 1074 / 32 = 34."""


def is_bin(number: object) -> bool:
    return isinstance(number, int) and _FIRST_BIN <= number <= _LAST_BIN


def sum_by_group(groups: Rows, size: int, values: Numbers) -> Bins:
    """Exact sums of `values` (no NaN) per group, as integers per bin. At most 2^20 rows a call."""
    bins: Bins = {}
    for top, rows in _by_top_bin(values):
        part = values if rows is None else values[rows]
        where = groups if rows is None else groups[rows]
        _split_into(bins, where, size, part, top)
    return bins


def _by_top_bin(values: Numbers) -> list[tuple[int, npt.NDArray[np.bool_] | None]]:
    if not len(values):
        return []
    magnitude = np.abs(values)
    if float(magnitude.max()) < _BIN and bool(((magnitude >= 1.0) | (magnitude == 0.0)).all()):
        return [(0, None)]
    _, exponent = np.frexp(magnitude)
    tops = (exponent - 1) // BIN_BITS
    tops[magnitude == 0.0] = 0
    return [(int(top), tops == top) for top in np.unique(tops)]


def _split_into(bins: Bins, groups: Rows, size: int, values: Numbers, top: int) -> None:
    rest = np.ldexp(values, -BIN_BITS * top) if top else values
    for number in range(top, top - 3, -1):
        part = np.trunc(rest)
        sums = np.bincount(groups, part, size).astype(np.int64)
        bins[number] = bins[number] + sums if number in bins else sums
        rest = rest - part
        if not rest.any():
            return
        rest *= _BIN


def add_bins(into: Bins, other: Bins, size: int) -> None:
    """into += other; arrays of `other` may be shorter than `size`."""
    for number, sums in other.items():
        mine = into.get(number)
        if mine is None:
            mine = into[number] = np.zeros(size, np.int64)
        mine[: len(sums)] += sums


def to_float(bins: Bins, size: int) -> Numbers:
    """The sums as float64, the same for the same exact total however it is spread over bins."""
    if not bins:
        return np.zeros(size)
    digits, carry = _canonical(bins, size)
    negative = carry < 0
    if negative.any():
        signed = {n: s.astype(np.int64, copy=False) for n, s in bins.items()}
        digits, carry = _canonical({n: np.where(negative[: len(s)], -s, s) for n, s in signed.items()}, size)
    high = max(bins)
    result = np.zeros(size)
    if carry.any():
        result += np.ldexp(carry.astype(np.float64), BIN_BITS * (high + 1))
    for number, digit in reversed(digits):
        result += np.ldexp(digit.astype(np.float64), BIN_BITS * number)
    return np.where(negative, -result, result)


def carried(bins: Bins) -> Bins:
    """The same sums with digits in [0, 2^32) in all bins but the highest, and no bin that is 0 throughout.

    A value of few bins needs no more than four bytes in each of them then, however it was added up.
    """
    if not bins:
        return {}
    digits, carry = _canonical(bins, max(map(len, bins.values())))
    number, highest = digits[-1]
    digits[-1] = number, highest + (carry << BIN_BITS)
    return {number: sums for number, sums in digits if sums.any()}


def _canonical(bins: Bins, size: int) -> tuple[list[tuple[int, Integers]], Integers]:
    """Digits in [0, 2^32) per bin, lowest first, and the carry out of the highest (negative for negative totals)."""
    carry = np.zeros(size, np.int64)
    digits: list[tuple[int, Integers]] = []
    for number in range(min(bins), max(bins) + 1):
        total = carry.copy()
        if number in bins:
            total[: len(bins[number])] += bins[number]
        carry = total >> BIN_BITS
        digits.append((number, total & (2**BIN_BITS - 1)))
    return digits, carry


def to_integers(bins: Bins, size: int, lowest: int) -> npt.NDArray[np.object_]:
    """The sums as Python integers in units of 2^(32·lowest); `lowest` must not lie above any bin."""
    total = np.zeros(size, np.int64).astype(object)
    for number, sums in bins.items():
        there = np.flatnonzero(sums[:size])
        total[there] += sums[there].astype(object) << (BIN_BITS * (number - lowest))
    return total


def cut_to_26_bits(values: Numbers) -> Numbers:
    """Rounded to 26 significant bits (Veltkamp's splitting), so that the square is exact in a double."""
    scaled = values * _SPLIT
    return scaled - (scaled - values)


def variances(sums: Bins, squares: Bins, counts: Numbers, size: int) -> Numbers:
    """Population variances from exact sums of values and of their squares; NaN where the count is 0."""
    lowest = min([*sums, *squares, 0])
    total = to_integers(sums, size, lowest)
    square = to_integers(squares, size, 2 * lowest)
    result = np.full(size, np.nan)
    here = np.flatnonzero(counts > 0)
    n = counts[here].astype(np.int64).astype(object)
    spread = n * square[here] - total[here] * total[here]
    result[here] = (spread / (n * n * (1 << (-2 * lowest * BIN_BITS)))).astype(np.float64)
    return result
