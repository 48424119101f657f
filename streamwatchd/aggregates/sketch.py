"""The mergeable sketches: percentiles from 1 % log buckets, distinct counts from hashes.

Percentile: with γ = 1.01 a value v > 0 lies in bucket k, the smallest integer with 1.01^k ≥ v (boundaries are the
doubles `1.01 ** k`); its stand-in is the bucket's middle 2·γ^k / (γ + 1). Zero is itself, negatives mirror. The answer
is the stand-in of the value of rank ceil(q·n), so within 1 % of the exact nearest-rank percentile (DDSketch, VLDB
2019).

Distinct: exact up to 1,024 different values, then HyperLogLog (Flajolet et al., 2007) with 4,096 registers over the
first 8 bytes, little-endian, of BLAKE2b-64 of the value (strings as UTF-8, numbers as IEEE doubles, −0 as 0).
"""

from __future__ import annotations

import hashlib
import math
import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.aggregates.accumulator import Pairs, State, compacted
from streamwatchd.batch import Column, Dictionary, Numbers, Strings

GAMMA = 1.01
_LOWEST, _HIGHEST = -4_800, 7_200
_BOUNDARIES = np.array([GAMMA**k for k in range(_LOWEST, _HIGHEST + 1)])
_OFFSET = 1 - _LOWEST
EXACT_DISTINCT = 1_024
_REGISTERS = 4_096


def bucket_of(values: Numbers) -> npt.NDArray[np.int64]:
    """A signed bucket number: its order is the order of the values."""
    magnitude = np.abs(values)
    bucket = np.searchsorted(_BOUNDARIES, magnitude, side="left") + 1
    return np.where(magnitude == 0.0, 0, np.where(values < 0, -bucket, bucket)).astype(np.int64)


def middle_of(bucket: npt.NDArray[np.int64]) -> Numbers:
    """The stand-in for the values of a bucket."""
    index = np.clip(np.abs(bucket) - 1, 0, len(_BOUNDARIES) - 1)
    middle = 2.0 * _BOUNDARIES[index] / (GAMMA + 1.0)
    return np.where(bucket == 0, 0.0, np.copysign(middle, bucket))


class Histogram(Pairs):
    """Counts per log bucket."""

    def items(self, column: Column) -> npt.NDArray[Any]:
        assert isinstance(column, np.ndarray)
        return bucket_of(column.astype(np.float64, copy=False))


def quantile(state: State, q: float, size: int) -> Numbers:
    """Nearest-rank quantile per key; NaN where there is no value."""
    groups, buckets, counts = compacted(state)
    result = np.full(size, np.nan)
    if not len(groups):
        return result
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    running = np.cumsum(counts)
    before = np.r_[0, running][starts]
    totals = np.add.reduceat(counts, starts)
    targets = before + np.maximum(1, np.array([math.ceil(q * n - 1e-12 * n) for n in totals.tolist()]))
    hits = np.searchsorted(running, targets, side="left")
    result[groups[starts]] = middle_of(buckets[hits])
    return result


_hashes: dict[int, tuple[Dictionary, npt.NDArray[np.uint64]]] = {}
_MOST_HASHED = 64


def _hash_bytes(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def hash_of(column: Column) -> npt.NDArray[np.uint64]:
    """64-bit hashes of the values; strings are hashed once per dictionary entry."""
    if isinstance(column, Strings):
        known = _hashes.get(id(column.dictionary))
        lut = known[1] if known is not None and known[0] is column.dictionary else np.zeros(0, np.uint64)
        names = column.dictionary.names
        if len(lut) < len(names):
            fresh = [_hash_bytes(name.encode()) for name in names[len(lut) :]]
            lut = np.concatenate([lut, np.array(fresh, np.uint64)])
            if len(_hashes) >= _MOST_HASHED:
                # rows from the exchange bring a dictionary a record
                _hashes.clear()
            _hashes[id(column.dictionary)] = (column.dictionary, lut)
        return lut[column.codes]
    if column.dtype == np.int8:
        pair = np.array([_hash_bytes(b"\x00"), 0, _hash_bytes(b"\x01")], np.uint64)
        return pair[column]
    unique, inverse = np.unique(column + 0.0, return_inverse=True)  # −0 is 0
    return np.array([_hash_bytes(struct.pack("<d", value)) for value in unique.tolist()], np.uint64)[inverse]


class Distinct(Pairs):
    """The set of hashes per key; keys with more than `EXACT_DISTINCT` keep HyperLogLog registers only.

    A register is stored as an item below 2^18 (index · 64 + rank), which no key mixes with hashes when it is read.
    """

    dtypes = (np.dtype(np.int64), np.dtype(np.uint64))

    def items(self, column: Column) -> npt.NDArray[Any]:
        return hash_of(column)


def distinct(state: State, size: int) -> Numbers:
    """Number of distinct values per key, 0 where there is none."""
    groups, hashes, _ = compacted(state)
    result = np.bincount(groups, minlength=size).astype(np.float64)[:size] if len(groups) else np.zeros(size)
    for key in np.flatnonzero(result > EXACT_DISTINCT).tolist():
        result[key] = _estimate(hashes[groups == key].astype(np.uint64))
    return result


def _estimate(hashes: npt.NDArray[np.uint64]) -> float:
    index = (hashes >> np.uint64(52)).astype(np.int64)
    rest = hashes & np.uint64(2**52 - 1)
    _, exponent = np.frexp(rest.astype(np.float64))
    rank = np.where(rest == 0, 53, 52 - exponent + 1)
    registers = np.zeros(_REGISTERS, np.int64)
    np.maximum.at(registers, index, rank)
    raw = 0.7213 / (1 + 1.079 / _REGISTERS) * _REGISTERS**2 / float(np.sum(np.ldexp(1.0, -registers)))
    empty = int(np.count_nonzero(registers == 0))
    if raw <= 2.5 * _REGISTERS and empty:
        return _REGISTERS * math.log(_REGISTERS / empty)
    return raw
