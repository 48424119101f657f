"""Instants at even distances."""

from __future__ import annotations

import pytest

from streamwatchd.operators.grid import Grid, holds, last_of, moved

EVERY_10: Grid = (10, 9)


def test_the_last_instant_is_at_or_before_a_limit() -> None:
    """Each grid has instants before all time too."""
    assert [last_of(EVERY_10, limit) for limit in (8, 9, 18, 19)] == [-1, 9, 9, 19]


def test_what_comes_later_is_a_grid_of_the_same_step() -> None:
    """Begun anew where it is later by more than a step."""
    assert [moved(EVERY_10, by) for by in (0, 1, 25)] == [(10, 9), (10, 0), (10, 4)]


@pytest.mark.parametrize(
    ("other", "all_of_it"),
    [((10, 9), True), ((20, 9), True), ((20, 19), True), ((20, 10), False), ((15, 9), False), ((5, 4), False)],
)
def test_one_holds_another(other: Grid, all_of_it: bool) -> None:
    """Each instant of it is one of its own."""
    assert holds(EVERY_10, other) is all_of_it
    instants = [last_of(other, limit) for limit in range(200)]
    assert all_of_it == all(last_of(EVERY_10, instant) == instant for instant in instants)
