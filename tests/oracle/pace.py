"""What the kinds with memory say (seasonal, change, lstm, neighbours), from their descriptions: a vector at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

HOUR_MS = 3_600_000
MONDAY_MS = 4 * 24 * HOUR_MS
FAR = 4.0
Vector = list[float]


@dataclass(frozen=True, slots=True)
class Memory:
    """What was seen of a key: how many vectors, its level, its last values as they count, their variance, and what the
    kind adds."""

    steps: int
    level: Vector
    last: Vector
    variance: Vector
    more: tuple[Vector, ...] = ()


@dataclass(frozen=True, slots=True)
class _Seen:
    """A kind's part in a vector: the raw score, where values usually lie from the level and how far they stray, what
    was forecast, and what the kind keeps, by the values as they count."""

    raw: float
    usual: Vector
    spread: Vector
    forecast: Vector
    more: Callable[[Vector], tuple[Vector, ...]]


def raw_score(
    kind: str, arrays: Mapping[str, Any], vector: Sequence[float], before: Memory | None, end_ms: int
) -> tuple[float | None, Memory]:
    """The raw score, None for the first vectors of a key, and the memory after it."""
    unit, error = arrays["unit"], arrays["error"]
    level_rate, spread_rate = arrays["rates"]
    values = [
        (_to_grid(math.copysign(math.log1p(abs(x)), x)) if log else x) / u
        for x, log, u in zip(vector, arrays["log"], unit, strict=True)
    ]
    if before is None:
        before = Memory(0, values, values, [e * e for e in error])
    seen = _KINDS[kind](arrays, values, before, end_ms)
    level, heard, variance = [], [], []
    if kind == "seasonal" and before.steps == 0:
        before = Memory(0, [x - u for x, u in zip(values, seen.usual)], before.last, before.variance)
    for f, value in enumerate(values):
        far = FAR * math.sqrt(before.variance[f])
        off = _cut((value - seen.forecast[f]) / seen.spread[f], far)
        heard.append(seen.forecast[f] + seen.spread[f] * off)
        rate = max(level_rate, 1.0 / (before.steps + 1))
        old = before.level[f]
        level.append(old + rate * _cut(heard[f] - seen.usual[f] - old, FAR))
        spread = before.variance[f] + spread_rate * (off * off - before.variance[f])
        variance.append(max(spread, 0.01 * error[f] * error[f]))
    raw = None if before.steps < _WARM[kind] or math.isnan(seen.raw) else seen.raw
    return raw, Memory(before.steps + 1, level, heard, variance, seen.more(heard))


def _seasonal(arrays: Mapping[str, Any], values: Vector, before: Memory, end_ms: int) -> _Seen:
    hour = (end_ms - 1 - MONDAY_MS) // HOUR_MS % len(arrays["usual"])
    usual, spread = arrays["usual"][hour], arrays["spread"][hour]
    level = before.level if before.steps else [x - u for x, u in zip(values, usual)]
    forecast = [a + b for a, b in zip(level, usual)]
    errors = [(x - f) / s for x, f, s in zip(values, forecast, spread)]
    return _Seen(_far_off(errors, before.variance), usual, spread, forecast, lambda heard: ())


def _change(arrays: Mapping[str, Any], values: Vector, before: Memory, end_ms: int) -> _Seen:
    slack, fade = arrays["sums"]
    off = [_cut((x - at) / math.sqrt(v), 8.0) for x, at, v in zip(values, before.level, before.variance)]
    zeros = [0.0] * len(values)
    ups, downs = before.more or (zeros, zeros)
    ups = [max(fade * a + b - slack, 0.0) for a, b in zip(ups, off)]
    downs = [max(fade * a - b - slack, 0.0) for a, b in zip(downs, off)]
    kept = (ups, downs) if before.steps >= _WARM["change"] else (zeros, zeros)
    raw = max(ups + downs)
    return _Seen(raw, zeros, [1.0] * len(values), before.level, lambda heard: kept)


def _lstm(arrays: Mapping[str, Any], values: Vector, before: Memory, end_ms: int) -> _Seen:
    units = len(arrays["recurrent"])
    hidden, cell = before.more or ([0.0] * units, [0.0] * units)
    when = _rhythm(end_ms, arrays["periods"][0])
    change = _times(arrays["head"], [*hidden, *when], arrays["head_bias"])
    said = [a + b for a, b in zip(before.last, change)]
    raw = _far_off([x - f for x, f in zip(values, said)], before.variance)
    forecast = said if before.steps else values

    def more(heard: Vector) -> tuple[Vector, ...]:
        inputs = [*(_cut(x - at, 8.0) for x, at in zip(heard, before.level)), *when]
        gates = _times(arrays["inputs"], inputs, arrays["bias"])
        gates = [_squash(a + b) for a, b in zip(gates, _times(arrays["recurrent"], hidden, [0.0] * 4 * units))]
        taken, kept, shown, new = (gates[part * units : (part + 1) * units] for part in range(4))
        after = [(0.5 + 0.5 * k) * c + (0.5 + 0.5 * t) * n for k, c, t, n in zip(kept, cell, taken, new)]
        return [(0.5 + 0.5 * s) * _squash(c) for s, c in zip(shown, after)], after

    return _Seen(raw, [0.0] * len(values), [1.0] * len(values), forecast, more)


def _neighbours(arrays: Mapping[str, Any], values: Vector, before: Memory, end_ms: int) -> _Seen:
    lags = len(arrays["whiten"]) // len(values)
    past = before.more or ([0.0] * len(values),) * (lags - 1)
    stretch = (*past, [_cut(x - at, 1e3) for x, at in zip(values, before.level)])
    flat = [x for each in stretch for x in each]
    mine = [sum(row[at] * x for row, x in zip(arrays["whiten"], flat)) for at in range(len(flat))]
    squares = sorted(sum((a - b) ** 2 for a, b in zip(mine, theirs)) for theirs in arrays["stretches"])[:27]
    raw = math.sqrt(sum(squares) / len(squares)) if before.steps >= lags - 1 else math.nan
    return _Seen(raw, [0.0] * len(values), [1.0] * len(values), before.level, lambda heard: stretch[1:])


_KINDS = {"seasonal": _seasonal, "change": _change, "lstm": _lstm, "neighbours": _neighbours}
_WARM = {"seasonal": 2, "change": 10, "lstm": 2, "neighbours": 0}


def _far_off(errors: Vector, variance: Vector) -> float:
    return math.sqrt(sum(e * e / v for e, v in zip(errors, variance)) / len(errors))


def _rhythm(end_ms: int, periods: int) -> Vector:
    found: Vector = []
    for period in (24 * HOUR_MS, 7 * 24 * HOUR_MS)[:periods]:
        angle = 2.0 * math.pi * ((end_ms - MONDAY_MS) % period) / period
        found += [_to_grid(math.sin(angle)), _to_grid(math.cos(angle))]
    return found + [0.0] * (4 - len(found))


def _times(weights: Sequence[Sequence[float]], inputs: Vector, bias: Sequence[float]) -> Vector:
    return [b + sum(row[at] * x for row, x in zip(weights, inputs)) for at, b in enumerate(bias)]


def _squash(x: float) -> float:
    return x / math.sqrt(1.0 + x * x)


def _cut(x: float, most: float) -> float:
    return min(max(x, -most), most)


def _to_grid(x: float) -> float:
    return round(x * 2.0**32) / 2.0**32
