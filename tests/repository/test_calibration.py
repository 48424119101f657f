"""The score means the same for every model: 0.95 about once in 7 days a key, 0.99 about once in 35."""

from __future__ import annotations

import numpy as np
import pytest

from streamwatchd.repository.calibration import Numbers, alarms_per_day, fit, mean_score, scores, share_above, share_of
from streamwatchd.repository.manifest import decode_manifest, encode_manifest
from tests.models.trees import manifest


@pytest.mark.parametrize("kind", ["normal", "exponential", "heavy"])
def test_held_back_vectors_exceed_as_often_as_the_score_says(kind: str) -> None:
    """Within a factor of 3, fitted to 60,000 vectors: 0.99 lies beyond nearly all of them. Counted on fresh draws."""
    rng = np.random.default_rng(7)
    draw = {"normal": rng.normal, "exponential": rng.exponential, "heavy": lambda size: rng.pareto(4.0, size)}[kind]
    calibration = fit(draw(size=60_000), per_day=1_440)
    fresh = draw(size=4_000_000)
    found = scores(calibration, fresh)
    for threshold, days in ((0.95, 7.0), (0.99, 35.0)):
        rate = float((found > threshold).mean()) * 1_440
        assert alarms_per_day(threshold) == pytest.approx(1 / days)
        assert 1 / days / 3 < rate < 3 / days


def test_a_shoulder_is_not_taken_for_the_tail() -> None:
    """Spells of some keys are 1.6 % of the rows, evenly odd; beyond them few rows lie further and further out. Over ten
    fits to 10,000 rows, 0.95 is exceeded as often as promised, within a factor of 2."""
    rng = np.random.default_rng(5)

    def draw(size: int) -> Numbers:
        spell, far = rng.uniform(3.0, 5.0, size), 5.0 + rng.exponential(0.3, size)
        return np.where((kind := rng.random(size)) < 0.004, far, np.where(kind < 0.02, spell, rng.normal(size=size)))

    fresh = draw(1_000_000)
    rates = [(scores(fit(draw(10_000), 1_440), fresh) > 0.95).mean() * 1_440 for _ in range(10)]
    assert 1 / 14 < float(np.mean(rates)) < 2 / 7


def test_a_tail_of_few_rows_does_not_end_at_once() -> None:
    """All blocks of the jackknife may meet the same bound of the shape; so much doubt as theory has is left."""
    calibration = fit(np.concatenate([np.zeros(10_000), np.linspace(1.0, 2.0, 40)]), 1_440)
    assert calibration.tail.shape_error > 0.1
    assert scores(calibration, np.array([2.05]))[0] < 1.0


def test_the_score_rises_with_the_raw_score_and_stays_in_its_bounds() -> None:
    rng = np.random.default_rng(1)
    calibration = fit(rng.normal(size=5_000), per_day=288)
    raw = np.linspace(-9, 60, 20_000)
    found = scores(calibration, raw)
    assert (np.diff(found) >= 0).all()
    assert found[0] == 0.0
    assert 0.999 < found[-1] <= 1.0
    assert (np.diff(share_above(calibration, raw)) <= 0).all()
    assert np.isnan(scores(calibration, np.array([np.nan]))).all()


def test_equal_raw_scores_calibrate_too() -> None:
    """A model that says the same of everything: what is as usual scores low, what is above scores high."""
    calibration = fit(np.full(500, 0.25), per_day=1_440)
    low, high = scores(calibration, np.array([0.25, 0.3]))
    assert low < 0.65 < 0.95 < high
    changed = manifest(calibration=calibration)
    assert decode_manifest(encode_manifest(changed)).calibration == calibration


def test_rare_vectors_calibrate_too() -> None:
    """A vector a day: once in 7 days is within the body."""
    calibration = fit(np.random.default_rng(2).normal(size=2_000), per_day=1.0)
    assert scores(calibration, np.array([1.07]))[0] == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize("per_day", [0.5, 1.0, 24.0, 1_440.0])
def test_the_share_of_a_score_is_what_the_score_was_made_of(per_day: float) -> None:
    """So many of 200,000 fresh normal vectors score so high."""
    rng = np.random.default_rng(3)
    calibration = fit(rng.normal(size=20_000), per_day)
    found = scores(calibration, rng.normal(size=200_000))
    for score in (0.3, 0.5, 0.7):
        assert (found >= score).mean() == pytest.approx(share_of(calibration, score), rel=0.25, abs=2e-4)


@pytest.mark.parametrize("per_day", [0.5, 1.0, 24.0, 1_440.0])
def test_the_mean_score_is_that_of_fresh_normal_vectors(per_day: float) -> None:
    rng = np.random.default_rng(4)
    calibration = fit(rng.normal(size=20_000), per_day)
    found = scores(calibration, rng.normal(size=200_000))
    assert found.mean() == pytest.approx(mean_score(calibration), rel=0.03)


def test_too_few_vectors_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 100"):
        fit(np.arange(99.0), per_day=1)
