"""What rules of one shape have in common, and what tells them apart."""

from __future__ import annotations

from dataclasses import replace

from streamwatchd.lang.typed import (
    BOOL,
    NUMBER,
    STRING,
    Aggregate,
    And,
    Arithmetic,
    Compare,
    Expr,
    Field,
    In,
    Literal,
    TableColumn,
    Value,
)  # fmt: skip
from streamwatchd.operators.evaluate import Param
from streamwatchd.plan.lifting import lift_equalities, lift_numbers

KIND, ROLE, X = Field("kind", STRING), TableColumn("devices", "role", "host", STRING), Field("x", NUMBER)


def number(value: float) -> Literal:
    return Literal(value, NUMBER)


def equals(left: Expr, text: str) -> Compare:
    return Compare("==", left, Literal(text, STRING))


def test_numbers_become_parameters_in_the_order_in_which_they_stand() -> None:
    """So conditions that differ in numbers only are equal."""
    average = Aggregate("avg", X, Compare(">", X, number(7)), 1_000, 0, None, NUMBER)

    def condition(one: float, two: float) -> Expr:
        return And(
            (
                Compare(">", average, number(one)),
                Compare("<", Arithmetic("*", Value("v", NUMBER), number(two), NUMBER), number(one)),
            )
        )

    lifted: list[list[float]] = [[], []]
    shapes = [lift_numbers(condition(*pair), params) for pair, params in zip(((1, 2), (3, 4)), lifted, strict=True)]
    assert shapes[0] == shapes[1]
    assert lifted == [[1, 2, 1], [3, 4, 3]]


def test_aggregates_texts_and_choices_stay() -> None:
    """What panes hold must not differ within a family, and a list of choices is no number."""
    params: list[float] = []
    average = Aggregate("avg", X, Compare(">", X, number(7)), 1_000, 0, None, NUMBER)
    for expr in (
        average,
        equals(KIND, "cpu"),
        In(X, (number(1), number(2))),
        Literal(True, BOOL),
        Literal(None, NUMBER),
    ):
        assert lift_numbers(expr, params) == expr
    assert params == []
    assert lift_numbers(number(5), params) == Param(0, NUMBER)


def test_equalities_with_texts_leave_the_filter() -> None:
    """Names in a fixed order, whatever the order of the text; the rest stays."""
    high = Compare(">", X, number(5))
    one = lift_equalities(And((equals(KIND, "cpu"), high, equals(ROLE, "critical"))))
    two = lift_equalities(And((equals(ROLE, "spare"), equals(KIND, "mem"), high)))
    assert one[0] == two[0] == high
    assert one[1] == two[1]
    assert set(one[1]) == {KIND, ROLE}
    assert dict(zip(one[1], one[2], strict=True)) == {KIND: "cpu", ROLE: "critical"}


def test_what_is_no_single_equality_stays_in_the_filter() -> None:
    """Two constants for one name can't both choose; other comparisons do not choose at all."""
    twice = And((equals(KIND, "cpu"), equals(KIND, "mem")))
    rest, names, constants = lift_equalities(twice)
    assert (rest, names, constants) == (equals(KIND, "mem"), (KIND,), ("cpu",))
    unequal = replace(equals(KIND, "cpu"), op="!=")
    assert lift_equalities(unequal) == (unequal, (), ())
    assert lift_equalities(None) == (None, (), ())
