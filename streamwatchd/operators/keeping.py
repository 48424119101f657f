"""What a model keeps of each key between one of its rows and the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import Column, Numbers, Times
from streamwatchd.operators.keyspace import KeySpace

_NEVER = -(2**62)

Index = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Kept:
    """The memory (n, width) of n rows, and whose it is."""

    ids: Index
    memory: Numbers


class Keeping:
    """Memory belongs to one version of a model: another version begins anew, all NaN.

    So does a key that had no row for longer than `forget_ms`.
    """

    def __init__(self, names: tuple[str, ...], forget_ms: int) -> None:
        self._names, self._forget_ms = names, forget_ms
        self._begin("", 0)

    def _begin(self, digest: str, width: int) -> None:
        self._digest, self._width = digest, width
        self._space = KeySpace(self._names)
        self._memory: Numbers = np.zeros((0, width))
        self._last: Times = np.zeros(0, np.int64)
        self._newest_ms = _NEVER

    def recall(self, digest: str, width: int, keys: Sequence[Column], rows: int, time_ms: int) -> Kept:
        """What the version `digest` keeps of the keys of so many rows, `width` numbers each."""
        if (digest, width) != (self._digest, self._width):
            self._begin(digest, width)
        ids = self._space.ids(list(keys), rows)
        fresh = len(self._space) - len(self._last)
        if fresh:
            self._memory = np.concatenate([self._memory, np.full((fresh, width), np.nan)])
            self._last = np.concatenate([self._last, np.full(fresh, _NEVER, np.int64)])
        memory = self._memory[ids]
        memory[(self._last[ids] < time_ms - self._forget_ms) | (ids < 0)] = np.nan
        return Kept(ids, memory)

    def keep(self, kept: Kept, rows: Index, after: Numbers, time_ms: int) -> None:
        """What was kept, but for some of the rows, which have new memory."""
        kept.memory[rows] = after
        known = kept.ids >= 0
        self._memory[kept.ids[known]] = kept.memory[known]
        self._last[kept.ids[known]] = time_ms
        self._newest_ms = max(self._newest_ms, time_ms)

    def snapshot(self) -> Any:
        """Of the keys that are not forgotten."""
        live = np.flatnonzero(self._last >= self._newest_ms - self._forget_ms)
        keys = [list(self._space.keys[each]) for each in live.tolist()]
        memory = np.ascontiguousarray(self._memory[live]).reshape(-1)
        return [self._digest, self._width, keys, memory, self._last[live], self._newest_ms]

    def restore(self, state: Any) -> None:
        """The inverse; raises ValueError where keys and numbers do not agree."""
        digest, width, keys, memory, last, newest_ms = state
        self._begin(digest, width)
        for key in keys:
            self._space.id_of(tuple(key))
        self._memory, self._last, self._newest_ms = memory.reshape(len(keys), width), last, newest_ms
        if len(self._space) != len(keys) or len(last) != len(keys):
            raise ValueError("memory of a model: a key twice, or numbers without a key")
