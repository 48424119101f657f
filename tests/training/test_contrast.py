"""What is odd only together, each feature within its range: found by contrast trees, not by isolation alone."""

from __future__ import annotations

import numpy as np
import pytest

from streamwatchd.errors import UnreadableInput
from streamwatchd.models import KINDS, Scorer
from streamwatchd.repository.artifact import decode_arrays, encode_arrays
from streamwatchd.training import forest
from streamwatchd.training.history import History, history_of
from tests.models.trees import manifest


def busy_or_not(rows: int, features: int = 2) -> History:
    """Two features that rise and fall together, and what else there is."""
    rng = np.random.default_rng(1)
    load = rng.choice([1.0, 2.0], rows)
    noise = rng.normal(0.0, 0.1, (rows, features))
    return history_of([("k",)] * rows, 1_000 * np.arange(1, rows + 1), load[:, None] + noise)


def fitted(history: History, **given: int) -> Scorer:
    arrays = forest.fit(history, 1_000, 1, {"samples": 256, "trees": 50, **given}, lambda share: None)
    features = history.vectors.shape[1]
    return KINDS["isolation_forest"].load(manifest(features=features), decode_arrays(encode_arrays(arrays)))


def share_above(scorer: Scorer, history: History, vector: list[float]) -> float:
    """Of the history, how much is odder than this vector."""
    ends = np.zeros(len(history), np.int64)
    nothing = np.zeros((len(history), 0))
    usual, _ = scorer.score(history.vectors, nothing, ends)
    (raw,), _ = scorer.score(np.array([vector]), nothing[:1], ends[:1])
    return float((usual >= raw).mean())


def test_a_combination_that_was_never_seen_is_the_oddest() -> None:
    """High with low: beyond everything in the history. What is far out stays odd."""
    history = busy_or_not(4_000)
    contrast = fitted(history, contrast=50)
    assert share_above(contrast, history, [1.95, 1.05]) == 0.0
    assert share_above(fitted(history), history, [1.95, 1.05]) > 0.005
    assert share_above(contrast, history, [9.0, 9.0]) < 0.05
    assert share_above(contrast, history, [1.02, 0.99]) > 0.2


def test_equal_seeds_give_equal_trees() -> None:
    history = busy_or_not(600)
    first, again = (forest.fit(history, 1_000, 3, {"trees": 5, "contrast": 5}, lambda share: None) for _ in range(2))
    assert all(first[name].tobytes() == again[name].tobytes() for name in first)
    assert len(first["roots"]) == 10


def test_one_feature_alone_goes_together_with_nothing() -> None:
    with pytest.raises(UnreadableInput, match="two features at least"):
        fitted(busy_or_not(600, features=1), contrast=5)
