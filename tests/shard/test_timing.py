"""Samples for latencies."""

from __future__ import annotations

import numpy as np
import pytest

from streamwatchd.shard.timing import SAMPLED, ages_s, sample


@pytest.mark.parametrize("count", [0, 1, SAMPLED, SAMPLED + 1, 1_000, 20_000])
def test_a_sample_is_small_and_spread(count: int) -> None:
    """All of a small batch; of a large one no more than the bound, from its begin on."""
    found = sample(np.arange(count))
    assert len(found) <= SAMPLED
    assert len(found) == count or len(found) > SAMPLED / 3
    assert found[:1] == [0][:count]


def test_ages_are_never_below_zero() -> None:
    """Clocks of producers may be ahead."""
    assert ages_s([0, 900, 2_000], 1_000).tolist() == [1.0, 0.1, 0.0]
