"""A small LSTM learned by gradients through time, in numpy: seconds on one core, the same weights from the same seed.

Lanes run side by side through keys' series, each from a random row on and with a fresh state; gradients go back over
`STEPS` steps (truncated backpropagation: Werbos 1990), Adam (Kingma and Ba 2015) follows them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.models._pace import RHYTHM, Pace, rhythm
from streamwatchd.models.lstm import FARTHEST, Lstm, Weights, squash, step
from streamwatchd.training.history import Advance, History, replay
from streamwatchd.training.pace import arrays_of, first_pace, periods_in, robust_spread

Numbers = npt.NDArray[np.float64]
Arrays = dict[str, npt.NDArray[Any]]
STEPS, LANES = 32, 64
_HUBER = 2.0
_CLIP = 1.0
_RATE = 5e-3


def fit(history: History, every_ms: int, seed: int, given: dict[str, int], advance: Advance) -> Arrays:
    """`given` may have `units` (16) and `rounds` (800): how many stretches of STEPS steps every lane sees.

    Weights are rounded to single precision: products of matrices differ in their last bits from processor to
    processor, the model does not.
    """
    rng = np.random.default_rng(seed)
    pace, periods = first_pace(history, every_ms), periods_in(history)
    rounds = given.get("rounds", 800)
    weights = _beginning(rng, pace.features, given.get("units", 16))
    adam = _Adam(weights, rounds)
    lanes = _Lanes(rng, history, pace, periods, weights.units)
    for done in range(rounds):
        inputs, targets, known = lanes.stretch()
        gradient, lanes.hidden, lanes.cell = backward(weights, inputs, targets, known, lanes.hidden, lanes.cell)
        weights = adam.follow(weights, gradient)
        advance(0.9 * (done + 1) / rounds)
    single = {field.name: getattr(weights, field.name).astype(np.float32) for field in fields(Weights)}
    weights = Weights(**{name: array.astype(np.float64) for name, array in single.items()})
    error = _errors(weights, pace, periods, history)
    return {**single, "periods": np.array([periods], np.int64), **arrays_of(pace, error)}


def _beginning(rng: np.random.Generator, features: int, units: int) -> Weights:
    def some(rows: int, columns: int) -> Numbers:
        return rng.normal(0.0, 1.0 / np.sqrt(rows), (rows, columns))

    bias = np.zeros(4 * units)
    bias[units : 2 * units] = 1.0  # remember at first
    head = 0.1 * some(units + RHYTHM, features)
    return Weights(some(features + RHYTHM, 4 * units), some(units, 4 * units), bias, head, np.zeros(features))


class _Lanes:
    """Where each lane is: a key's rows and the place among them. A lane that comes to an end begins anew elsewhere."""

    def __init__(self, rng: np.random.Generator, history: History, pace: Pace, periods: int, units: int) -> None:
        self._rng, self._pace, self._history = rng, pace, history
        self._series = [rows for rows in history.series() if len(rows) > 2]
        if not self._series:
            raise ValueError("no key has more than two vectors: there is nothing to forecast")
        lengths = np.array([len(rows) for rows in self._series], float)
        self._weights = lengths / lengths.sum()
        self._when = rhythm(history.ends_ms, periods)
        self._rows = [self._series[0][:0]] * LANES
        self._memory = np.full((LANES, pace.memory), np.nan)
        self.hidden, self.cell = np.zeros((units, LANES)), np.zeros((units, LANES))

    def stretch(self) -> tuple[Numbers, Numbers, Numbers]:
        """Inputs (STEPS, features + 4, lanes), targets (STEPS, features, lanes): the change to the value that follows
        each, and whether it is known (STEPS, lanes); the time of the value that follows is an input of the head."""
        for lane, rows in enumerate(self._rows):
            if len(rows) < STEPS + 1:
                self._begin(lane)
        rows = np.stack([rows[: STEPS + 1] for rows in self._padded()], axis=1)
        self._rows = [rows[STEPS:] for rows in self._rows]
        inputs, values = [], []
        for at in rows:
            seen, value = self._step(self._history.vectors[at])
            inputs.append(np.concatenate([seen, self._when[:, at]]))
            values.append(value)
        self._forget_last()
        changes = np.diff(np.stack(values), axis=0)
        known = (rows[1:] != rows[:-1]) & self._history.normal[rows[1:]] & self._history.normal[rows[:-1]]
        return np.stack(inputs), np.clip(changes, -FARTHEST, FARTHEST), known.astype(np.float64)

    def _padded(self) -> list[npt.NDArray[np.intp]]:
        """Short series repeat their last row, which is not learned from."""
        return [
            np.concatenate([rows, np.full(max(STEPS + 1 - len(rows), 0), rows[-1], np.intp)]) for rows in self._rows
        ]

    def _begin(self, lane: int) -> None:
        rows = self._series[int(self._rng.choice(len(self._series), p=self._weights))]
        self._rows[lane] = rows[int(self._rng.integers(0, max(len(rows) - STEPS, 1))) :]
        self._memory[lane] = np.nan
        self.hidden[:, lane] = self.cell[:, lane] = 0.0

    def _step(self, vectors: Numbers) -> tuple[Numbers, Numbers]:
        values, steps, level, _, variance = self._pace.begin(vectors, self._memory)
        self._before = self._memory
        self._memory, heard = self._pace.after(values, level, steps, level, variance)
        return np.clip(heard - level, -FARTHEST, FARTHEST), values

    def _forget_last(self) -> None:
        """The last row of a stretch is the first of the next."""
        self._memory = self._before


