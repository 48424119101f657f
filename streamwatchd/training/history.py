"""Vectors of many keys over time, and what a scorer says of them in the order in which the daemon would ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import Value
from streamwatchd.models import Scorer

Numbers = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]
Advance = Callable[[float], None]
"""Hears the share that is done, from 0 to 1."""


@dataclass(frozen=True, eq=False)
class History:
    """Rows in order of time: `key` (n,) is a place in `keys`, `ends_ms` (n,) the end of the window, `vectors`
    (n, features) are finite. `normal` (n,) is false for what training and calibration leave out."""

    keys: tuple[tuple[Value, ...], ...]
    key: Index
    ends_ms: npt.NDArray[np.int64]
    vectors: Numbers
    normal: Mask

    def __len__(self) -> int:
        return len(self.key)

    def take(self, rows: Mask) -> History:
        """The same keys, fewer rows."""
        return replace(
            self, key=self.key[rows], ends_ms=self.ends_ms[rows], vectors=self.vectors[rows], normal=self.normal[rows]
        )

    def between(self, first_ms: int, last_ms: int) -> History:
        """Rows that end after the first and not after the last instant."""
        return self.take((self.ends_ms > first_ms) & (self.ends_ms <= last_ms))

    @property
    def span_ms(self) -> tuple[int, int]:
        """The first and the last end."""
        return int(self.ends_ms[0]), int(self.ends_ms[-1])

    def series(self) -> Iterator[Index]:
        """The rows of each key that has any, in order of time."""
        order = np.argsort(self.key, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(self.key[order])) + 1):
            if len(rows):
                yield rows


def history_of(keys: Sequence[tuple[Value, ...]], ends_ms: npt.NDArray[np.int64], vectors: Numbers) -> History:
    """Sorted, without rows that hold a number that is missing or infinite."""
    names: dict[tuple[Value, ...], int] = {}
    codes = np.array([names.setdefault(key, len(names)) for key in keys], np.intp)
    whole = np.isfinite(vectors).all(axis=1)
    order = np.flatnonzero(whole)[np.lexsort((codes[whole], ends_ms[whole]))]
    return History(tuple(names), codes[order], ends_ms[order], vectors[order], np.ones(len(order), np.bool_))


@dataclass(frozen=True, eq=False)
class Replayed:
    """Raw scores (n,), NaN where none; `memory` (n, memory) of each row's key before it, where it was asked for."""

    raw: Numbers
    memory: Numbers


def replay(scorer: Scorer, history: History, *, keep_memory: bool = False, advance: Advance | None = None) -> Replayed:
    """Each instant is a batch, with the memory that its keys have; a scorer without memory gets one large batch."""
    raw = np.full(len(history), np.nan)
    kept = np.full((len(history) if keep_memory else 0, scorer.memory), np.nan)
    if not len(history):
        return Replayed(raw, kept)
    if not scorer.memory:
        nothing = np.zeros((len(history), 0))
        return Replayed(scorer.score(history.vectors, nothing, history.ends_ms)[0], kept)
    memory = np.full((len(history.keys), scorer.memory), np.nan)
    starts = [0, *(np.flatnonzero(np.diff(history.ends_ms)) + 1).tolist(), len(history)]
    for begin, end in pairwise(starts):
        rows, keys = slice(begin, end), history.key[begin:end]
        before = memory[keys]
        if keep_memory:
            kept[rows] = before
        raw[rows], memory[keys] = scorer.score(history.vectors[rows], before, history.ends_ms[rows])
        if advance is not None:
            advance(end / len(history))
    return Replayed(raw, kept)
