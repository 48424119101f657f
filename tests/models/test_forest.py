"""Walking and masking find the same leaves, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from streamwatchd.models import _forest
from streamwatchd.models._forest import _MOST_WALKS, Masks, Nodes, Sums, cuts_of, masks_bytes, walk
from tests.models.trees import forest


def nodes_of(seed: int, leaves: int) -> Nodes:
    arrays = forest(seed, trees=5, features=4, leaves=leaves)
    leaf = arrays["left"] == np.arange(len(arrays["left"]))
    return Nodes(
        feature=arrays["feature"].astype(np.intp),
        threshold=np.where(leaf, np.inf, arrays["threshold"]),
        left=arrays["left"].astype(np.intp),
        value=np.where(leaf, np.round(arrays["value"] * 2**32) / 2**32, 0.0),
        roots=arrays["roots"].astype(np.intp),
        depth=len(leaf),
    )


@pytest.mark.parametrize("leaves", [1, 2, 63, 64, 127, 300])
@pytest.mark.parametrize("seed", range(4))
def test_masks_find_the_leaf_that_a_walk_finds(seed: int, leaves: int) -> None:
    """In trees of one word of leaves and of several, also at values that lie on a threshold."""
    nodes = nodes_of(seed, leaves)
    vectors = np.round(np.random.default_rng(seed).normal(0, 2, (3_000, 4)), 1)
    masked = Masks(nodes, cuts_of(nodes, 4)).sums(vectors)
    assert (masked == walk(nodes, vectors)).all()
    sums = Sums(nodes, 4)
    assert (sums.of(vectors) == masked).all()
    assert (sums.of(vectors[:5]) == masked[:5]).all()


def test_a_forest_whose_look_ups_would_fill_the_memory_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same answer, and in blocks: what it takes is known before it is made."""
    nodes = nodes_of(1, 300)
    cuts = cuts_of(nodes, 4)
    tables = [table for tree in Masks(nodes, cuts)._trees for tables, _ in tree.words for table in tables]
    needed = masks_bytes(nodes, cuts)
    assert needed == sum(table.nbytes for table in tables)
    vectors = np.random.default_rng(1).normal(0, 2, (_MOST_WALKS // 5 + 7, 4))
    usual = Sums(nodes, 4).of(vectors)
    monkeypatch.setattr(_forest, "LARGEST_MASKS", needed - 1)
    monkeypatch.setattr(_forest, "Masks", None)
    assert (Sums(nodes, 4).of(vectors) == usual).all()
