"""Aggregates with their clauses, and scalar functions."""

from __future__ import annotations

import pytest

from streamwatchd.lang import check
from streamwatchd.lang.scope import Scope
from streamwatchd.lang.typed import STRING, Aggregate, Call, Compare, Field, Kind, Literal, Type
from tests.lang.meaning import PERCENT, PLAIN, meaning

CPU = Field("cpu", PERCENT)


@pytest.mark.parametrize(
    ("text", "aggregate"),
    [
        ("count(over 5m)", Aggregate("count", None, None, 300_000, 0, None, PLAIN)),
        ("count(cpu over 5m)", Aggregate("count", CPU, None, 300_000, 0, None, PLAIN)),
        ("avg(cpu over 1h ago 7d)", Aggregate("avg", CPU, None, 3_600_000, 604_800_000, None, PERCENT)),
        ("p99.9(cpu over 1m)", Aggregate("quantile", CPU, None, 60_000, 0, None, PERCENT, 0.999)),
        ("sum(cpu over 5m by mount)", Aggregate("sum", CPU, None, 300_000, 0, ("mount",), PERCENT)),
        ("sum(cpu over 5m by mount, host)", Aggregate("sum", CPU, None, 300_000, 0, None, PERCENT)),
        ("last(service over 5m)", Aggregate("last", Field("service", STRING), None, 300_000, 0, None, STRING)),
        (
            "max(cpu where service = a over 5m)",
            Aggregate(
                "max",
                CPU,
                Compare("==", Field("service", STRING), Literal("a", STRING)),
                300_000,
                0,
                None,
                PERCENT,
            ),
        ),
    ],
)
def test_an_aggregate_has_all_its_parts(alarm: Scope, text: str, aggregate: Aggregate) -> None:
    """Durations in ms, `by` sorted and left out where it is the rule's own."""
    assert meaning(text, alarm) == aggregate


def test_a_kpi_has_a_window_of_its_own(kpi: Scope) -> None:
    """`over` may be left out, and is None then."""
    expr = meaning("avg(cpu)", kpi)
    assert isinstance(expr, Aggregate)
    assert expr.over_ms is None


def test_functions_nest_in_and_around_aggregates(kpi: Scope) -> None:
    """`round(avg(abs(x)), 1)`."""
    expr = meaning("round(avg(abs(cpu)), 1)", kpi)
    average = Aggregate("avg", Call("abs", (CPU,), PERCENT), None, None, 0, None, PERCENT)
    assert expr == Call("round", (average, Literal(1.0, PLAIN)), PERCENT)


def test_a_count_of_a_boolean_field_is_a_count_of_values(kpi: Scope) -> None:
    """Only a condition is taken for a mistake."""
    assert meaning("count(up)", kpi).type == Type(Kind.NUMBER)
    assert [problem.code for problem in check("count(not up)", kpi).problems] == ["SW225"]
