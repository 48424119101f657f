"""Aggregates of complete lists, as written definitions (README.md)."""

from __future__ import annotations

import hashlib
import math
import struct
from fractions import Fraction
from itertools import pairwise

from tests.oracle.evaluate import Cell

GAMMA = 1.01
Sample = tuple[int, Cell]
"""Event time and value; the value is not null."""
EXACT_DISTINCT = 1_024
REGISTERS = 4_096


def increase(samples: list[Sample], start: int, gap: int, bits: int) -> Fraction | None:
    """What the steps into [start, …) come to; None where there is none."""
    total, steps = Fraction(0), 0
    for (before_at, before), (at, value) in pairwise(sorted(samples)):
        if at < start or at - before_at > gap:
            continue
        steps += 1
        rise = Fraction(float(value)) - Fraction(float(before))  # type: ignore[arg-type]
        if rise < 0:
            wrapped = rise + 2**bits
            is_wrap = bits > 0 and Fraction(float(before)) < 2**bits and wrapped < Fraction(2**bits, 2)  # type: ignore[arg-type]
            rise = wrapped if is_wrap else Fraction(float(value))  # type: ignore[arg-type]
        total += rise
    return total if steps else None


def changes(samples: list[Sample], start: int, gap: int) -> float:
    """How many samples from `start` on differ from the one before them."""
    ordered = sorted(samples, key=lambda sample: (sample[0], _rank(sample[1])))
    return float(sum(1 for (t, a), (u, b) in pairwise(ordered) if u >= start and u - t <= gap and a != b))


def _rank(value: Cell) -> float | int:
    """Of values at one time: numbers by size, texts by their hash."""
    return hash64(value) if isinstance(value, str) else float(value)  # type: ignore[arg-type]


def line(items: list[tuple[int, Cell]]) -> tuple[Fraction, Fraction, Fraction] | None:
    """Slope a ms, mean time and mean value of the line of least squares; None where all have one time."""
    points = [(Fraction(time), Fraction(float(value))) for time, value in items]  # type: ignore[arg-type]
    mean_t, mean_x = (sum(each, Fraction(0)) / len(points) for each in zip(*points, strict=True))
    spread = sum(((t - mean_t) ** 2 for t, _ in points), Fraction(0))
    return (
        (sum(((t - mean_t) * (x - mean_x) for t, x in points), Fraction(0)) / spread, mean_t, mean_x)
        if spread
        else None
    )


def aggregate(function: str, quantile: float | None, items: list[tuple[int, Cell]]) -> Cell:
    """`items` are (event time, value) of the events in the window that pass the aggregate's `where`."""
    if function == "count" and quantile is None:
        return float(sum(1 for _, value in items if value is not None))
    pairs = [(time, value) for time, value in items if value is not None]
    values = [value for _, value in pairs]
    if function == "sum":
        return float(exact_sum(values))
    if function == "distinct":
        return distinct(values)
    if not values:
        return None
    match function:
        case "avg":
            return float(exact_sum(values) / len(values))
        case "min":
            return min(values)  # type: ignore[type-var]
        case "max":
            return max(values)  # type: ignore[type-var]
        case "first":
            return min(pairs)[1]  # type: ignore[type-var]
        case "last":
            return max(pairs)[1]  # type: ignore[type-var]
        case "ratio":
            return sum(1 for value in values if value is True) / len(values)
        case "var":
            return float(variance(values))
        case "stddev":
            return math.sqrt(variance(values))
        case "quantile":
            assert quantile is not None
            return percentile(quantile, [float(value) for value in values])
    raise NotImplementedError(function)


def _exponent(value: float) -> int:
    """floor(log2 |value|)."""
    return math.frexp(value)[1] - 1


def _round_to(value: float, exponent: int) -> Fraction:
    """The nearest multiple of 2^exponent."""
    step = Fraction(2) ** exponent
    return round(Fraction(value) / step) * step


def exact_sum(values: list[Cell]) -> Fraction:
    return sum((Fraction(float(cell)) for cell in values), Fraction(0))  # type: ignore[arg-type]


def variance(values: list[Cell]) -> Fraction:
    cut = [_round_to(value, _exponent(value) - 25) if value else Fraction(0) for value in map(float, values)]  # type: ignore[arg-type]
    mean = sum(cut, Fraction(0)) / len(cut)
    return sum(((value - mean) ** 2 for value in cut), Fraction(0)) / len(cut)


def percentile(quantile: float, values: list[float]) -> float:
    exact = sorted(values)[max(1, math.ceil(Fraction(str(quantile)) * len(values))) - 1]
    if exact == 0:
        return 0.0
    size = abs(exact)
    bucket = math.floor(math.log(size) / math.log(GAMMA)) - 2
    while GAMMA**bucket < size:
        bucket += 1
    return math.copysign(2 * GAMMA**bucket / (GAMMA + 1), exact)


def hash64(value: Cell) -> int:
    if isinstance(value, bool):
        data = b"\x01" if value else b"\x00"
    elif isinstance(value, str):
        data = value.encode()
    else:
        data = struct.pack("<d", value + 0.0)  # −0 is 0
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def distinct(values: list[Cell]) -> float:
    different = set(values)
    if len(different) <= EXACT_DISTINCT:
        return float(len(different))
    ranks = [0] * REGISTERS
    for value in different:
        bits = hash64(value)
        rest = bits & (2**52 - 1)
        ranks[bits >> 52] = max(ranks[bits >> 52], 52 - rest.bit_length() + 1)
    alpha = 0.7213 / (1 + 1.079 / REGISTERS)
    estimate = alpha * REGISTERS**2 / sum(2.0**-rank for rank in ranks)
    if estimate <= 2.5 * REGISTERS and 0 in ranks:
        estimate = REGISTERS * math.log(REGISTERS / ranks.count(0))
    return estimate
