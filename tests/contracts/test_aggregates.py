"""The laws of every aggregate of the shelf: its definition, whatever the cut, the order, and the way through bytes."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamwatchd.aggregates.accumulator import State
from streamwatchd.aggregates.base import ACCUMULATORS, AggregateSpec, Need, Span
from streamwatchd.aggregates.shelf import AGGREGATES
from streamwatchd.aggregates.sketch import EXACT_DISTINCT
from streamwatchd.aggregates.steps import Last, Steps
from streamwatchd.batch import Column, Dictionary, Strings, to_values
from streamwatchd.lang.typed import Aggregate, Ahead, Field, Kind, Type
from streamwatchd.packing import pack, unpack

KEYS = 4
SIZE_MS, END_MS, AHEAD_MS = 60_000, 6, 40
SPAN = Span(SIZE_MS, END_MS)
Value = float | str | bool | None
SPECS = sorted(AGGREGATES.values(), key=lambda spec: spec.name)


@dataclass(frozen=True)
class Row:
    key: int
    time: int
    value: Value


# --- definitions, from the values that are not null -------------------------------------------------------------------


def cut(value: float) -> Fraction:
    """26 significant bits, ties away from even where they are: what the definition of variances allows."""
    mantissa, exponent = math.frexp(value)
    return Fraction(round(math.ldexp(mantissa, 26))) * Fraction(2) ** (exponent - 26)


def total(values: Sequence[float]) -> Fraction:
    return sum(map(Fraction, values), Fraction(0))


def variance(values: Sequence[float]) -> float | None:
    if not values:
        return None
    exact = [cut(value) for value in values]
    mean = sum(exact) / len(exact)
    return float(sum((each - mean) ** 2 for each in exact) / len(exact))


def percentile(values: Sequence[float], q: float) -> float | None:
    return sorted(values)[max(1, math.ceil(q * len(values) - 1e-9)) - 1] if values else None


def root(value: float | None) -> float | None:
    return None if value is None else math.sqrt(value)


def edge(rows: Sequence[Row], which: Callable[..., Row]) -> Value:
    return which(rows, key=lambda row: (row.time, row.value)).value if rows else None


QUANTILE = 0.9
NUMERIC: dict[str, Callable[[list[float]], float | None]] = {
    "count": lambda values: len(values),
    "sum": lambda values: float(total(values)),
    "avg": lambda values: float(total(values) / len(values)) if values else None,
    "min": lambda values: min(values, default=None),
    "max": lambda values: max(values, default=None),
    "var": variance,
    "stddev": lambda values: root(variance(values)),
    "quantile": lambda values: percentile(values, QUANTILE),
    "distinct": lambda values: len(set(values)),
}


def grown(rows: Sequence[Row]) -> float | None:
    """What a counter grew by, restarts seen through: one series, samples in order of (time, value)."""
    values = [float(row.value) for row in sorted(rows, key=lambda row: (row.time, row.value))]  # type: ignore[arg-type]
    rises = [Fraction(b) - Fraction(a) if b >= a else Fraction(b) for a, b in pairwise(values)]
    return float(sum(rises, Fraction(0))) if rises else None


def rank(value: Value) -> float | int:
    """Of values at one time: texts by their hash."""
    if not isinstance(value, str):
        return float(value or 0)
    return int.from_bytes(hashlib.blake2b(value.encode(), digest_size=8).digest(), "little")


def changed(rows: Sequence[Row]) -> float | None:
    values = [row.value for row in sorted(rows, key=lambda row: (row.time, rank(row.value)))]
    return float(sum(a != b for a, b in pairwise(values))) if values else None


def fitted(rows: Sequence[Row]) -> tuple[Fraction, Fraction, Fraction] | None:
    """Slope a ms, mean time, mean value."""
    n = len(rows)
    if not n:
        return None
    mean_t = Fraction(sum(row.time for row in rows), n)
    mean_x = total([float(row.value) for row in rows]) / n  # type: ignore[arg-type]
    spread = sum((row.time - mean_t) ** 2 for row in rows)
    rise = sum((row.time - mean_t) * (Fraction(float(row.value)) - mean_x) for row in rows)  # type: ignore[arg-type]
    return (rise / spread, mean_t, mean_x) if spread else None


def defined(name: str, rows: Sequence[Row]) -> Value:
    """The answer for the rows of one key."""
    known = [row for row in rows if row.value is not None]
    if name in ("first", "last"):
        return edge(known, min if name == "first" else max)
    if name == "ratio":
        return sum(row.value is True for row in known) / len(known) if known else None
    if name in ("slope", "predict"):
        line = fitted(known)
        slope, mean_t, mean_x = line if line is not None else (None, None, None)
        if slope is None or mean_t is None or mean_x is None:
            return None
        return float(slope * 1_000) if name == "slope" else float(mean_x + slope * (END_MS + AHEAD_MS - mean_t))
    if name in ("increase", "rate"):
        grew = grown(known)
        return grew if name == "increase" or grew is None else grew * 1_000 / SIZE_MS
    if name == "changes":
        return changed(known)
    return NUMERIC[name]([row.value for row in known])  # type: ignore[misc]


# --- the shelf's way --------------------------------------------------------------------------------------------------


def column_of(values: Sequence[Value]) -> Column:
    if any(isinstance(value, str) for value in values):
        dictionary = Dictionary()
        return Strings(dictionary.encode(values), dictionary)  # type: ignore[arg-type]
    if any(isinstance(value, bool) for value in values):
        return np.array([1 if value is None else 2 * int(value) for value in values], np.int8)
    return np.array([math.nan if value is None else value for value in values], np.float64)


def rows_for(need: Need, rows: Sequence[Row]) -> list[Row]:
    match need.reads:
        case "rows":
            return list(rows)
        case "true":
            return [row for row in rows if row.value is True]
        case _:
            return [row for row in rows if row.value is not None]


def reduced(need: Need, rows: Sequence[Row], *, shrunk: bool = False) -> tuple[object, np.ndarray]:
    """The state of a slice with groups of its own, through bytes; and the key of each group."""
    chosen = rows_for(need, rows)
    keys = np.array(sorted({row.key for row in chosen}), np.intp)
    groups = np.searchsorted(keys, np.array([row.key for row in chosen], np.intp)).astype(np.intp)
    column = column_of([row.value for row in chosen]) if need.reads == "value" else None
    accumulator = ACCUMULATORS[need.accumulator]
    time = np.array([row.time for row in chosen], np.int64)
    state = accumulator.reduce(groups, len(keys), column, time)
    if shrunk:
        state = accumulator.shrink(settled(need, state, len(keys)))
    return accumulator.unpack(unpack(pack(accumulator.pack(state))), len(keys)), keys


def call_of(spec: AggregateSpec, rows: Sequence[Row]) -> Aggregate:
    """The aggregate as a rule calls it, with an argument of the kind that the rows have."""
    kinds = {str: Kind.STRING, bool: Kind.BOOL}
    kind = next((kinds.get(type(row.value), Kind.NUMBER) for row in rows if row.value is not None), Kind.NUMBER)
    arg = Field("x", Type(kind))
    if spec.name == "predict":
        return Ahead(spec.name, arg, None, None, 0, None, arg.type, ahead_ms=AHEAD_MS)
    return Aggregate(spec.name, arg, None, None, 0, None, arg.type, QUANTILE if spec.name == "quantile" else None)


def answers(spec: AggregateSpec, slices: Sequence[Sequence[Row]]) -> list[Value]:
    """One answer a key, from the slices merged in their order."""
    states = []
    for need in spec.needs:
        accumulator = ACCUMULATORS[need.accumulator]
        state = accumulator.empty(1)
        for rows in slices:
            if rows_for(need, rows):
                part, keys = reduced(need, rows)
                state = accumulator.merge(state, part, keys, KEYS)
        states.append(settled(need, state, KEYS))
    call = call_of(spec, [row for rows in slices for row in rows])
    return list(to_values(spec.finish(states, KEYS, call, SPAN)))


def settled(need: Need, state: State, size: int) -> State:
    """As it is once the watermark has passed."""
    accumulator = ACCUMULATORS[need.accumulator]
    if isinstance(accumulator, Steps):
        accumulator.settle(state, Last(), size, 1_000, 0, END_MS)
    return state


NUMBERS = st.floats(-1e15, 1e15, allow_subnormal=False).filter(lambda value: value == 0 or abs(value) > 1e-15)
ROUGH = st.sampled_from([0.0, -0.0, 0.1, 1.0, 1.5, -2.25, 100.0, 1e9]) | NUMBERS
TEXTS = st.sampled_from(["", "a", "b", "ä", "zz"])


def rows_of(values: st.SearchStrategy[Value]) -> st.SearchStrategy[list[Row]]:
    return st.lists(st.builds(Row, st.integers(0, KEYS - 1), st.integers(0, 5), st.none() | values), max_size=30)


def rows_for_spec(spec: AggregateSpec) -> st.SearchStrategy[list[Row]]:
    match spec.name:
        case "ratio":
            return rows_of(st.booleans())
        case "first" | "last" | "distinct" | "changes":
            return rows_of(ROUGH) | rows_of(TEXTS)
        case _:
            return rows_of(ROUGH)


def agree(name: str, got: Value, wanted: Value) -> bool:
    if not isinstance(got, float) or not isinstance(wanted, int | float):
        return got == wanted
    tolerance = {"quantile": 0.0051, "var": 1e-9, "stddev": 1e-9}.get(name, 1e-12)
    return math.isclose(got, wanted, rel_tol=tolerance, abs_tol=1e-300)


def cuts(data: st.DataObject, rows: list[Row]) -> list[list[Row]]:
    shuffled = data.draw(st.permutations(rows))
    edges = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    return [shuffled[a:b] for a, b in zip([0, *edges], [*edges, len(rows)], strict=True)]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
@settings(max_examples=40)
@given(data=st.data())
def test_an_aggregate_is_its_definition(spec: AggregateSpec, data: st.DataObject) -> None:
    """Percentiles to half a bucket, all else but rounding exactly; also for keys that nothing was heard of."""
    rows = data.draw(rows_for_spec(spec))
    if spec.needs[0].reads == "rows":
        rows = [Row(row.key, row.time, 1.0) for row in rows]
    got = answers(spec, [rows])
    for key in range(KEYS):
        wanted = defined(spec.name, [row for row in rows if row.key == key])
        assert agree(spec.name, got[key], wanted), (key, got[key], wanted)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
@settings(max_examples=40)
@given(data=st.data())
def test_cuts_and_order_show_nowhere(spec: AggregateSpec, data: st.DataObject) -> None:
    """To the last bit: the same rows in another order, reduced in other slices, stored and read between."""
    rows = data.draw(rows_for_spec(spec))
    assert answers(spec, cuts(data, rows)) == answers(spec, [rows])


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
@settings(max_examples=40)
@given(data=st.data())
def test_taking_keys_takes_their_answers(spec: AggregateSpec, data: st.DataObject) -> None:
    """The states of some keys, in another order, give those keys' answers."""
    rows = data.draw(rows_for_spec(spec))
    chosen = np.array(data.draw(st.lists(st.integers(0, KEYS - 1), unique=True, min_size=1)), np.intp)
    states = []
    for need in spec.needs:
        accumulator = ACCUMULATORS[need.accumulator]
        part, keys = reduced(need, rows)
        whole = accumulator.merge(accumulator.empty(KEYS), part, keys, KEYS)
        states.append(settled(need, accumulator.take(whole, chosen), len(chosen)))
    whole_answers = answers(spec, [rows])
    got = list(to_values(spec.finish(states, len(chosen), call_of(spec, rows), SPAN)))
    assert got == [whole_answers[key] for key in chosen.tolist()]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
