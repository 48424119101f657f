"""What a decoder has found of a batch so far, and the one frame that becomes of it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import Column, Frame, RawBatch, Rows, Strings, Times
from streamwatchd.codecs.event_time import BAD_TIME, MISSING_TIME, unreadable

_Value = TypeVar("_Value")
_Array = npt.NDArray[Any]
_BAD_TIME, _MISSING_TIME = int(BAD_TIME), int(MISSING_TIME)


USUAL, TORN, DOUBTFUL, READ = range(4)
"""Of a row: it is in a usual frame; it is no good record whatever is asked for; to be read with care; so read."""

_FEW = 64
"""One row in so many is left out by joining what lies between; of more, all others are picked."""


class Batch:
    """Rows are those of `raw`. `usual` has those of this state, in order; `salvaged` those that were read with care and
    are good, by `salvaged_rows`.

    `states` are bytes: numbers of rows, as objects that stay while others come and go, would have the values of later
    records lie scattered in memory.
    """

    def __init__(self, raw: RawBatch) -> None:
        self.raw = raw
        self.states = bytearray(len(raw))
        self.usual: list[Frame] = []
        self.salvaged: list[Frame] = []
        self.salvaged_rows: list[Rows] = []
        self.doubtful = 0
        """How many are of this state."""
        self.refused: dict[int, str] = {}
        self.misfits: dict[str, set[int]] = {}
        """By field, the rows whose value became null."""

    def mark(self, state: int, at: int, rows: Sequence[int]) -> None:
        """The state of these rows of the slice at `at`."""
        states = self.states
        for row in rows:
            states[at + row] = state
        if state == DOUBTFUL:
            self.doubtful += len(rows)

    def rows(self, state: int) -> Rows:
        return np.flatnonzero(np.frombuffer(self.states, np.uint8) == state)

    def take_doubtful(self) -> list[int]:
        """Those rows, which are being read from now on."""
        rows: list[int] = self.rows(DOUBTFUL).tolist()
        self.mark(READ, 0, rows)
        self.doubtful = 0
        return rows

    def refuse_times(self, rows: Rows, times: Times) -> None:
        self.refused |= zip(rows.tolist(), map(_time_reason, times.tolist()), strict=True)

    def frame(self, latest_ms: int) -> Frame:
        """The good rows, in the order of the log; those without a time up to `latest_ms` are refused."""
        frames = [*self.usual, *self.salvaged]
        times = np.concatenate([frame.time for frame in frames])
        rows = np.concatenate([self.rows(USUAL), *self.salvaged_rows]) if self.salvaged else self.rows(USUAL)
        untimed = np.flatnonzero(unreadable(times) | (times > latest_ms))
        if len(untimed):
            self.refuse_times(rows[untimed], times[untimed])
            rows = rows.take(rows_without(0, len(rows), untimed.tolist()))
        frame = _joined(frames, untimed)
        frame.position = rows
        return frame.take(np.argsort(rows)) if self.salvaged else frame

    def unfit(self) -> dict[str, int]:
        """How many good rows have null for a value that did not fit, by field."""
        found = {name: len(rows - self.refused.keys()) for name, rows in self.misfits.items()}
        return {name: count for name, count in found.items() if count}


def rows_without(begin: int, end: int, absent: Sequence[int]) -> Rows:
    """The rows from `begin` on, in order; those that are `absent` are counted from there."""
    if not absent:
        return np.arange(begin, end)
    there = np.ones(end - begin, np.bool_)
    there[absent] = False
    return np.flatnonzero(there) + begin


def left_out(values: Iterable[_Value], rows: Iterable[int]) -> list[_Value]:
    """All values but those in these rows."""
    left = list(values)
    leave_out(left, rows)
    return left


def leave_out(values: list[_Value], rows: Iterable[int]) -> None:
    """From the end on, so that each still is where it was, and that few are moved where many leave."""
    for row in sorted(rows, reverse=True):
        del values[row]


def _joined(frames: Sequence[Frame], out: Rows) -> Frame:
    """The frames of one batch, end to end, but for the rows `out` of all, which ascend.

    String columns of a field share their dictionary.
    """
    join = _joining([len(frame) for frame in frames], out.tolist())
    columns: dict[str, Column] = {}
    for name, first in frames[0].columns.items():
        parts: list[Any] = [frame.columns[name] for frame in frames]
        if isinstance(first, Strings):
            columns[name] = Strings(join([part.codes for part in parts]), first.dictionary)
        else:
            columns[name] = join(parts)
    return Frame(join([frame.time for frame in frames]), columns)


def _joining(sizes: Sequence[int], out: Sequence[int]) -> Callable[[Sequence[_Array]], _Array]:
    """Puts arrays of these sizes end to end, but for the rows `out` of all; few of them cost no pass of their own."""
    if not out:
        return np.concatenate if len(sizes) > 1 else itemgetter(0)
    count = sum(sizes)
    if len(out) > count // _FEW:
        kept = rows_without(0, count, out)
        return lambda parts: np.concatenate(parts).take(kept)
    pieces = _pieces(sizes, out)
    return lambda parts: np.concatenate([parts[number][rows] for number, rows in pieces])


def _pieces(sizes: Sequence[int], out: Sequence[int]) -> list[tuple[int, slice]]:
    """What lies between the rows `out`: of the array of this number these rows."""
    pieces: list[tuple[int, slice]] = []
    begin = 0
    for number, size in enumerate(sizes):
        edges = [row - begin for row in out[bisect_left(out, begin) : bisect_left(out, begin + size)]]
        spans = zip([0, *(edge + 1 for edge in edges)], [*edges, size], strict=True)
        pieces += [(number, slice(first, end)) for first, end in spans if first < end]
        begin += size
    return pieces


def _time_reason(time: int) -> str:
    if time == _BAD_TIME:
        return "bad_time"
    return "missing_time" if time == _MISSING_TIME else "future_time"
