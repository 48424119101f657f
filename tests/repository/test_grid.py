"""Numbers that differ in their last bits become one."""

from __future__ import annotations

import numpy as np

from streamwatchd.repository.grid import GRID, settled


def test_last_bits_are_gone_and_the_rest_is_kept() -> None:
    some = np.random.default_rng(1).uniform(0.1, 3.0, 1_000)
    for _ in range(3):
        other = np.nextafter(some, np.inf)
        assert (settled(some) == settled(other)).all()
        assert np.abs(settled(some) - some).max() <= 0.5 / GRID


def test_what_is_not_finite_stays() -> None:
    found = settled(np.array([np.nan, np.inf, -np.inf, -0.0]))
    assert np.isnan(found[0])
    assert found[1:].tolist() == [np.inf, -np.inf, 0.0]
