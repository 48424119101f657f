"""Labelled streams: the Numenta Anomaly Benchmark's from a checkout of it, or made from a seed.

NAB (Ahmad, Lavin, Purdy and Agha, Neurocomputing 262, 2017) is fetched, not committed:
https://github.com/numenta/NAB
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]
PROBATION, MOST_PROBATION = 0.15, 750
REPOSITORY = "https://github.com/numenta/NAB"


@dataclass(frozen=True, eq=False)
class Stream:
    """`windows` are (first, last) rows in which an anomaly must be found, both included; rows before `judged` are given
    to learn from and are not judged."""

    name: str
    ends_ms: Times
    values: Numbers
    windows: tuple[tuple[int, int], ...]
    judged: int

    @property
    def days(self) -> float:
        """Of what is judged."""
        return float(self.ends_ms[-1] - self.ends_ms[self.judged]) / 86_400_000

    @property
    def every_ms(self) -> int:
        return max(int(np.median(np.diff(self.ends_ms))), 1_000)


def of_nab(folder: Path) -> Iterator[Stream]:
    """All streams of a checkout. Raises OSError where it is none."""
    windows = json.loads((folder / "labels" / "combined_windows.json").read_text())
    for name, spans in sorted(windows.items()):
        with (folder / "data" / name).open(newline="") as file:
            rows = list(csv.DictReader(file))
        stamps = np.array([row["timestamp"] for row in rows], "datetime64[ms]")
        places = [tuple(int(np.searchsorted(stamps, np.datetime64(at[:23], "ms"))) for at in span) for span in spans]
        yield Stream(
            name,
            stamps.astype(np.int64),
            np.array([float(row["value"]) for row in rows]),
            tuple((first, last) for first, last in places),
            int(min(PROBATION * len(rows), MOST_PROBATION)),
        )


def published(folder: Path, detector: str, stream: Stream) -> Numbers:
    """What a detector of NAB's results said of a stream, from 0 to 1."""
    group, _, file = stream.name.partition("/")
    with (folder / "results" / detector / group / f"{detector}_{file}").open(newline="") as lines:
        return np.array([float(row["anomaly_score"]) for row in csv.DictReader(lines)])


def thresholds(folder: Path) -> dict[str, float]:
    """Detector → the threshold that NAB chose for it, one for all streams, by its standard profile."""
    text = json.loads((folder / "config" / "thresholds.json").read_text())
    return {name: float(profiles["standard"]["threshold"]) for name, profiles in text.items()}


def made(seed: int, count: int = 12) -> Iterator[Stream]:
    """Daily rhythms with noise; every stream but each fourth has a drop, a shift, a spike and a frozen stretch."""
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        rows, day = 4_032, 288
        at = np.arange(rows)
        values = 100.0 * (1.0 + 0.4 * np.sin(2 * np.pi * (at / day + rng.random()))) * rng.lognormal(0.0, 0.05, rows)
        windows: list[tuple[int, int]] = []
        if number % 4:
            begins = 800 + 800 * np.arange(4) + rng.integers(0, 500, 4)
            for kind, begin in zip(rng.permutation(4).tolist(), begins.tolist()):
                end = begin + int(rng.integers(12, 36))
                bad = slice(begin, end)
                values[bad] = (values[bad] * 0.4, values[bad] + 60.0, values[bad] * 2.5, values[begin])[kind]
                windows.append((begin, end - 1))
        yield Stream(f"made-{seed}-{number}", 1_767_571_200_000 + 300_000 * (at + 1), values, tuple(windows), 605)
