"""The estimate of what poison costs, on epochs of which it is known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.load.poison_by_turns import Epochs, Layout, throughput_ratio


def epochs(more: float, seed: int) -> Epochs:
    """Nine stretches of eight epochs by turns on a machine that loses a third of its speed meanwhile, with noise."""
    rng = np.random.default_rng(seed)
    share = np.arange(72) // 8 % 2
    records = rng.integers(100_000, 200_000, 72).astype(np.float64)
    pace = 1e-6 * np.linspace(1.0, 1.5, 72) * (1 + more * share) * rng.normal(1.0, 0.02, 72)
    return Epochs(records * pace, records, records * share)


@pytest.mark.parametrize("more", [0.0, 0.05, 0.2])
def test_what_is_there_is_found(more: float) -> None:
    """Within what the noise leaves open, which is told as well."""
    ratio, error = throughput_ratio([[epochs(more, seed)] for seed in range(30)])
    assert error < 0.005
    assert abs(ratio - 1 / (1 + more)) < 3 * error


def test_records_of_poisoned_stretches_are_counted_by_offset() -> None:
    """The second stretch of each partition is one."""
    layout = Layout("t", ((0, 10, 30, 40), (0, 5, 6, 20)))
    assert layout.length == 60
    assert layout.poisoned({0: 10, 1: 5}) == 0
    assert layout.poisoned({0: 15, 1: 5}) == 5
    assert layout.poisoned({0: 40, 1: 20}) == 21
