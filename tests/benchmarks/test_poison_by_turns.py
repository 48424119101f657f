"""The estimate of what poison costs, on epochs of which it is known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.load.poison_by_turns import PHASES, Epochs, Layout, throughput_ratio


def epochs(more: float, seed: int, phase: int = 0, pause: float = 0.0) -> Epochs:
    """Nine stretches of eight epochs by turns on a machine that loses a third of its speed meanwhile, with noise.

    `pause` is how much longer epochs of two stretches take, as the daemon does something else then.
    """
    rng = np.random.default_rng(seed)
    stretch = np.arange(72) // 8
    share = (stretch + phase) % 2
    records = rng.integers(100_000, 200_000, 72).astype(np.float64)
    pace = 1e-6 * np.linspace(1.0, 1.5, 72) * (1 + more * share) * rng.normal(1.0, 0.02, 72)
    return Epochs(records * pace * (1 + pause * ((stretch == 3) | (stretch == 7))), records, records * share)


@pytest.mark.parametrize("more", [0.0, 0.05, 0.2])
def test_what_is_there_is_found(more: float) -> None:
    """Within what the noise leaves open, which is told as well."""
    ratio, error = throughput_ratio([[epochs(more, seed)] for seed in range(30)])
    assert error < 0.005
    assert abs(ratio - 1 / (1 + more)) < 3 * error


def test_what_comes_at_a_certain_time_is_not_poison() -> None:
    """As both runs of a round have it, one among what is clean and one among what is poisoned."""
    rounds = [[epochs(0.05, seed, phase, pause=0.2) for phase in PHASES] for seed in range(30)]
    ratio, error = throughput_ratio(rounds)
    assert abs(ratio - 1 / 1.05) < 3 * error + 0.002
    misled, _ = throughput_ratio([[epochs(0.05, seed, pause=0.2)] for seed in range(30)])
    assert abs(misled - 1 / 1.05) > 0.02


def test_records_of_poisoned_stretches_are_counted_by_offset() -> None:
    """The second stretch of each partition is one."""
    layout = Layout("t", ((0, 10, 30, 40), (0, 5, 6, 20)))
    assert layout.length == 60
    assert layout.poisoned({0: 10, 1: 5}) == 0
    assert layout.poisoned({0: 15, 1: 5}) == 5
    assert layout.poisoned({0: 40, 1: 20}) == 21
    assert Layout("t", layout.bounds, 1).poisoned({0: 40, 1: 20}) == 39