@settings(max_examples=40)
@given(data=st.data())
def test_shrunk_states_give_the_same_answers(spec: AggregateSpec, data: st.DataObject) -> None:
    """To the last bit: one that is read as it is, one that others are merged into, and one merged into another."""
    rows = data.draw(rows_for_spec(spec))
    stepwise = any(isinstance(ACCUMULATORS[need.accumulator], Steps) for need in spec.needs)
    ways: dict[str, list[State]] = {"read": [], "into": [], "from": []}
    for need in spec.needs:
        accumulator = ACCUMULATORS[need.accumulator]
        halves = [rows, []] if stepwise else cuts(data, rows)
        one, keys = reduced(need, rows, shrunk=True)
        whole = accumulator.merge(accumulator.empty(KEYS), one, keys, KEYS)
        ways["read"].append(accumulator.shrink(settled(need, whole, KEYS)))
        into = accumulator.empty(KEYS)
        for half in halves:
            part, keys = reduced(need, half, shrunk=True)
            into = accumulator.merge(accumulator.shrink(into), part, keys, KEYS)
        ways["into"].append(accumulator.merge(accumulator.shrink(into), accumulator.empty(0), None, KEYS))
        ways["from"].append(into)
    wanted = answers(spec, [rows])
    for way, states in ways.items():
        assert list(to_values(spec.finish(states, KEYS, call_of(spec, rows), SPAN))) == wanted, way


@pytest.mark.parametrize("value", [0.1, 1e-7, 85.3, 1e12 + 0.3])
def test_equal_values_have_no_spread(value: float) -> None:
    """However many there are and however they are cut."""
    rows = [Row(0, at, value) for at in range(1_000)]
    assert answers(AGGREGATES["stddev"], [rows[:317], rows[317:]])[0] == 0.0


def test_distinct_is_exact_to_1024_and_near_above() -> None:
    """Above, an estimate whose usual error is under 2 %."""
    rows = [Row(0, 0, float(n)) for n in range(EXACT_DISTINCT)]
    assert answers(AGGREGATES["distinct"], [rows, rows])[0] == EXACT_DISTINCT
    many = [Row(0, 0, float(n)) for n in range(50_000)]
    assert answers(AGGREGATES["distinct"], [many])[0] == pytest.approx(50_000, rel=0.06)


def test_every_aggregate_has_a_name_a_sentence_and_an_example() -> None:
    """The reference is made of them."""
    for spec in SPECS:
        assert spec.doc, spec.name
        assert "(" in spec.example, spec.name
