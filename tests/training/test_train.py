"""From a history to a model: nothing is learned from what is not normal, and normal keys alarm as often as promised."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from streamwatchd.errors import UnreadableInput
from streamwatchd.models import KINDS
from streamwatchd.ports.fake_disk import FakeDisk
from streamwatchd.repository.manifest import Feature
from streamwatchd.repository.store import GOOD, ModelStore, Status
from streamwatchd.training.history import replay
from streamwatchd.training.train import Order, begins, train
from tests.models.rhythms import EVERY_MS, traffic


def order(kind: str = "seasonal", **changes: object) -> Order:
    return replace(Order("link_traffic", 1, kind, [Feature("traffic")], EVERY_MS), **changes)


def nothing(share: float) -> None: ...


def test_a_model_alarms_as_often_as_its_calibration_promises() -> None:
    """0.95 of a normal key about once in 7 days: measured over days that it has not seen."""
    history = traffic(20, keys=12)
    trained = train(order(), history, nothing)
    fresh = traffic(10, keys=12, seed=5)
    raw = replay(trained.scorer, fresh).raw
    above = np.count_nonzero(raw > trained.raw[trained.score > 0.95].min())
    assert 0.2 * 120 / 7 < above < 4 * 120 / 7
    assert trained.manifest.metrics["alarms_per_key_and_day_0.95"] < 0.6


def test_what_is_left_out_teaches_nothing() -> None:
    """Wild values in the left-out rows change neither the arrays nor the calibration of a kind without memory."""
    history = traffic(4, keys=4)
    bad = np.random.default_rng(1).random(len(history)) < 0.2
    wild = np.where(bad[:, None], history.vectors * 50, history.vectors)
    given = {"trees": 10, "samples": 64}
    quiet, loud = (
        train(order("isolation_forest", given=given), replace(history, vectors=vectors, normal=~bad), nothing)
        for vectors in (history.vectors, wild)
    )
    assert all(quiet.arrays[name].tobytes() == loud.arrays[name].tobytes() for name in quiet.arrays)
    assert quiet.manifest.calibration == loud.manifest.calibration
    assert quiet.manifest.training.left_out == np.count_nonzero(bad)


def test_a_written_version_scores_as_the_trained_one() -> None:
    history = traffic(4, keys=4)
    trained = train(order(), history, nothing)
    store = ModelStore(FakeDisk(), Path("/models"))
    store.write(trained.manifest, trained.arrays, Status(GOOD))
    read = store.read("link_traffic", 1)
    assert read.manifest.metrics == trained.manifest.metrics
    again = replay(KINDS["seasonal"].load(read.manifest, read.arrays), history).raw
    assert again.tobytes() == trained.raw.tobytes()
    assert msgspec.structs.asdict(read.manifest.training)["keys"] == 4


@pytest.mark.parametrize(
    ("days", "kind", "reason"),
    [(0.2, "seasonal", "too few to train on"), (2, "oracle", "no kind of model `oracle`; kinds: change, isolation")],
)
def test_what_can_not_be_trained_is_told(days: float, kind: str, reason: str) -> None:
    with pytest.raises(UnreadableInput, match=reason):
        train(order(kind), traffic(days, keys=2), nothing)


def test_an_alarm_that_goes_on_begins_once() -> None:
    history = traffic(0.1, keys=2)
    odd = np.zeros(len(history), bool)
    odd[[0, 2, 4, 10]] = True
    assert np.flatnonzero(begins(history, odd)).tolist() == [0, 10]
