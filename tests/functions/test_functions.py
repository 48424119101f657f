"""Every function of the shelf: its examples, and the laws that all keep."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from streamwatchd.batch import Column, Dictionary, Strings, to_values
from streamwatchd.functions import FUNCTIONS, Example, FunctionSpec, signatures
from streamwatchd.lang import check
from streamwatchd.lang.scope import row_scope
from streamwatchd.lang.signatures import AGGREGATES
from streamwatchd.lang.typed import Call, Compare, Expr, Field, Kind, Literal, Type
from tests.functions.columns import column, kind_of

Given = Mapping[str, float | str | bool | None]


def evaluate(expr: Expr, given: Given, rows: int = 3) -> Column:
    """The expression on equal rows."""
    match expr:
        case Literal(value, type_):
            return column(type_.kind, [value] * rows)
        case Field(name, type_):
            return column(type_.kind, [given[name]] * rows)
        case Call(function, args):
            return FUNCTIONS[function].evaluate(*(evaluate(arg, given, rows) for arg in args))
    raise AssertionError(expr)


EXAMPLES = [pytest.param(example, id=example.expression) for name in FUNCTIONS for example in FUNCTIONS[name].examples]


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_hold(example: Example) -> None:
    """What the reference shows is what the function does, on every row."""
    fields = {name: Type(kind_of(value)) for name, value in example.given.items() if value is not None}
    checked = check(example.expression, row_scope("rows", fields), None, signatures())
    assert checked.expr is not None, checked.problems
    assert to_values(evaluate(checked.expr, example.given)) == [example.result] * 3


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_a_component_is_named_like_its_file(name: str) -> None:
    """One name for the file, the spec and the language; with a summary and examples."""
    spec = FUNCTIONS[name]
    assert isinstance(spec, FunctionSpec)
    assert spec.name == name
    assert spec.summary.endswith(".")
    assert spec.examples
    assert name not in AGGREGATES


SAMPLES: dict[Kind, list[float | str | bool | None]] = {
    Kind.NUMBER: [-2.5, 0.0, None, 1e300, 7.25],
    Kind.STRING: ["Core-1", "", None, "é", "Core-1"],
    Kind.BOOL: [True, False, None, True, False],
}


def arguments(spec: FunctionSpec) -> list[Column]:
    count = max(spec.signature.required, len(spec.signature.parameters))
    parameters = [spec.signature.parameters[min(i, len(spec.signature.parameters) - 1)] for i in range(count)]
    return [
        column(each.kind or Kind.STRING, [2.0] * 5 if each.literal else SAMPLES[each.kind or Kind.STRING])
        for each in parameters
    ]


def same(one: Column, other: Column) -> bool:
    return to_values(one) == to_values(other)


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_a_row_depends_on_that_row_alone(name: str) -> None:
    """Cutting a batch anywhere changes nothing, and arguments stay as they are."""
    spec = FUNCTIONS[name]
    args = arguments(spec)
    before = [to_values(arg) for arg in args]
    whole = to_values(spec.evaluate(*args))
    assert [to_values(arg) for arg in args] == before
    cut = []
    for part in (slice(0, 2), slice(2, 5)):
        rows = np.arange(5)[part]
        pieces = [arg.take(rows) if isinstance(arg, Strings) else arg[rows] for arg in args]
        cut += to_values(spec.evaluate(*pieces))
    assert cut == whole
    assert len(whole) == 5


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_no_rows_give_no_rows(name: str) -> None:
    """An empty batch is a batch."""
    spec = FUNCTIONS[name]
    empty = [arg.take(np.arange(0)) if isinstance(arg, Strings) else arg[:0] for arg in arguments(spec)]
    assert to_values(spec.evaluate(*empty)) == []


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_results_are_values_or_null(name: str) -> None:
    """Never infinite; null in gives null out, but for the functions made to fill nulls."""
    spec = FUNCTIONS[name]
    result = spec.evaluate(*arguments(spec))
    values = to_values(result)
    assert not any(isinstance(each, float) and np.isinf(each) for each in values)
    assert values[2] is None


def test_strings_of_different_dictionaries_are_filled_in(  # the case that codes alone get wrong
) -> None:
    """`coalesce` of two columns speaks the first one's dictionary."""
    one = Strings(np.array([0, -1, -1], np.int32), Dictionary(["a"]))
    other = Strings(np.array([0, 1, -1], np.int32), Dictionary(["b", "c"]))
    filled = FUNCTIONS["coalesce"].evaluate(one, other)
    assert to_values(filled) == ["a", "c", None]
    assert isinstance(filled, Strings)
    assert filled.dictionary is one.dictionary


def test_truths_are_filled_in() -> None:
    """`coalesce(up, false)` has no nulls."""
    up = column(Kind.BOOL, [True, None, False])
    assert to_values(FUNCTIONS["coalesce"].evaluate(up, column(Kind.BOOL, [False] * 3))) == [True, False, False]


def test_a_call_is_typed_by_its_arguments() -> None:
    """A boolean function can stand as a condition."""
    checked = check("starts_with(service, 'bill') and coalesce(up, false)", row_scope("s", {}), Kind.BOOL, signatures())
    assert checked.infers == {"service": Kind.STRING, "up": Kind.BOOL}
    assert not isinstance(checked.expr, Compare)
