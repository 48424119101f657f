"""Whole expressions and conditions."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamwatchd.functions import signatures
from streamwatchd.lang import check, check_condition, syntax
from streamwatchd.lang.scope import Scope
from streamwatchd.lang.typed import (
    BOOL,
    Compare,
    Kind,
    Literal,
    Value,
)
from tests.lang.meaning import PERCENT
from tests.lang.trees import trees


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


NAMES = "cpu latency service up role cpu5 time error_rate traffic rssi foo host devices.role a-1 `x`"
LITERALS = "5 85% 400ms 1e308 1e308w 0 1__0 5foo 10MiB/s 2dB 5m 1h 'a' '(a+)+' null true"
SIGNS = "and or not in is > < == != ~ + - * / % ( ) , over ago by where for until"
CALLS = "avg( count( ratio( last( p99( coalesce( abs( lower( round( least("
WORDS = " ".join((NAMES, LITERALS, SIGNS, CALLS)).split()


@pytest.mark.parametrize("name", ["row", "open_row", "alarm", "kpi", "open_alarm", "clash", "closed"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(words=st.lists(st.sampled_from(WORDS), max_size=12))
def test_any_words_check_or_have_problems_in_the_text(scopes: dict[str, Scope], name: str, words: list[str]) -> None:
    """The checker raises nothing, fails exactly when it says so, and places what it says."""
    text = " ".join(words)
    text += ")" * (text.count("(") - text.count(")"))
    checked = check(text, scopes[name], None, signatures())
    assert (checked.expr is None) == checked.failed
    condition = check_condition(text, scopes[name], signatures())
    assert (condition.when is None) == condition.failed
    for problem in checked.problems + condition.problems:
        assert 0 <= problem.start <= problem.end <= len(text)
        assert problem.message


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(tree=trees)
def test_any_tree_checks_or_has_problems(scopes: dict[str, Scope], tree: syntax.Expr) -> None:
    """Also the trees that words seldom make; checking twice gives the same."""
    for scope in scopes.values():
        checked = check(tree, scope, None, signatures())
        assert (checked.expr is None) == checked.failed
        assert check(tree, scope, None, signatures()) == checked
