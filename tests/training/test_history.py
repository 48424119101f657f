"""Rows in order of time, and scores as the daemon would make them."""

from __future__ import annotations

import numpy as np

from streamwatchd.models.seasonal import load
from streamwatchd.training.history import history_of, replay
from streamwatchd.training.seasonal import fit
from tests.models.rhythms import EVERY_MS, traffic
from tests.models.trees import manifest


def test_rows_are_sorted_and_broken_ones_left_out() -> None:
    vectors = np.array([[1.0], [np.nan], [3.0], [4.0]])
    history = history_of([("b",), ("a",), ("a",), ("b",)], np.array([20, 10, 10, 5]), vectors)
    assert [history.keys[key] for key in history.key] == [("b",), ("a",), ("b",)]
    assert history.ends_ms.tolist() == [5, 10, 20]
    assert history.vectors[:, 0].tolist() == [4.0, 3.0, 1.0]


def test_keys_do_not_know_of_each_other() -> None:
    """A key's scores are the same alone, and what is kept is its memory before each row."""
    history = traffic(2, keys=5)
    scorer = load(manifest("seasonal", 1), fit(history, EVERY_MS, 1, {}, lambda share: None))
    together = replay(scorer, history, keep_memory=True)
    mine = history.key == 3
    alone = replay(scorer, history.take(mine), keep_memory=True)
    assert alone.raw.tobytes() == together.raw[mine].tobytes()
    assert alone.memory.tobytes() == together.memory[mine].tobytes()
    assert np.isnan(alone.memory[0]).all()
    again = scorer.score(history.vectors[mine][9:10], alone.memory[9:10], history.ends_ms[mine][9:10])[0]
    assert again[0] == alone.raw[9]
