"""The kinds that follow the pace of a key: a batch of keys in the engine, one vector after the other by description."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamwatchd.models import KINDS
from tests.models import paces
from tests.models.paces import paced
from tests.models.trees import manifest
from tests.oracle import pace

_KEYS, _STEPS, _EVERY_MS, _START_MS = 3, 40, 1_800_000, 1_767_571_200_000


@pytest.mark.parametrize("kind", paces.KINDS)
@settings(max_examples=10)
@given(seed=st.integers(0, 10_000), features=st.integers(1, 3))
def test_raw_scores_are_those_of_the_description(kind: str, seed: int, features: int) -> None:
    """Steps, drifts and outliers of several keys; some are silent now and then."""
    rng = np.random.default_rng(seed)
    arrays = paced(kind, seed, features)
    scorer = KINDS[kind].load(manifest(kind, features), arrays)
    plain = {name: array.tolist() for name, array in arrays.items()}
    memory = np.full((_KEYS, scorer.memory), np.nan)
    before: list[pace.Memory | None] = [None] * _KEYS
    level, told = rng.normal(0, 40, (_KEYS, features)), 0
    for step in range(_STEPS):
        end_ms = _START_MS + step * _EVERY_MS
        level += rng.normal(0, 3, level.shape)
        vectors = level + rng.normal(0, 20, level.shape) * (1 + 20 * (rng.random((_KEYS, 1)) < 0.05))
        rows = np.flatnonzero(rng.random(_KEYS) < 0.9)
        raw, memory[rows] = scorer.score(vectors[rows], memory[rows], np.full(len(rows), end_ms))
        for row, found in zip(rows.tolist(), raw.tolist()):
            wanted, before[row] = pace.raw_score(kind, plain, vectors[row].tolist(), before[row], end_ms)
            assert found == pytest.approx(np.nan if wanted is None else wanted, rel=1e-9, abs=1e-9, nan_ok=True)
            told += wanted is not None
    assert told > _STEPS
