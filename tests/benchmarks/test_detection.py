"""Twin of benchmarks/detection: its scoring knows perfect from nothing, and a detector goes through to the table."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.detection.detectors import run
from benchmarks.detection.run import HEAD, ours
from benchmarks.detection.scoring import outcome
from benchmarks.detection.streams import made


def test_scoring_knows_perfect_from_nothing() -> None:
    """The first row of every window is worth 100, silence 0; one alarm outside costs precision."""
    streams = list(made(1, 4))
    silent = [np.zeros(len(stream.values), np.bool_) for stream in streams]
    perfect = [each.copy() for each in silent]
    for stream, rows in zip(streams, perfect, strict=True):
        rows[[first for first, _ in stream.windows]] = True
    assert outcome(streams, silent).nab == 0.0
    best = outcome(streams, perfect)
    assert (best.nab, best.precision, best.recall, best.delay) == (pytest.approx(100.0), 1.0, 1.0, 0.0)
    perfect[0][700] = True
    worse = outcome(streams, perfect)
    assert worse.nab < best.nab
    assert worse.precision == 12 / 13


def test_a_detector_gets_its_rows() -> None:
    """From made streams, at the best threshold and at 0.95; the best is no worse."""
    streams = list(made(1, 2))
    rows = list(ours("seasonal", streams, [run("seasonal", stream, 1) for stream in streams]))
    assert [row.count("|") for row in rows] == [HEAD.splitlines()[0].count("|")] * 2
    best, fixed = (float(row.split("|")[3]) for row in rows)
    assert best > 0.0
    assert best >= fixed
