"""The gradient is the gradient, equal seeds give equal weights, and a rhythm is learned."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from streamwatchd.models.lstm import Weights
from streamwatchd.training import lstm
from streamwatchd.training.lstm import backward, fit, loss
from streamwatchd.training.threads import one_thread
from tests.models.rhythms import EVERY_MS, traffic


@pytest.mark.parametrize("name", [field.name for field in fields(Weights)])
def test_the_gradient_is_how_the_loss_changes(name: str) -> None:
    """By differences, for one number of each array, with rows that are not known among them."""
    rng = np.random.default_rng(7)
    units, features, lanes, steps = 4, 2, 3, 5
    weights = Weights(
        rng.normal(0, 0.5, (features + 4, 4 * units)),
        rng.normal(0, 0.5, (units, 4 * units)),
        rng.normal(0, 0.5, 4 * units),
        rng.normal(0, 0.5, (units + 4, features)),
        rng.normal(0, 0.5, features),
    )
    inputs, targets = rng.normal(size=(steps + 1, features + 4, lanes)), rng.normal(0, 3, (steps, features, lanes))
    known = (rng.random((steps, lanes)) < 0.7).astype(float)
    state = rng.normal(size=(2, units, lanes))
    gradient = getattr(backward(weights, inputs, targets, known, *state)[0], name)
    place = np.unravel_index(int(np.abs(gradient).argmax()), gradient.shape)

    def moved(by: float) -> float:
        array = getattr(weights, name).copy()
        array[place] += by
        return loss(replace(weights, **{name: array}), inputs, targets, known, *state)

    assert gradient[place] == pytest.approx((moved(1e-5) - moved(-1e-5)) / 2e-5, rel=1e-5)


def test_equal_seeds_give_equal_weights() -> None:
    history = traffic(1, keys=3)
    with one_thread():
        first, again, other = (
            fit(history, EVERY_MS, seed, {"rounds": 5, "units": 3}, lambda share: None) for seed in (1, 1, 2)
        )
    assert all(first[name].tobytes() == again[name].tobytes() for name in first)
    assert first["recurrent"].tobytes() != other["recurrent"].tobytes()


def test_a_rhythm_is_learned() -> None:
    """The forecast is better than `as it was last`, whose error is √2 times the noise and the wave's own step."""
    history = traffic(3, keys=4, noise=0.1)
    with one_thread():
        first = fit(history, EVERY_MS, 1, {"rounds": 150, "units": 6}, lambda share: None)
    values = np.log1p(history.vectors[:, 0]) / first["unit"][0]
    steps = np.concatenate([np.diff(values[rows]) for rows in history.series()])
    assert first["error"][0] < 0.9 * 1.4826 * np.median(np.abs(steps))
    assert first["periods"].tolist() == [1]


def test_last_bits_of_products_do_not_reach_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """As another processor would have them: the model is the same to the last bit."""
    history, settings = traffic(3, keys=5), {"rounds": 20, "units": 4}
    usual = fit(history, EVERY_MS, 1, settings, lambda share: None)

    def elsewhere(*given: Any) -> tuple[Weights, Any, Any]:
        gradient, *state = backward(*given)
        moved = {field.name: getattr(gradient, field.name) * (1.0 + 2.0**-51) for field in fields(Weights)}
        return Weights(**moved), *state

    monkeypatch.setattr(lstm, "backward", elsewhere)
    other = fit(history, EVERY_MS, 1, settings, lambda share: None)
    assert {name: array.tobytes() for name, array in other.items()} == {
        name: array.tobytes() for name, array in usual.items()
    }
