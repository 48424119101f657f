"""How a model's versions score: counts for metrics, and for whoever asks whether one floods."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from streamwatchd.batch import Numbers

EDGES = (0.5, 0.65, 0.8, 0.9, 0.95, 0.99)
"""Scores at and above which rows are counted."""
_MOST_VERSIONS = 8


@dataclass(slots=True)
class Tally:
    """Rows by one version: `scored`, `unscored` (null), `failed`, `anomalies` (a condition is true), and how many
    scores are at or above each of `EDGES`; `total` is their sum."""

    scored: int = 0
    unscored: int = 0
    failed: int = 0
    anomalies: int = 0
    total: float = 0.0
    above: list[int] = field(default_factory=lambda: [0] * len(EDGES))

    def add(self, score: Numbers, anomalies: int) -> None:
        said = score[~np.isnan(score)]
        self.scored += len(said)
        self.unscored += len(score) - len(said)
        self.anomalies += anomalies
        self.total += float(said.sum())
        for number, edge in enumerate(EDGES):
            self.above[number] += int(np.count_nonzero(said >= edge))


class Tallies:
    """By version, as `name@version`; of too many the oldest goes."""

    def __init__(self) -> None:
        self._of: dict[str, Tally] = {}

    def of(self, version: str) -> Tally:
        found = self._of.get(version)
        if found is None:
            found = self._of[version] = Tally()
            if len(self._of) > _MOST_VERSIONS:
                del self._of[next(iter(self._of))]
        return found

    def __iter__(self) -> Iterator[tuple[str, Tally]]:
        return iter(self._of.items())

    def snapshot(self) -> Any:
        return [
            [name, each.scored, each.unscored, each.failed, each.anomalies, each.total, list(each.above)]
            for name, each in self._of.items()
        ]

    def restore(self, state: Any) -> None:
        self._of = {name: Tally(*rest) for name, *rest in state}
