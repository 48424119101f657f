"""Keys beyond `max_keys`: their events are counted together, and one `storm` alert says so while they come.

Its events come at the first event of such a key and each time that there were ten times as many; it is over at the end
of the first minute of event time without one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import Frame, Times, take, to_values
from streamwatchd.operators.document import Document, Speaker, alarm_id, iso
from streamwatchd.operators.evaluate import Evaluator
from streamwatchd.operators.keyspace import KeySpace
from streamwatchd.operators.lifecycle import SEVERITIES
from streamwatchd.operators.node import EmitAlert
from streamwatchd.operators.spec import KeyColumn
from streamwatchd.operators.storm import Storm

_MINUTE_MS = 60_000
_GROWTH = 10
_SEVERITY = SEVERITIES.index("major")
_NONE = -(2**62)

KeyOf = Callable[[int], Sequence[object]]
"""The key values of an event, by its position among those that overflow."""


class Flood:
    """Of one reader of keys in a task. `speaker` gives the rule in whose name it speaks, None while nobody reads."""

    def __init__(self, space: KeySpace, speaker: Callable[[], Speaker | None], emit: EmitAlert) -> None:
        self._space, self._speaker, self._emit = space, speaker, emit
        self.total = 0
        """Since the state began."""
        self._storm: Storm | None = None

    @property
    def ends_ms(self) -> int | None:
        return None if self._storm is None else self._storm.ends_ms

    def take(self, times: Times, passed: Times, key_of: KeyOf, counts: npt.NDArray[np.int64] | None = None) -> None:
        """Events (or, with `counts`, so many at a time) in the order of the log; `passed` are the instants up to
        which time had come before each."""
        counts = np.ones(len(times), np.int64) if counts is None else counts
        self.total += int(counts.sum())
        begin = 0
        while begin < len(times):
            self.pass_by(int(passed[begin]))
            if self._storm is None:
                named = alarm_id(",".join(self._space.names), {}, int(times[begin]), ["keys", list(key_of(begin))])
                self._storm = Storm(named, int(times[begin]), severity=_SEVERITY, ends_ms=_NONE)
            begin = self._fold(self._storm, times, passed, key_of, counts, begin)

    def _fold(
        self, storm: Storm, times: Times, passed: Times, key_of: KeyOf, counts: npt.NDArray[np.int64], begin: int
    ) -> int:
        """Take in what comes before the storm is over; gives the position of what comes after."""
        ends = np.maximum(np.maximum.accumulate((times[begin:] // _MINUTE_MS + 2) * _MINUTE_MS), storm.ends_ms)
        over = np.flatnonzero(passed[begin + 1 :] >= ends[:-1])
        size = int(over[0]) + 1 if len(over) else len(ends)
        totals = storm.total + np.cumsum(counts[begin : begin + size])
        while True:
            place = int(np.searchsorted(totals, max(1, _GROWTH * storm.told)))
            if place >= size:
                break
            storm.total = int(totals[place])
            self._say(storm, int(times[begin + place]), key_of(begin + place), is_over=False)
        storm.total, storm.ends_ms = int(totals[-1]), int(ends[size - 1])
        return begin + size

    def pass_by(self, until_ms: int) -> None:
        """All that happened before that instant has come."""
        storm = self._storm
        if storm is not None and storm.ends_ms <= until_ms:
            self._say(storm, storm.ends_ms, None, is_over=True)
            self._storm = None

    def _say(self, storm: Storm, at_ms: int, key: Sequence[object] | None, *, is_over: bool) -> None:
        speaker = self._speaker()
        if speaker is None:
            storm.told = storm.total
            return
        by, bound = ", ".join(self._space.names), self._space.bound
        values: Document = {"events": storm.total, "max_keys": bound}
        context: Document = {"by": by}
        if key is not None:
            context["example"] = "/".join(map(str, key))
        message = (
            f"more than {bound} keys of {by} (`max_keys`): {storm.total} events of further keys since "
            f"{iso(storm.starts_at_ms)} are counted and not judged"
        )
        self._emit(storm.say(speaker, at_ms, values, context, message, is_over=is_over))

    # snapshots

    def pack(self) -> list[Any]:
        return [self.total, None if self._storm is None else self._storm.pack()]

    def unpack(self, packed: Sequence[Any]) -> None:
        """The inverse."""
        self.total, storm = packed
        self._storm = None if storm is None else Storm(*storm)


def overflow(
    flood: Flood, keys: Sequence[KeyColumn], evaluator: Evaluator, frame: Frame, rows: npt.NDArray[np.intp]
) -> None:
    """Tell of rows whose keys have no place."""
    passed = frame.time if frame.ticks is None else frame.ticks
    columns = [evaluator.column(key.expr, frame) for key in keys]

    def key_of(place: int) -> list[object]:
        return [to_values(take(column, rows[[place]]))[0] for column in columns]

    flood.take(frame.time[rows], passed[rows], key_of)
