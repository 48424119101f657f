"""Instants at which nodes judge."""

from __future__ import annotations

import numpy as np
import pytest

from streamwatchd.operators.node import first_multiple_above, least


@pytest.mark.parametrize(("time", "step", "found"), [(0, 10, 10), (9, 10, 10), (10, 10, 20), (-1, 10, 0), (-10, 10, 0)])
def test_the_next_instant_lies_above(time: int, step: int, found: int) -> None:
    """A window that ends at T holds what is before T, so an event at T waits for the next; times before 1970 too."""
    assert first_multiple_above(time, step) == found
    assert first_multiple_above(np.array([time]), step).tolist() == [found]


@pytest.mark.parametrize(("instants", "found"), [((), None), ((None, None), None), ((3, None, 2), 2)])
def test_the_earliest_of_those_that_are_known(instants: tuple[int | None, ...], found: int | None) -> None:
    """None means never."""
    assert least(*instants) == found
