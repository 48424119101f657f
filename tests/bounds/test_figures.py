"""What a figure may become."""

from __future__ import annotations

import pytest

from streamwatchd.lang import syntax
from streamwatchd.lang.parser import parse_condition
from tests.bounds.figures import changes, steps


@pytest.mark.parametrize(
    ("number", "others"),
    [
        ("85%", ["84%", "86%"]),
        ("0.95", ["0.94", "0.96"]),
        ("100", ["99", "101"]),
        ("0", ["1"]),
        ("5m", ["4m", "6m"]),
        ("15m", ["14m", "16m"]),
        ("1m", ["50s", "70s"]),
        ("2m", ["100s", "140s"]),
        ("24h", ["23h", "25h"]),
    ],
)
def test_a_step_is_one_of_the_last_digit(number: str, others: list[str]) -> None:
    """A sixth, for a duration that would else be halved or doubled."""
    assert steps(number) == others


def test_a_condition_has_all_its_edits() -> None:
    """Numbers up and down, holds away, comparisons turned."""
    text = "used > 80% for 5m until used < 75% for 2m"
    assert edited(text) == [
        "used > 80% until used < 75% for 2m",
        "used > 80% for 5m",
        "used > 80% for 5m until used < 75%",
        "used >= 80% for 5m until used < 75% for 2m",
        "used < 80% for 5m until used < 75% for 2m",
        "used > 79% for 5m until used < 75% for 2m",
        "used > 81% for 5m until used < 75% for 2m",
        "used > 80% for 4m until used < 75% for 2m",
        "used > 80% for 6m until used < 75% for 2m",
        "used > 80% for 5m until used <= 75% for 2m",
        "used > 80% for 5m until used > 75% for 2m",
        "used > 80% for 5m until used < 74% for 2m",
        "used > 80% for 5m until used < 76% for 2m",
        "used > 80% for 5m until used < 75% for 100s",
        "used > 80% for 5m until used < 75% for 140s",
    ]


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("p99(x)", ["p50(x)", "p98(x)", "p99.5(x)"]),
        ("sum(x)", ["avg(x)", "max(x)"]),
        ("a == 0", ["a != 0", "a == 1"]),
        ('"x" = y', ['"x" != y', '"something_else" = y']),
        ("a and b", ["b", "a", "a or b"]),
        ("a or b or c", ["b or c", "a or c", "a or b", "a and b and c"]),
        ("count(where s >= 500)", ["count(where s > 500)", "count(where s <= 500)", "count(where s >= 499)",
                                   "count(where s >= 501)"]),
    ],
)  # fmt: skip
def test_forms_have_their_edits(text: str, others: list[str]) -> None:
    """Percentiles, aggregates, names, and the parts that are joined."""
    assert edited(text) == others


def edited(text: str) -> list[str]:
    tree = parse_condition(text)
    assert isinstance(tree, syntax.Condition)
    return [text[:start] + new + text[end:] for start, end, new in changes(text, tree)]
