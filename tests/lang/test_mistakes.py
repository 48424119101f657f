"""The words of syntax errors."""

from __future__ import annotations

import pytest

from streamwatchd.functions import signatures
from streamwatchd.lang import check
from streamwatchd.lang.mistakes import closing_brace, unbalanced
from streamwatchd.lang.scope import Scope
from streamwatchd.lang.typed import Kind


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("total between 1 and 5", "`x >= 1 and x <= 5`"),
        ("service like 'a%'", "starts_with"),
        ("total >> 5", "write `>`"),
        ("total => 5", "write `>=`"),
        ("total > 1,000", "commas stand only"),
        ("latency > 5 minutes", "`5m`"),
        ("total > %5", "behind the number"),
        ("avg(cpu)[5m] > 3", "`avg(x over 5m)`"),
        ("avg(cpu) over 5m > 3", "inside an aggregate"),
        ("count(*) > 3", "`count()`"),
        ("service contains 'a'", '`contains(x, "…")`'),
        ("service = true", '`"true"`'),
        ("service = 5G", '`"5G"`'),
        ("service = a:b", "in quotes"),
    ],
)
def test_habits_of_other_languages_get_the_form_of_this_one(row: Scope, text: str, words: str) -> None:
    """The way out says what to type."""
    (problem,) = check(text, row, Kind.BOOL, signatures()).problems
    assert words in problem.hint


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("cpu5}", (4, -1)),
        ("cpu5:.1f}", (8, 4)),
        ("a == ':}'}", (9, -1)),
        ("`a}b`:d} }", (7, 5)),
        ("cpu5", (-1, -1)),
        ("a {b}", (-1, -1)),
    ],
)
def test_a_placeholder_ends_at_its_own_brace(text: str, end: tuple[int, int]) -> None:
    """Not at one within quotes; a brace that opens again is a mistake."""
    assert closing_brace(text, 0) == end


def test_brackets_are_counted_outside_of_quotes() -> None:
    """A bracket in a text is a letter."""
    assert unbalanced("a == '((((' and `)` > 5", 3) is None
    assert unbalanced("((1))", 2) is None
    assert unbalanced("(((1)))", 2) is not None
