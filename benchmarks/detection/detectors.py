"""Our detectors on one stream: fitted on the part before it is judged, the same settings for every stream."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from benchmarks.detection.streams import Stream
from streamwatchd.models import KINDS
from streamwatchd.repository.calibration import fit, share_above
from streamwatchd.repository.manifest import Feature
from streamwatchd.training.history import history_of, replay
from streamwatchd.training.train import DAY_MS, FITS, Order, draft

Numbers = npt.NDArray[np.float64]
SETTINGS: Mapping[str, Mapping[str, int]] = {"lstm": {"rounds": 200}}
"""Of all streams alike; what is not here is the kind's default."""
SHORT = 12
"""Values that a window has for the forest's features, as a rule would have `over 1h` at a step of 5 minutes."""


def run(kind: str, stream: Stream, seed: int) -> Numbers:
    """Raw scores of all rows, NaN where it says nothing, fitted on the rows before `judged`."""
    vectors = features_of(kind, stream.values)
    history = history_of([(0,)] * len(vectors), stream.ends_ms, vectors)
    early = np.arange(len(history)) < stream.judged
    arrays = FITS[kind](history.take(early), stream.every_ms, seed, dict(SETTINGS.get(kind, {})), lambda share: None)
    features = [Feature(f"f{number}") for number in range(vectors.shape[1])]
    manifest = draft(Order("benchmark", 1, kind, features, stream.every_ms), history)
    return replay(KINDS[kind].load(manifest, arrays), history).raw


def rarity(stream: Stream, raw: Numbers) -> Numbers:
    """How rare a raw score is: 0 comes once in 7 days (a score of 0.95), 1 once in 70 days; −∞ where nothing is said.

    Calibrated on the rows before `judged` too, which are few: a model is trained on more than two days.
    """
    per_day = DAY_MS / stream.every_ms
    share = share_above(fit(raw[: stream.judged], per_day), raw)
    return np.nan_to_num(-np.log10(np.maximum(share * per_day * 7.0, 1e-30)), nan=-np.inf)


def features_of(kind: str, values: Numbers) -> Numbers:
    """(rows, features): the value; for the forest, which has no memory, also mean and spread of a short window."""
    if kind != "isolation_forest":
        return values[:, None]
    padded = np.concatenate([np.full(SHORT - 1, values[0]), values])
    windows = np.lib.stride_tricks.sliding_window_view(padded, SHORT)
    return np.column_stack([values, windows.mean(axis=1), windows.std(axis=1)])
