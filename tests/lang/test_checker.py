"""Whole expressions and conditions."""

from __future__ import annotations

from streamwatchd.functions import signatures
from streamwatchd.lang import check, check_condition
from streamwatchd.lang.scope import Scope
from streamwatchd.lang.typed import (
    BOOL,
    Compare,
    Kind,
    Literal,
    Value,
)
from tests.lang.meaning import PERCENT


def test_a_condition_has_four_parts(alarm: Scope) -> None:
    """`C for D until C for D`, all but the first left out at will."""
    checked = check_condition("cpu5 > 80% for 5m until cpu5 < 75% for 2m", alarm)
    assert (checked.for_ms, checked.until_for_ms) == (300_000, 120_000)
    assert checked.when == Compare(">", Value("cpu5", PERCENT), Literal(80.0, PERCENT))
    assert checked.until == Compare("<", Value("cpu5", PERCENT), Literal(75.0, PERCENT))
    bare = check_condition("calm", alarm)
    assert (bare.when, bare.for_ms, bare.until, bare.until_for_ms) == (Value("calm", BOOL), 0, None, 0)


def test_all_problems_of_an_expression_come_at_once(row: Scope) -> None:
    """One look shows every mistake, in order of place."""
    checked = check("cpi > 5 and foo(cpu) and latency > 3% and service ~ '('", row, Kind.BOOL)
    assert [problem.code for problem in checked.problems] == ["SW202", "SW215", "SW209", "SW212"]


def test_what_depends_on_a_mistake_is_silent(alarm: Scope) -> None:
    """One unknown function makes one problem, whatever is computed from it."""
    checked = check("abs(foo(cpu) + 5%) * 3 > 85% and not foo(cpu)", alarm, Kind.BOOL, signatures())
    assert [problem.code for problem in checked.problems] == ["SW215", "SW215"]


def test_the_problems_of_a_condition_and_its_until_come_together(alarm: Scope) -> None:
    """Both conditions and both durations are checked in one go."""
    checked = check_condition("cpu5 > 80ms for 5 until cpux < 75% for 3x", alarm)
    assert [problem.code for problem in checked.problems] == ["SW209", "SW109", "SW201", "SW109"]
    assert checked.when is None
