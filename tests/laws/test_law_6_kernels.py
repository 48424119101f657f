"""Law 6 for the aggregates alone: kernels over columns, cut, packed and merged at random, against their definitions."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatchd.aggregates.base import ACCUMULATORS, Span
from streamwatchd.aggregates.shelf import AGGREGATES, aggregate
from streamwatchd.aggregates.steps import Last, Steps
from streamwatchd.batch import Column, Dictionary, Strings, to_values
from streamwatchd.lang.typed import Aggregate, Ahead, Kind, Literal, Type
from streamwatchd.packing import pack, unpack
from tests.laws.examples import EXAMPLES
from tests.oracle import aggregates as definitions
from tests.oracle.evaluate import Cell

Item = tuple[int, int, Cell]
"""Key, event time, value."""

_GAP_MS, _BITS, _SIZE_MS, _AHEAD_MS = 6, 32, 20, 7
_KINDS = {float: Kind.NUMBER, str: Kind.STRING, bool: Kind.BOOL}
NUMBERS = (
    lambda rng: rng.randrange(-400, 401) / 4,
    lambda rng: rng.uniform(-1e3, 1e3),
    lambda rng: rng.choice((0.0, 1.0, -1.0, 1e-9, 1e12, 3e-300, -7e150, 2.0**32, 2.0**-32, 0.1)),
    lambda rng: None,
)


@pytest.mark.parametrize("name", sorted(AGGREGATES))
@EXAMPLES
@given(seed=st.integers(0, 2**32 - 1))
def test_numbers_aggregate_as_defined(name: str, seed: int) -> None:
    """Any cut of any numbers over any panes gives the answer of the definition, null for null."""
    rng = random.Random(seed)
    draw = NUMBERS[: rng.randrange(1, 4)] + NUMBERS[-1:]
    items: list[Item] = [
        (rng.randrange(4), rng.randrange(20), rng.choice(draw)(rng)) for _ in range(rng.choice((0, 1, 5, 60)))
    ]
    if name == "ratio":
        items = [(key, time, None if value is None else value > 0) for key, time, value in items]  # type: ignore[operator]
    _check(name, items, rng)


@pytest.mark.parametrize("name", ["changes", "count", "distinct", "first", "last"])
@EXAMPLES
@given(seed=st.integers(0, 2**32 - 1))
def test_texts_and_truths_aggregate_as_defined(name: str, seed: int) -> None:
    """What is not a number can be counted, told apart, and be first or last."""
    rng = random.Random(seed)
    choices: tuple[Cell, ...] = rng.choice((("a", "b", "ä", None), (True, False, None)))
    items = [(rng.randrange(4), rng.randrange(9), rng.choice(choices)) for _ in range(rng.choice((1, 9, 40)))]
    _check(name, items, rng)


def test_many_distinct_values_are_estimated_as_defined() -> None:
    """Above 1,024 the count is HyperLogLog's, from the stated hash, whatever the panes."""
    rng = random.Random(7)
    _check("distinct", [(number % 2, number, f"user-{number % 9_000}") for number in range(12_000)], rng)
    _check("distinct", [(1, number, float(number % 1_024)) for number in range(3_000)], rng)
    _check("distinct", [(1, number, number / 8) for number in range(1_025)], rng)


def _check(name: str, items: Sequence[Item], rng: random.Random) -> None:
    q = rng.choice((0.5, 0.9, 0.99, 0.999)) if name == "quantile" else None
    answers = to_values(_kernel(name, q, items, rng))
    for key in range(4):
        mine = [(time, value) for k, time, value in items if k == key]
        expected = _defined(name, q, mine)
        assert _near(answers[key], expected, mine), (key, answers[key], expected, mine)


def _defined(name: str, q: float | None, items: list[tuple[int, Cell]]) -> Cell:
    known = [item for item in items if item[1] is not None]
    match name:
        case "increase" | "rate":
            grown = definitions.increase(known, 0, _GAP_MS, _BITS)
            return None if grown is None else float(grown if name == "increase" else grown * 1_000 / _SIZE_MS)
        case "changes":
            return definitions.changes(known, 0, _GAP_MS) if known else None
        case "slope" | "predict":
            line = definitions.line(known) if known else None
            if line is None:
                return None
            slope, mean_time, mean = line
            return float(1_000 * slope if name == "slope" else mean + slope * (_SIZE_MS + _AHEAD_MS - mean_time))
    return definitions.aggregate(name, q, items)


def _near(one: object, two: Cell, items: list[tuple[int, Cell]]) -> bool:
    if not isinstance(one, float) or not isinstance(two, float):
        return one == two and type(one) is type(two)
    largest = max([abs(value) for _, value in items if isinstance(value, float)], default=0.0)
    return math.isclose(one, two, rel_tol=1e-9, abs_tol=1e-9 * max(largest, 1e-300))


def _kernel(name: str, q: float | None, items: Sequence[Item], rng: random.Random) -> Column:
    """The engine's way: panes with keys of their own numbering, reduced, packed, merged, finished."""
    spec = aggregate(name)
    states: list[Any] = [ACCUMULATORS[need.accumulator].empty(4) for need in spec.needs]
    rest = list(items)
    rng.shuffle(rest)
    kind = next((type(value) for _, _, value in items if value is not None), float)
    while rest:
        size = rng.randrange(len(rest)) + 1
        part, rest = rest[:size], rest[size:]
        numbering = rng.sample(range(4), 4)
        for place, need in enumerate(spec.needs):
            kept = [item for item in part if need.reads == "rows" or item[2] is not None]
            if need.reads == "true":
                kept = [item for item in kept if item[2] is True]
            accumulator = ACCUMULATORS[need.accumulator]
            groups = np.array([numbering.index(key) for key, _, _ in kept], np.intp)
            times = np.array([time for _, time, _ in kept], np.int64)
            state = accumulator.reduce(groups, 4, _column([value for _, _, value in kept], kind), times)
            if rng.random() < 0.5:
                state = accumulator.unpack(unpack(pack(accumulator.pack(state))), 4)
            states[place] = accumulator.merge(states[place], state, np.array(numbering, np.intp), 4)
    for need, state in zip(spec.needs, states, strict=True):
        if isinstance(accumulator := ACCUMULATORS[need.accumulator], Steps):
            accumulator.settle(state, Last(), 4, _GAP_MS, _BITS, 20)
    literal = Literal(None, Type(_KINDS[kind]))
    call = Aggregate(name, literal, None, 1, 0, None, literal.type, q)
    if name == "predict":
        call = Ahead(name, literal, None, 1, 0, None, literal.type, ahead_ms=_AHEAD_MS)
    return spec.finish(states, 4, call, Span(_SIZE_MS, _SIZE_MS))


def _column(values: Sequence[Cell], kind: type) -> Column:
    if kind is str:
        dictionary = Dictionary(["unused"])
        return Strings(dictionary.encode(values), dictionary)  # type: ignore[arg-type]
    if kind is bool:
        return np.array([2 if value else 0 for value in values], np.int8)
    return np.array(values, np.float64)
