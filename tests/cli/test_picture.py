"""Lines that show a rule from the inside."""

from __future__ import annotations

import pytest

from streamwatchd.cli.picture import branch, hold, section, shown


def test_a_section_has_its_title_once() -> None:
    """And none without lines."""
    assert list(section("state", ["a", "b"])) == ["state     a", "          b"]
    assert list(section("state", [])) == []


def test_a_branch_is_indented_and_its_value_stands_in_a_column() -> None:
    """A branch without a value ends with its text."""
    assert branch(1, "x > 1", "true") == "  x > 1" + " " * 40 + "true"
    assert branch(0, "x > 1", "") == "x > 1"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(None, "ms", "null"), (True, "", "true"), (1 / 3, "ms", "0.333333 ms"), (0.5, "ratio", "0.5"), ("a", "", "a")],
)
def test_values_have_their_units(value: object, unit: str, text: str) -> None:
    """But for ratios."""
    assert shown(value, unit) == text


@pytest.mark.parametrize(
    ("hold_ms", "at_ms", "text"),
    [(0, 5, ""), (30_000, 10_000, ": for 30s, 20s left"), (30_000, 40_000, ": for 30s is over")],
)
def test_a_hold_says_what_is_left(hold_ms: int, at_ms: int, text: str) -> None:
    """Nothing where there is none."""
    assert hold("for", 0, hold_ms, at_ms) == f"true since 1970-01-01T00:00:00.000Z{text}"
