"""Expressions over columns: SQL's logic, nulls, texts by dictionary, and what a batch computes once."""

from __future__ import annotations

import math

import numpy as np
import pytest

from streamwatchd import functions
from streamwatchd.batch import Column, Dictionary, Frame, Strings, to_values
from streamwatchd.lang.typed import BOOL, NUMBER, STRING, Arithmetic, Call, Expr, Field, Match
from streamwatchd.operators.dimension import Dimensions
from streamwatchd.operators.evaluate import Evaluator, NullFrame
from tests.operators.bench import Bench, compiled

ROWS = (
    {"x": 1, "n": 0, "host": "a", "kind": "cpu", "ok": True},
    {"x": 2, "n": 3, "host": "a", "kind": "mem", "ok": False},
    {"x": 3, "host": "a"},
    {"x": None, "n": -2, "host": "a", "kind": "", "ok": True},
)


@pytest.mark.parametrize(
    ("condition", "truths"),
    [
        ("n > 1", "-+?-"),
        ("not (n > 1)", "+-?+"),
        ("n > 1 and x > 2", "--?-"),
        ("n > 1 or x > 2", "-++?"),
        ("n == 3 or n is null", "-++-"),
        ("x is not null", "+++-"),
        ("kind == 'cpu'", "+-?-"),
        ("kind != 'cpu'", "-+?+"),
        ("kind in ('cpu', 'disk')", "+-?-"),
        ("kind ~ 'm$'", "-+?-"),
        ("kind == host", "--?-"),
        ("n in (0, 3)", "++?-"),
        ("ok", "+-?+"),
        ("ok == false", "-+?-"),
        ("x / n > 0", "?+??"),
        ("-n > 1", "--?+"),
        ("n % 2 == 1", "-+?-"),
        ("coalesce(n, 9) > 5", "--+-"),
        ("role == 'critical'", "++++"),
        ("weight * 2 == 4", "++++"),
        ("1 < 2", "++++"),
        ("time > 0ms", "++++"),
    ],
)
def test_conditions_on_rows(condition: str, truths: str) -> None:
    """+ true, - false, ? null: a comparison with null is null, AND and OR know it, a division by zero has no value."""
    rules = f'  - {{alarm: yes, when: "{condition}"}}\n  - {{alarm: no, when: "not ({condition})"}}\n'
    bench = Bench(rules).feed(*((float(at), row) for at, row in enumerate(ROWS)))
    said = {alert.split()[0] + alert.split()[1] for alert in bench.alerts()}
    found = "".join("+" if f"{at}yes" in said else "-" if f"{at}no" in said else "?" for at in range(len(ROWS)))
    assert found == truths


def evaluator() -> Evaluator:
    return Evaluator(Dimensions({}, {}), functions.evaluators())


def frame(**columns: Column) -> Frame:
    return Frame(np.zeros(len(next(iter(columns.values()))), np.int64), columns)


def texts(*values: str | None) -> Strings:
    dictionary = Dictionary()
    return Strings(dictionary.encode(values), dictionary)


def test_equal_expressions_are_computed_once_a_batch() -> None:
    """However many rules ask, and whether or not they share the tree."""
    calls: list[int] = []

    def loud(column: Column) -> Column:
        calls.append(1)
        return column

    each = Evaluator(Dimensions({}, {}), {"loud": loud})
    batch = frame(x=np.array([1.0, 2.0]))

    def wish() -> Expr:
        return Arithmetic("+", Call("loud", (Field("x", NUMBER),), NUMBER), Field("x", NUMBER), NUMBER)

    assert to_values(each.column(wish(), batch)) == to_values(each.column(wish(), batch)) == [2.0, 4.0]
    assert len(calls) == 1


def test_patterns_run_once_per_distinct_text() -> None:
    """Also for texts that a dictionary learns later, and nulls stay null."""
    each, names = evaluator(), Dictionary()
    pattern = Match(Field("host", STRING), "^a")
    for batch, wanted in ((["a", None, "b"], [2, 1, 0]), ([None, "ab", "a", "c"], [1, 2, 2, 0])):
        column = Strings(names.encode(batch), names)
        assert each.truths(pattern, frame(host=column)).tolist() == wanted


def test_dictionaries_that_come_and_go_take_no_memory() -> None:
    """Rows from the exchange bring a dictionary a record."""
    each = evaluator()
    for number in range(500):
        each.truths(Match(Field("host", STRING), "^a"), frame(host=texts(f"a{number}")))
    assert len(each._matches) <= 65


def test_overflow_has_no_value() -> None:
    """No infinity gets into state or output."""
    huge = Arithmetic("*", Field("x", NUMBER), Field("x", NUMBER), NUMBER)
    assert to_values(evaluator().column(huge, frame(x=np.array([1e200, 2.0, math.nan])))) == [None, 4.0, None]


def test_what_no_row_caused_reads_nulls() -> None:
    """Silence and forgetting have a key and a time, and no fields."""
    bare = NullFrame(np.zeros(2, np.int64), {})
    each = evaluator()
    assert to_values(each.column(Field("x", NUMBER), bare)) == [None, None]
    assert to_values(each.column(Field("host", STRING), bare)) == [None, None]
    assert each.truths(Field("ok", BOOL), bare).tolist() == [1, 1]


def test_a_field_of_another_kind_than_its_reader_thinks_is_null() -> None:
    """While rules change, a field that nobody declared may be decoded as another kind."""
    assert to_values(evaluator().column(Field("code", NUMBER), frame(code=texts("a", "b")))) == [None, None]
    assert to_values(evaluator().column(Field("code", STRING), frame(code=np.array([1.0])))) == [None]


def test_what_does_not_check_never_runs() -> None:
    """The engine sees checked trees only."""
    with pytest.raises(AssertionError, match="text"):
        compiled("  - {alarm: bad, when: host > 5}\n")
