"""What a model says of a vector, in plain Python: trees walked one by one, tails by their formula."""

from __future__ import annotations

import math
from collections.abc import Sequence

from streamwatchd.repository.manifest import Calibration
from streamwatchd.repository.store import ModelData
from tests.oracle import pace
from tests.oracle.evaluate import Cell

Memory = pace.Memory | float | None
"""Of the kind `remembering` the first feature of the last row; of a forest nothing."""


def raw_score(model: ModelData, vector: Sequence[float], before: Memory, end_ms: int) -> tuple[float | None, Memory]:
    """The raw score of a vector whose window ended at `end_ms`, None where the model can't say, and what it keeps."""
    kind = model.manifest.kind
    if kind == "isolation_forest":
        return _forest(model, vector), None
    if kind == "remembering":
        assert not isinstance(before, pace.Memory)
        return None if before is None else min(max((vector[0] - before) / 100.0, 0.0), 1.0), vector[0]
    assert not isinstance(before, float)
    return pace.raw_score(kind, {name: array.tolist() for name, array in model.arrays.items()}, vector, before, end_ms)


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
