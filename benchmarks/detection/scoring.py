"""What detections are worth: NAB's score by its definition, and precision, recall and delay as operators count them.

NAB's score: Lavin and Ahmad, Evaluating Real-time Anomaly Detection Algorithms, ICMLA 2015, section II.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.detection.streams import Stream

Numbers = npt.NDArray[np.float64]
FALSE_POSITIVE = 0.11
"""Of NAB's standard profile; a true positive and a missed window count 1."""
_GAP = 3
"""Detections of a stream at most so many rows apart are one alarm."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of all streams together. `delay` is the median way into a window, 0 to 1, at which it was first found;
    `false_a_day` are alarms outside windows per stream and day. `nab` is at most 100; 0 is finding nothing."""

    nab: float
    precision: float
    recall: float
    delay: float
    false_a_day: float
    alarms: int


def outcome(streams: Sequence[Stream], odd: Sequence[npt.NDArray[np.bool_]]) -> Outcome:
    """`odd` are the rows that a detector reports, per stream."""
    total, windows, found, good, alarms = 0.0, 0, 0, 0, 0
    delays: list[float] = []
    for stream, rows in zip(streams, odd, strict=True):
        judged = rows.copy()
        judged[: stream.judged] = False
        total += nab_sum(stream, judged)
        inside = np.zeros(len(rows), np.bool_)
        for first, last in stream.windows:
            inside[first : last + 1] = True
            windows += 1
            hits = np.flatnonzero(judged[first : last + 1])
            if len(hits):
                found += 1
                delays.append(float(hits[0]) / (last - first + 1))
        for first, last in _alarms(judged):
            alarms += 1
            good += bool(inside[first : last + 1].any())
    perfect, nothing = float(windows), -float(windows)
    return Outcome(
        nab=100.0 * (total - nothing) / (perfect - nothing),
        precision=good / alarms if alarms else 1.0,
        recall=found / windows if windows else 1.0,
        delay=float(np.median(delays)) if delays else 1.0,
        false_a_day=(alarms - good) / sum(stream.days for stream in streams),
        alarms=alarms,
    )


def _alarms(rows: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last row of each."""
    at = np.flatnonzero(rows)
    parts = np.split(at, np.flatnonzero(np.diff(at) > _GAP) + 1)
    return [(int(part[0]), int(part[-1])) for part in parts if len(part)]


def beginnings(rows: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Only the first row of each alarm: what an operator is told."""
    found = np.zeros(len(rows), np.bool_)
    found[[first for first, _ in _alarms(rows)]] = True
    return found


def nab_sum(stream: Stream, odd: npt.NDArray[np.bool_]) -> float:
    """The raw score of a stream."""
    total = 0.0
    inside = np.zeros(len(odd), np.bool_)
    for first, last in stream.windows:
        inside[first : last + 1] = True
        hits = first + np.flatnonzero(odd[first : last + 1])
        width = last - first + 1
        best = [_sigmoid(-(last - int(hit) + 1) / width) / _sigmoid(-1.0) for hit in hits[:1]]
        total += best[0] if best else -1.0
    for row in np.flatnonzero(odd & ~inside).tolist():
        before = [window for window in stream.windows if window[1] < row]
        far = _sigmoid((row - before[-1][1]) / (before[-1][1] - before[-1][0])) if before else -1.0
        total += FALSE_POSITIVE * far
    return total


def _sigmoid(place: float) -> float:
    """1 at the beginning of a window, 0 at its end, −1 far behind it."""
    return -1.0 if place > 3.0 else float(2.0 / (1.0 + np.exp(5.0 * place)) - 1.0)


def best_threshold(streams: Sequence[Stream], scores: Sequence[Numbers]) -> float:
    """The one threshold for all streams with the highest NAB score, as NAB gives every detector."""
    judged = np.concatenate([each[stream.judged :] for stream, each in zip(streams, scores, strict=True)])
    judged = judged[np.isfinite(judged)]
    tried = np.unique(np.quantile(judged, 1.0 - np.geomspace(1e-5, 0.2, 60)))
    cuts: list[float] = tried.tolist()
    return max(cuts, key=lambda cut: outcome(streams, [beginnings(each > cut) for each in scores]).nab)
