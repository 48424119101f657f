"""What is learned of stretches: a key that swings within its range is found, keys of all sizes are alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streamwatchd.errors import UnreadableInput
from streamwatchd.models.neighbours import load
from streamwatchd.training.history import History, replay
from streamwatchd.training.neighbours import LAGS, fit
from tests.models.rhythms import EVERY_MS, traffic
from tests.models.trees import manifest


def fitted(history: History, **given: int) -> dict[str, np.ndarray]:
    return fit(history, EVERY_MS, 1, given, lambda share: None)


def test_a_key_that_swings_within_its_range_is_found() -> None:
    """For two hours it goes to and fro between its usual high and low: no value of it is odd, only their order."""
    history = traffic(5, keys=4, noise=0.02)
    learned = history.between(0, int(history.ends_ms[0]) + 3 * 86_400_000)
    mine = np.flatnonzero(history.key == 2)
    swung = mine[-24:]
    vectors = history.vectors.copy()
    low, high = np.quantile(vectors[mine], [0.2, 0.8])
    vectors[swung, 0] = np.where(np.arange(24) % 2, low, high)
    arrays = fitted(learned)
    raw = replay(load(manifest("neighbours", 1), arrays), replace(history, vectors=vectors)).raw
    normal = np.delete(raw, swung)
    assert raw[swung[-1]] > np.nanmax(normal[-len(normal) // 3 :])


def test_keys_of_other_sizes_count_alike() -> None:
    """A thousand times as large is no other shape: then features are logarithms, else they are not."""
    history = traffic(3, keys=4)
    sizes = 1000.0 ** (history.key % 2)[:, None]
    assert fitted(history)["log"].tolist() == [0]
    assert fitted(replace(history, vectors=history.vectors * sizes))["log"].tolist() == [1]


def test_equal_seeds_give_equal_arrays_and_the_setting_is_heard() -> None:
    history = traffic(3, keys=4)
    one, two = fitted(history, stretches=50), fitted(history, stretches=50)
    assert {name: array.tobytes() for name, array in one.items()} == {k: v.tobytes() for k, v in two.items()}
    assert one["stretches"].shape == (50, LAGS)


def test_stretches_with_a_row_that_is_not_normal_are_left_out() -> None:
    history = traffic(1, keys=1)
    normal = np.ones(len(history), bool)
    normal[::LAGS] = False
    with pytest.raises(UnreadableInput, match="0 stretches of 19 vectors are too few"):
        fitted(replace(history, normal=normal))
