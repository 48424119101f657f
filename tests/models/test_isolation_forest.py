"""The forest kind: both ways to walk it agree to the last bit, and only trees are taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamwatchd.errors import ModelRejected
from streamwatchd.models import KINDS
from streamwatchd.models.isolation_forest import load
from tests.models.trees import forest, manifest

Arrays = dict[str, npt.NDArray[Any]]
NO_MEMORY = np.zeros((0, 0))
NO_TIMES = np.zeros(0, np.int64)


def walked(arrays: Arrays, vector: npt.NDArray[np.float64]) -> float:
    """The definition: down every tree, one node at a time."""
    total = 0.0
    for root in arrays["roots"].tolist():
        node = root
        while arrays["left"][node] != node:
            node = arrays["left"][node] + int(vector[arrays["feature"][node]] > arrays["threshold"][node])
        total += round(float(arrays["value"][node]) * 2**32) / 2**32
    return total


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), features=st.integers(1, 6), leaves=st.sampled_from([1, 2, 40, 63, 64, 150]))
def test_a_row_scores_the_same_in_any_company(seed: int, features: int, leaves: int) -> None:
    """Alone, among few and among many: the definition's path, to the last bit. Values on a threshold go left."""
    arrays = forest(seed, trees=6, features=features, leaves=leaves)
    scorer = load(manifest(features=features), arrays)
    vectors = np.round(np.random.default_rng(seed).normal(size=(300, features)), 1)
    many = scorer.score(vectors, NO_MEMORY, NO_TIMES)[0]
    few = np.concatenate([scorer.score(vectors[i : i + 7], NO_MEMORY, NO_TIMES)[0] for i in range(0, 300, 7)])
    assert (many == few).all()
    scale = (2 * (np.log(255) + np.euler_gamma) - 2 * 255 / 256) * 6
    for row in range(0, 300, 29):
        assert many[row] == pytest.approx(2 ** (-walked(arrays, vectors[row]) / scale), abs=2**-33)


def test_the_feature_that_is_off_drives_the_score() -> None:
    arrays = forest(3, trees=60, features=3)
    arrays["value"] = np.where(arrays["left"] == np.arange(len(arrays["left"])), 8.0, 0.0)
    first = np.flatnonzero(arrays["left"][arrays["roots"]] != arrays["roots"])
    roots = arrays["roots"][first]
    arrays["feature"][roots], arrays["threshold"][roots] = 1, 3.0
    for root in roots.tolist():
        right = arrays["left"][root] + 1
        if arrays["left"][right] == right:
            arrays["value"][right] = 1.0
    scorer = load(manifest(), arrays)
    drivers = scorer.drivers(np.array([[0.0, 9.0, 0.0], [0.0, 0.0, 0.0]]), NO_MEMORY, NO_TIMES)
    assert drivers[0].argmax() == 1
    assert drivers[0].sum() == pytest.approx(1.0)
    assert drivers[1].tolist() == [0.0, 0.0, 0.0]


def _set(name: str, place: int, value: float) -> Callable[[Arrays], object]:
    return lambda arrays: arrays[name].__setitem__(place, value)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda arrays: arrays.pop("left"), "`left` is missing"),
        (lambda arrays: arrays.update(left=arrays["left"][:-1]), "`left` is int32"),
        (lambda arrays: arrays.update(left=arrays["left"] * 1.0), "`left` is float64"),
        (lambda arrays: arrays.update(center=np.zeros(2)), "`center` is float64"),
        (_set("left", 1, 0), "a child before it"),
        (_set("left", 0, 10**6), "a child before it or in another tree"),
        (_set("feature", 0, 3), "none of the 3"),
        (_set("feature", 0, -1), "none of the 3"),
        (_set("roots", 0, 1), "`roots`"),
        (_set("samples", 0, 1.0), "out of range"),
        (_set("value", 5, 1e9), "out of range"),
        (lambda arrays: arrays["left"].__setitem__(0, arrays["left"][0] + 2), "no parent or two"),
    ],
)
def test_what_is_no_forest_is_refused(spoil: Callable[[Arrays], object], reason: str) -> None:
    """Cycles, strange features, wrong shapes: refused with the reason, before anything walks."""
    arrays = forest(1, leaves=40)
    while arrays["left"][0] == 0:
        arrays = forest(int(arrays["samples"][0]) + 1, leaves=40)
    spoil(arrays)
    with pytest.raises(ModelRejected, match=reason):
        load(manifest(), arrays)


def test_the_shelf_has_the_kind() -> None:
    assert KINDS["isolation_forest"].load is load
