"""The canonical text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatchd.lang import syntax
from streamwatchd.lang.parser import parse, parse_condition
from streamwatchd.lang.printer import print_condition, print_expr, quote
from streamwatchd.lang.problem import Problem
from tests.lang.trees import trees


@pytest.mark.parametrize("text", ["a", "a for 5m", "a until b", "a until b for 2m", "a > 5 for 5m until a < 3 for 2m"])
def test_conditions_print_as_they_are_read(text: str) -> None:
    """All four shapes of the clause."""
    tree = parse_condition(text)
    assert not isinstance(tree, Problem)
    assert print_condition(tree) == text


@given(trees)
def test_printed_trees_read_back(tree: syntax.Expr) -> None:
    """`parse(print(e)) == e` for any tree."""
    assert parse(print_expr(tree)) == tree


@given(st.text(max_size=20))
def test_any_text_can_be_quoted(value: str) -> None:
    """Backslashes and quotes included."""
    assert parse(quote(value)) == syntax.String(value)
