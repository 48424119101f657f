"""What a model says of a vector, in plain Python: trees walked one by one, tails by their formula."""

from __future__ import annotations

import math
from collections.abc import Sequence

from streamwatchd.repository.manifest import Calibration
from streamwatchd.repository.store import ModelData
from tests.oracle.evaluate import Cell

Memory = tuple[float | None, float]
"""Of the kind `remembering`: the first feature of the last row, and how many there were."""


def raw_score(model: ModelData, vector: Sequence[float], before: Memory | None) -> tuple[float | None, Memory]:
    """The raw score, None where the model can't say, and what it keeps."""
    if model.manifest.kind == "isolation_forest":
        return _forest(model, vector), (None, 0.0)
    last = None if before is None else before[0]
    count = 0.0 if before is None else before[1]
    raw = None if last is None else min(max((vector[0] - last) / 100.0, 0.0), 1.0)
    return raw, (vector[0], count + 1.0)


def _forest(model: ModelData, vector: Sequence[float]) -> float:
    arrays = {name: array.tolist() for name, array in model.arrays.items()}
    total = 0.0
    for root in arrays["roots"]:
        node = root
        while arrays["left"][node] != node:
            right = vector[arrays["feature"][node]] > arrays["threshold"][node]
            node = arrays["left"][node] + (1 if right else 0)
        total += arrays["value"][node]
    samples = arrays["samples"][0]
    usual = 2.0 * (math.log(samples - 1.0) + 0.5772156649015329) - 2.0 * (samples - 1.0) / samples
    return float(2.0 ** (-(total / len(arrays["roots"])) / usual))


def share_of(calibration: Calibration, raw: float) -> float:
    """The share of normal vectors that are odder."""
    tail, raw = calibration.tail, raw + calibration.shift
    if raw > tail.threshold:
        beyond = (raw - tail.threshold) / tail.scale
        if abs(tail.shape) <= 1e-6:
            return tail.share * math.exp(-beyond)
        return float(tail.share * max(1.0 + tail.shape * beyond, 0.0) ** (-1.0 / tail.shape))
    body = calibration.body
    step = (1.0 - tail.share) / (len(body) - 1)
    if raw <= body[0]:
        return 1.0
    if raw >= body[-1]:
        return tail.share
    place = max(index for index, value in enumerate(body) if value <= raw)
    part = (raw - body[place]) / (body[place + 1] - body[place])
    return 1.0 - step * (place + part)


def score_of(calibration: Calibration, raw: float) -> float:
    """1 − 0.35 × exceedances a day, down to one a day; below by the logarithm of the share."""
    share = share_of(calibration, raw)
    rate = share * calibration.per_day
    often = min(1.0, 1.0 / calibration.per_day)
    if rate <= 1.0 or often >= 1.0:
        found = 1.0 - 0.35 * rate
    else:
        found = 0.65 * math.log(share) / math.log(often)
    return min(max(found, 0.0), 1.0)


def numbers_in(vector: Sequence[Cell]) -> list[float] | None:
    """None where one is null."""
    return None if any(cell is None for cell in vector) else [float(cell) for cell in vector]  # type: ignore[arg-type]
