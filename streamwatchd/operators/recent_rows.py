"""The last rows that an alarm on rows has judged: for whoever asks why, of this process, and no part of the state."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import Column, Frame, key_text, to_values
from streamwatchd.operators.evaluate import VALUE

MOST, _BATCHES = 20_000, 16
"""Rows, and batches: these are kept as they are, without a copy, so rules on the same rows share them."""

Index = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]


class RecentRows:
    def __init__(self) -> None:
        self._kept: deque[tuple[Frame, Index | None, Mask | None]] = deque()
        self._rows = 0

    def note(self, wide: Frame, member: Index | None, judged: Mask | None) -> None:
        """Rows by members (None: as they came, all of the first), and which of them were judged (None: all)."""
        # values are left out: others overwrite them
        fields = {name: column for name, column in wide.columns.items() if not name.startswith(VALUE)}
        kept = Frame(wide.time, fields)
        if member is not None and len(kept) > MOST:
            newest = np.arange(len(kept) - MOST, len(kept))
            kept, member, judged = kept.take(newest), member[newest], None if judged is None else judged[newest]
        self._kept.append((kept, member, judged))
        self._rows += len(kept)
        while len(self._kept) > 1 and (self._rows > MOST or len(self._kept) > _BATCHES):
            self._rows -= len(self._kept.popleft()[0])

    def last(self, number: int, key: Mapping[str, str], columns: Callable[[Frame], list[Column]]) -> Frame | None:
        """The last row of a member with this key, alone in a frame; None where it is not among the kept. `columns` are
        those of the key's names, in their order."""
        for frame, member, judged in reversed(self._kept):
            mask = np.ones(len(frame), bool) if judged is None else judged
            rows = np.flatnonzero(mask & ((0 if member is None else member) == number))
            for name, column in zip(key, columns(frame), strict=True):
                values = to_values(column)
                rows = rows[[key_text(values[row]) == key[name] for row in rows.tolist()]]
            if len(rows):
                return frame.take(rows[-1:])
        return None