def backward(
    weights: Weights, inputs: Numbers, targets: Numbers, known: Numbers, hidden: Numbers, cell: Numbers
) -> tuple[Weights, Numbers, Numbers]:
    """The gradient of `loss` by the weights, and the state after the stretch."""
    steps, lanes = len(targets), inputs.shape[2]
    units = weights.units
    kept = []
    for at in range(steps):
        gates = weights.inputs.T @ inputs[at] + weights.recurrent.T @ hidden + weights.bias[:, None]
        root = 1.0 / np.sqrt(1.0 + gates * gates)
        squashed = gates * root
        taken, held, shown = (0.5 + 0.5 * squashed[i * units : (i + 1) * units] for i in range(3))
        candidate = squashed[3 * units :]
        after = held * cell + taken * candidate
        out = squash(after)
        kept.append((hidden, cell, root, taken, held, shown, candidate, after, out))
        hidden, cell = shown * out, after
    last = hidden, cell
    gradient = Weights(*(np.zeros_like(getattr(weights, field.name)) for field in fields(Weights)))
    share = 1.0 / max(float(known.sum()) * targets.shape[1], 1.0)
    d_hidden, d_cell = np.zeros((units, lanes)), np.zeros((units, lanes))
    for at in reversed(range(steps)):
        before, cell, root, taken, held, shown, candidate, after, out = kept[at]
        seen = np.concatenate([shown * out, inputs[at + 1][-RHYTHM:]])
        off = weights.head.T @ seen + weights.head_bias[:, None] - targets[at]
        d_off = share * known[at] * np.clip(off, -_HUBER, _HUBER)
        gradient.head[:] += seen @ d_off.T
        gradient.head_bias[:] += d_off.sum(axis=1)
        d_hidden = d_hidden + weights.head[:units] @ d_off
        slope = 1.0 / np.sqrt(1.0 + after * after)
        d_cell = d_cell + d_hidden * shown * slope**3
        d_gates = (
            np.concatenate([0.5 * d_cell * candidate, 0.5 * d_cell * cell, 0.5 * d_hidden * out, d_cell * taken])
            * root**3
        )
        gradient.inputs[:] += inputs[at] @ d_gates.T
        gradient.recurrent[:] += before @ d_gates.T
        gradient.bias[:] += d_gates.sum(axis=1)
        d_hidden, d_cell = weights.recurrent @ d_gates, d_cell * held
    return gradient, *last


def loss(weights: Weights, inputs: Numbers, targets: Numbers, known: Numbers, hidden: Numbers, cell: Numbers) -> float:
    """The mean Huber loss (1964) of the forecasts of the known values, as `backward` has its gradient."""
    total = 0.0
    for at in range(len(targets)):
        hidden, cell = step(weights, inputs[at], hidden, cell)
        seen = np.concatenate([hidden, inputs[at + 1][-RHYTHM:]])
        off = np.abs(weights.head.T @ seen + weights.head_bias[:, None] - targets[at])
        each = np.where(off <= _HUBER, 0.5 * off * off, _HUBER * (off - 0.5 * _HUBER))
        total += float((known[at] * each).sum())
    return float(total / max(float(known.sum()) * targets.shape[1], 1.0))


@dataclass(eq=False)
class _Moments:
    first: Numbers
    second: Numbers


class _Adam:
    """Its rate falls to a twentieth over the rounds, along a cosine."""

    def __init__(self, weights: Weights, rounds: int) -> None:
        self._moments = {
            field.name: _Moments(
                np.zeros_like(getattr(weights, field.name)), np.zeros_like(getattr(weights, field.name))
            )
            for field in fields(Weights)
        }
        self._rounds, self._done = rounds, 0

    def follow(self, weights: Weights, gradient: Weights) -> Weights:
        self._done += 1
        size = np.sqrt(sum(float((getattr(gradient, name) ** 2).sum()) for name in self._moments))
        scale = min(1.0, _CLIP / max(size, 1e-12))
        rate = _RATE * (0.05 + 0.95 * 0.5 * (1.0 + np.cos(np.pi * min(self._done / self._rounds, 1.0))))
        changed = {}
        for name, moments in self._moments.items():
            down = scale * getattr(gradient, name)
            moments.first += 0.1 * (down - moments.first)
            moments.second += 0.001 * (down * down - moments.second)
            first = moments.first / (1.0 - 0.9**self._done)
            second = moments.second / (1.0 - 0.999**self._done)
            changed[name] = getattr(weights, name) - rate * first / (np.sqrt(second) + 1e-8)
        return replace(weights, **changed)


def _errors(weights: Weights, pace: Pace, periods: int, history: History) -> Numbers:
    """How far forecasts usually are off, in units, over at most 200,000 normal rows."""
    model = Lstm(weights, pace, periods)
    keys = np.random.default_rng(0).permutation(len(history.keys))
    mean = max(len(history) / max(len(history.keys), 1), 1.0)
    some = np.zeros(len(history.keys), np.bool_)
    some[keys[: max(1, int(200_000 / mean))]] = True
    part = history.take(some[history.key])
    memory = replay(model, part, keep_memory=True).memory
    expected, values = model.forecast(part.vectors, memory, part.ends_ms)
    told = (memory[:, 0] >= 1.0) & part.normal
    return robust_spread((values - expected)[told]) if told.any() else np.ones(pace.features)
