"""A small LSTM (Hochreiter and Schmidhuber 1997) forecasts each vector of a key; the raw score is how far it was off.

Gates are x / √(1 + x²) and its half (Carlile et al., Improving Deep Learning by Inverse Square Root Linear Units, 2017)
where others take tanh and the logistic function: they need no library function, whose last bit differs from machine to
machine and from batch to batch. So a key's state means the same wherever it goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamwatchd.errors import ModelRejected
from streamwatchd.models import Arrays, Instants, Kind, Vectors
from streamwatchd.models._pace import RHYTHM, Pace, far_off, pace_of, rhythm, shares
from streamwatchd.repository.artifact import array_of
from streamwatchd.repository.manifest import Manifest

Numbers = npt.NDArray[np.float64]
WARM = 2
"""Vectors of a key before its first score."""
FARTHEST = 8.0
"""Inputs are cut at so many units from the key's level."""
_MOST_UNITS = 256
_BLOCK = 512


@dataclass(frozen=True, eq=False)
class Weights:
    """Of h hidden units: `inputs` (features + 4, 4h), `recurrent` (h, 4h) and `bias` (4h,) make the gates: in, forget,
    out, candidate; `head` (h + 4, features) and `head_bias` the forecast, as a change from the last value."""

    inputs: Numbers
    recurrent: Numbers
    bias: Numbers
    head: Numbers
    head_bias: Numbers

    @property
    def units(self) -> int:
        return len(self.recurrent)


def squash(x: Numbers) -> Numbers:
    """Into (−1, 1)."""
    return x / np.sqrt(1.0 + x * x)


def weighed(weights: Numbers, inputs: Numbers, bias: Numbers) -> Numbers:
    """weights.T @ inputs + bias, (outputs, n), added up in the order of the inputs: the same for a row in any batch."""
    found = np.repeat(bias[:, None], inputs.shape[1], axis=1)
    part = np.empty_like(found)
    for weight, row in zip(weights, inputs):
        np.multiply(weight[:, None], row, out=part)
        found += part
    return found


class Lstm:
    def __init__(self, weights: Weights, pace: Pace, periods: int) -> None:
        self._weights, self._pace, self._periods = weights, pace, periods
        self.memory = pace.memory + 2 * weights.units

    def score(self, vectors: Vectors, memory: Vectors, ends_ms: Instants) -> tuple[npt.NDArray[np.float64], Vectors]:
        raw, after = np.empty(len(vectors)), np.empty((len(vectors), self.memory))
        for begin in range(0, len(vectors), _BLOCK):
            rows = slice(begin, begin + _BLOCK)
            raw[rows], after[rows] = self._block(vectors[rows], memory[rows], ends_ms[rows])
        return raw, after

    def _block(self, vectors: Vectors, memory: Vectors, ends_ms: Instants) -> tuple[Numbers, Vectors]:
        pace, units = self._pace, self._weights.units
        values, steps, level, last, variance = pace.begin(vectors, memory)
        when = rhythm(ends_ms, self._periods)
        hidden, cell = np.where(steps == 0.0, 0.0, memory[:, pace.memory :].T).reshape(2, units, -1)
        forecast = self._forecast(hidden, last, when)
        raw = np.where(steps < WARM, np.nan, far_off(values - forecast, variance))
        forecast = np.where(steps < 1.0, values, forecast)
        after, heard = pace.after(values, forecast, steps, level, variance)
        seen = np.clip(heard - level, -FARTHEST, FARTHEST)
        hidden, cell = step(self._weights, np.concatenate([seen, when]), hidden, cell)
        return raw, np.concatenate([after, hidden.T, cell.T], axis=1)

    def _forecast(self, hidden: Numbers, last: Numbers, when: Numbers) -> Numbers:
        weights = self._weights
        return last + weighed(weights.head, np.concatenate([hidden, when]), weights.head_bias)

    def forecast(self, vectors: Vectors, memory: Vectors, ends_ms: Instants) -> tuple[Numbers, Numbers]:
        """What was expected of each row and what came, (n, features) each, in the units of the pace: for reports."""
        values, steps, _, last, _ = self._pace.begin(vectors, memory)
        hidden = np.where(steps == 0.0, 0.0, memory[:, self._pace.memory :].T)[: self._weights.units]
        return self._forecast(hidden, last, rhythm(ends_ms, self._periods)).T, values.T

    def drivers(self, vectors: Vectors, memory: Vectors, ends_ms: Instants) -> Vectors:
        """The parts of the error."""
        expected, values = self.forecast(vectors, memory, ends_ms)
        return shares((values - expected).T, self._pace.begin(vectors, memory)[4])


def step(weights: Weights, inputs: Numbers, hidden: Numbers, cell: Numbers) -> tuple[Numbers, Numbers]:
    """One step of all columns: inputs (features + 4, n), hidden and cell (units, n)."""
    gates = weighed(weights.inputs, inputs, weights.bias)
    gates += weighed(weights.recurrent, hidden, np.zeros(len(gates)))
    squashed = squash(gates)
    taken, kept, shown, candidate = squashed.reshape(4, weights.units, -1)
    cell = (0.5 + 0.5 * kept) * cell + (0.5 + 0.5 * taken) * candidate
    return (0.5 + 0.5 * shown) * squash(cell), cell


def load(manifest: Manifest, arrays: Arrays) -> Lstm:
    features = len(manifest.features)
    recurrent = array_of(arrays, "recurrent", "f", (None, None)).astype(np.float64)
    units = len(recurrent)
    if not 1 <= units <= _MOST_UNITS or recurrent.shape[1] != 4 * units:
        raise ModelRejected(
            f"`recurrent` is {list(recurrent.shape)}, not of shape [h, 4h] with h from 1 to {_MOST_UNITS}"
        )
    wanted = {
        "inputs": (features + RHYTHM, 4 * units),
        "bias": (4 * units,),
        "head": (units + RHYTHM, features),
        "head_bias": (features,),
    }
    found = {name: array_of(arrays, name, "f", shape).astype(np.float64) for name, shape in wanted.items()}
    periods = int(array_of(arrays, "periods", "iu", (1,))[0])
    if not 0 <= periods <= 2:
        raise ModelRejected(f"`periods` is {periods}, not 0 (none), 1 (day) or 2 (day and week)")
    if max(float(np.abs(each).max()) for each in (*found.values(), recurrent)) > 1e6:
        raise ModelRejected("a weight is out of range")
    return Lstm(Weights(recurrent=recurrent, **found), pace_of(arrays, features), periods)


SPEC = Kind(
    "lstm",
    "How far a vector is from what a small recurrent net forecast from the key's past and the time of day. For "
    "departures from a rhythm.",
    ("inputs", "recurrent", "bias", "head", "head_bias", "periods", "unit", "error", "log", "rates"),
    load,
)
