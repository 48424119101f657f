"""Aggregates as the checker sees them."""

from __future__ import annotations

import pytest

from streamwatchd.lang import contains_aggregate
from streamwatchd.lang.parser import parse
from streamwatchd.lang.problem import Problem
from streamwatchd.lang.signatures import AGGREGATES, quantile


@pytest.mark.parametrize(
    ("text", "found"),
    [("cpu > 5", False), ("abs(cpu) > 5", False), ("1 + abs(avg(cpu))", True), ("p95(x)", True), ("count() > 3", True)],
)
def test_an_aggregate_is_found_anywhere(text: str, found: bool) -> None:
    """Whether a rule is judged on windows or on single events."""
    tree = parse(text)
    assert not isinstance(tree, Problem)
    assert contains_aggregate(tree) == found


@pytest.mark.parametrize(
    ("name", "share"),
    [
        ("p50", 0.5),
        ("p99", 0.99),
        ("p99.9", 0.999),
        ("p5", 0.05),
        ("p0", None),
        ("p100", None),
        ("p", None),
        ("q5", None),
    ],
)
def test_percentiles_are_between_the_ends(name: str, share: float | None) -> None:
    """`p0` and `p100` are `min` and `max`."""
    assert quantile(name) == share


def test_what_comes_later_says_what_to_write_instead() -> None:
    """The way out is an expression of today's language."""
    for signature in AGGREGATES.values():
        if signature.instead:
            tree = parse(signature.instead)
            assert not isinstance(tree, Problem)
            assert contains_aggregate(tree)
