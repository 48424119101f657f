"""What every kind of model on the shelf keeps to."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from streamwatchd.errors import ModelRejected
from streamwatchd.models import KINDS, Arrays, Scorer
from streamwatchd.repository.artifact import decode_arrays, encode_arrays
from streamwatchd.training.history import History, replay
from streamwatchd.training.threads import one_thread
from streamwatchd.training.train import FITS
from tests.models.rhythms import EVERY_MS, traffic
from tests.models.trees import manifest

FEATURES = 2
SMALL = {
    "lstm": {"rounds": 30, "units": 6},
    "isolation_forest": {"trees": 20, "samples": 64},
    "neighbours": {"stretches": 60},
}


@cache
def history() -> History:
    return traffic(3, keys=5, features=FEATURES)


@cache
def trained(kind: str) -> Arrays:
    """What a small model of the kind is."""
    with one_thread():
        arrays = FITS[kind](history(), EVERY_MS, 1, SMALL.get(kind, {}), lambda share: None)
    return {"center": np.zeros(FEATURES), **arrays}


@cache
def fitted(kind: str) -> Scorer:
    """The same, written to bytes and read again."""
    return KINDS[kind].load(manifest(kind, FEATURES), decode_arrays(encode_arrays(trained(kind))))


def batch(scorer: Scorer, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors, memories and ends in which some keys are new, some warm, some odd."""
    rng = np.random.default_rng(rows)
    vectors = rng.lognormal(6.0, 1.0, (rows, FEATURES))
    ends = rng.integers(0, 10**6, rows) * EVERY_MS
    memory = np.full((rows, scorer.memory), np.nan)
    for _ in range(13):
        old = rng.random(rows) < 0.9
        _, memory[old] = scorer.score(vectors[old] * rng.lognormal(0, 0.1, (old.sum(), 1)), memory[old], ends[old])
    return vectors, memory, ends


def test_every_kind_can_be_trained() -> None:
    assert set(FITS) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_scores_the_same_in_any_company(kind: str) -> None:
    """Raw score, memory and drivers of a row are the same to the last bit alone, among few and among many."""
    scorer = fitted(kind)
    vectors, memory, ends = batch(scorer, 1_200)
    many, after = scorer.score(vectors, memory, ends)
    drivers = scorer.drivers(vectors, memory, ends)
    for rows in (slice(0, 1), slice(7, 10), slice(500, 613), slice(1_100, 1_200)):
        few, kept = scorer.score(vectors[rows], memory[rows], ends[rows])
        assert few.tobytes() == many[rows].tobytes()
        assert kept.tobytes() == after[rows].tobytes()
        assert scorer.drivers(vectors[rows], memory[rows], ends[rows]).tobytes() == drivers[rows].tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_drivers_are_shares(kind: str) -> None:
    drivers = fitted(kind).drivers(*batch(fitted(kind), 300))
    assert drivers.shape == (300, FEATURES)
    assert (drivers >= 0).all()
    total = drivers.sum(axis=1)
    assert (np.isclose(total, 1.0) | (total == 0.0)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_memory_is_bounded_and_stays_finite(kind: str) -> None:
    """After a first vector memory has no NaN any more, also after values as far out as numbers go."""
    scorer = fitted(kind)
    assert scorer.memory < 1_000
    memory = np.full((4, scorer.memory), np.nan)
    for value in (1.0, 1e300, -1e300, 0.0, 1e-300, *[7.0] * 20):
        raw, memory = scorer.score(np.full((4, FEATURES), value), memory, np.full(4, EVERY_MS))
        assert memory.shape == (4, scorer.memory)
        assert np.isfinite(memory).all()
    assert np.isfinite(raw).all()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_odd_scores_above_what_was_learned(kind: str) -> None:
    """One feature 50 times, one a 50th of what it should be, where there is no rhythm that some kinds don't know."""
    quiet = traffic(3.5, keys=5, seed=2, features=FEATURES, wave=0.0)
    bad = (quiet.key == 3) & (quiet.ends_ms > quiet.ends_ms[-1] - 3 * EVERY_MS)
    vectors = quiet.vectors.copy()
    vectors[bad] *= (50.0, 0.02)
    arrays = FITS[kind](quiet, EVERY_MS, 1, SMALL.get(kind, {}), lambda share: None)
    raw = replay(
        KINDS[kind].load(manifest(kind, FEATURES), arrays),
        History(quiet.keys, quiet.key, quiet.ends_ms, vectors, quiet.normal),
    ).raw
    assert raw[bad][-1] > np.nanquantile(raw[~bad], 0.99)


SPOILT: dict[str, Callable[[npt.NDArray[Any]], npt.NDArray[Any]]] = {
    "empty": lambda array: array[:0],
    "one more": lambda array: np.concatenate([array, array[-1:]]),
    "one dimension more": lambda array: array[None],
    "a single number": lambda array: array.ravel()[0],
    "whole numbers": lambda array: array.astype(np.int64),
    "fractions": lambda array: array.astype(np.float64) + 0.5,
    "negative": lambda array: -1 - array.astype(np.float64 if array.dtype.kind == "f" else np.int64),
    "nothing but zeros": np.zeros_like,
    "as large as numbers go": lambda array: np.full_like(array, _greatest(array.dtype)),
    "as small as numbers go": lambda array: np.full_like(array, _least(array.dtype)),
}


def _greatest(dtype: np.dtype[Any]) -> Any:
    return np.finfo(dtype).max if dtype.kind == "f" else np.iinfo(dtype).max


def _least(dtype: np.dtype[Any]) -> Any:
    return np.finfo(dtype).tiny if dtype.kind == "f" else np.iinfo(dtype).min


@pytest.mark.parametrize("how", SPOILT)
@pytest.mark.parametrize("kind", KINDS)
def test_spoilt_arrays_are_refused_by_name_or_do_no_harm(kind: str, how: str) -> None:
    """Whatever one array of an artifact holds: it is refused, or the model scores in finite numbers, or not yet."""
    for name in KINDS[kind].arrays:
        arrays = {**trained(kind)}
        arrays[name] = SPOILT[how](arrays[name])
        try:
            scorer = KINDS[kind].load(manifest(kind, FEATURES), decode_arrays(encode_arrays(arrays)))
        except ModelRejected:
            continue
        memory = np.full((120, scorer.memory), np.nan)
        for value in range(1, 15):
            vectors = np.full((120, FEATURES), float(value))
            raw, memory = scorer.score(vectors, memory, np.full(120, value * EVERY_MS))
            assert np.isfinite(memory).all(), name
        assert not np.isinf(raw).any(), name
        assert np.isfinite(scorer.drivers(vectors, memory, np.full(120, EVERY_MS))).all(), name


@pytest.mark.parametrize("kind", KINDS)
def test_an_array_that_is_missing_is_named(kind: str) -> None:
    for name in KINDS[kind].arrays:
        arrays = {other: array for other, array in trained(kind).items() if other != name}
        with pytest.raises(ModelRejected, match=f"array `{name}` is missing"):
            KINDS[kind].load(manifest(kind, FEATURES), arrays)


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_without_rows_is_a_batch(kind: str) -> None:
    """Where every vector of an instant lacks a feature, the model has nothing to say and does not fail."""
    scorer = fitted(kind)
    raw, after = scorer.score(np.zeros((0, FEATURES)), np.zeros((0, scorer.memory)), np.zeros(0, np.int64))
    assert raw.shape == (0,)
    assert after.shape == (0, scorer.memory)
