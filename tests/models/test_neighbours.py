"""Stretches: what is far from every one that was learned scores high, by the definition, and the driver is named."""

from __future__ import annotations

import numpy as np
import pytest

from streamwatchd.errors import ModelRejected
from streamwatchd.models.neighbours import MOST_STRETCHES, Neighbours, load
from tests.models.trees import manifest

PACE = {"error": np.ones(2), "log": np.zeros(2, np.uint8), "rates": np.array([1e-9, 1e-9])}
UNIT = np.array([10.0, 2.0])
LAGS = 3


def made(whiten: np.ndarray, stretches: np.ndarray) -> Neighbours:
    return load(manifest("neighbours", 2), {"whiten": whiten, "stretches": stretches, "unit": UNIT, **PACE})


def raws(scorer: Neighbours, rows: list[list[float]]) -> tuple[list[float], np.ndarray, np.ndarray]:
    """Raw scores of one key's rows, its memory before the last of them, and that row."""
    memory, found = np.full((1, scorer.memory), np.nan), []
    before = memory
    for row in rows:
        before = memory
        raw, memory = scorer.score(np.array([row]), memory, np.zeros(1, np.int64))
        found.append(float(raw[0]))
    return found, before, np.array(rows[-1:])


def test_the_distance_is_to_the_nearest_stretches_in_units_from_the_level() -> None:
    """Nothing before as many rows as a stretch has; then the root of the mean square over the nearest 27."""
    stretches = np.concatenate([np.zeros((26, 6)), np.full((1, 6), 2.0), np.full((40, 6), 9.0)])
    scorer = made(np.eye(6), stretches)
    found, _, _ = raws(scorer, [[100.0, 8.0]] * LAGS)
    assert np.isnan(found[: LAGS - 1]).all()
    assert found[-1] == pytest.approx(np.sqrt(6 * 4.0 / 27))


def test_a_feature_that_leaves_its_stretch_drives_the_score() -> None:
    scorer = made(np.eye(6), np.zeros((30, 6)))
    found, memory, row = raws(scorer, [[100.0, 8.0]] * 8 + [[100.0, 12.0]])
    assert found[-2] == pytest.approx(0.0, abs=1e-6)
    assert found[-1] == pytest.approx(2.0, rel=0.3)
    drivers = scorer.drivers(row, memory, np.zeros(1, np.int64))
    assert drivers[0].argmax() == 1
    assert drivers[0].sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("whiten", "stretches", "reason"),
    [
        (np.eye(5), np.zeros((30, 5)), r"`whiten` is \[5, 5\]"),
        (np.ones((6, 4)), np.zeros((30, 6)), r"`whiten` is \[6, 4\]"),
        (np.eye(2 * 65), np.zeros((30, 2 * 65)), "of 1 to 64 lags of 2"),
        (np.eye(6), np.zeros((30, 4)), "`stretches` is float64"),
        (np.eye(6), np.zeros((0, 6)), "`stretches` has 0"),
        (np.eye(6), np.zeros((MOST_STRETCHES + 1, 6)), "`stretches` has 4097"),
        (np.eye(6) * 1e12, np.zeros((30, 6)), "out of range"),
    ],
)
def test_what_is_no_set_of_stretches_is_refused(whiten: np.ndarray, stretches: np.ndarray, reason: str) -> None:
    with pytest.raises(ModelRejected, match=reason):
        made(whiten, stretches)
