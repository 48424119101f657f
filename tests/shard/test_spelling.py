"""Conditions with the numbers of one rule in them."""

from __future__ import annotations

from streamwatchd.lang.typed import BOOL, NUMBER, And, Arithmetic, Compare, Kind, Type, Value
from streamwatchd.operators.evaluate import Param
from streamwatchd.plan.describe import describe
from streamwatchd.shard.spelling import spoken

PERCENT = Type(Kind.NUMBER, "percent")


def test_numbers_come_back_in_the_unit_of_what_they_stand_beside() -> None:
    """A factor has none."""
    x = Value("x", PERCENT)
    first = Compare(">", x, Param(0, NUMBER), BOOL)  # type: ignore[arg-type]
    double = Arithmetic("*", Param(1, NUMBER), x, PERCENT)  # type: ignore[arg-type]
    both = And((first, Compare("<", Value("y", PERCENT), double, BOOL)), BOOL)
    assert describe(spoken(both, (85.0, 2.0))) == "x > 85% and y < (2 * x)"
