"""Occurrences: rows that are alerts of their own, with no key and no end."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import TRUE, Frame, Truths
from streamwatchd.operators.document import Details, Document, Origin, alarm_id, lifecycle_event, picked
from streamwatchd.operators.evaluate import KEY, VALUE, WINDOW_END, WINDOW_START, Evaluator
from streamwatchd.operators.lifecycle import SEVERITIES, Transition
from streamwatchd.operators.node import EmitAlert
from streamwatchd.operators.spec import RowAlarmSpec
from streamwatchd.operators.storm import STORM, Limits

Index = npt.NDArray[np.intp]
Place = Callable[[int], Origin]
"""Where the row of a position of the batch came from."""


class Occurrences:
    """`limits` are the budgets of the members."""

    def __init__(
        self, spec: RowAlarmSpec, evaluator: Evaluator, emit: EmitAlert, mutes: Callable[[int, int], str]
    ) -> None:
        """`mutes` says who mutes what a member says at an instant, if anybody does."""
        self._spec, self._evaluator, self._emit, self._mutes = spec, evaluator, emit, mutes
        self.limits = Limits(spec.members)

    def take(
        self, wide: Frame, member: Index, raises: list[Truths], mask: npt.NDArray[np.bool_], origin: Place | None
    ) -> None:
        level = np.full(len(wide), -1, np.int8)
        for number in reversed(range(len(raises))):
            level[raises[number] == TRUE] = number
        hits = np.flatnonzero(mask & (level >= 0))
        transitions = [
            Transition(
                place=int(row),
                index=int(row),
                at_ms=int(wide.time[row]),
                event="fired",
                state="firing",
                severity=SEVERITIES.index(self._spec.shape.levels[int(level[row])].severity),
                previous=-1,
                starts_at_ms=int(wide.time[row]),
                seq=1,
                opens=True,
                closes=False,
                reason="",
            )
            for row in hits.tolist()
        ]
        details = Details(self._evaluator, wide, hits.tolist())
        for i, transition in enumerate(transitions):
            who = self._spec.members[int(member[transition.index])]
            place = origin_of(wide, transition.index, origin)
            row = place if place is not None else self._row_key(wide, transition.index)
            identity = alarm_id(who.name, {}, transition.starts_at_ms, row)
            span = window_of(wide, transition.index)
            number, news = int(member[transition.index]), None
            muted_by: str | None = self._mutes(number, transition.at_ms)
            if not muted_by:
                muted, news = self._limit(wide, transition, number, identity)
                muted_by = STORM if muted else None
            self._emit(
                lifecycle_event(who, self._spec.shape, transition, identity, {}, details, i, span, place, muted_by)
            )
            if news is not None:
                self._emit(news)

    def _limit(self, wide: Frame, transition: Transition, number: int, identity: str) -> tuple[bool, Document | None]:
        """Whether an occurrence is beyond `limit`, and what its storm says."""
        if not self.limits.is_on:
            return False, None
        ticks = wide.time if wide.ticks is None or self._spec.ordered else wide.ticks
        for document in self.limits.pass_by(int(ticks[transition.index])):
            self._emit(document)
        return self.limits.take(number, transition.at_ms, transition.severity, identity)

    def _row_key(self, wide: Frame, row: int) -> list[object]:
        """What tells apart the rows of one instant of a KPI: the values of the columns."""
        names = [name for name in sorted(wide.columns) if not name.startswith((KEY, VALUE))]
        return [[name, picked(wide.columns[name], [row])[0]] for name in names]


def origin_of(frame: Frame, row: int, origin: Place | None) -> Origin | None:
    if origin is None or frame.position is None:
        return None
    return origin(int(frame.position[row]))


def window_of(frame: Frame, row: int) -> tuple[int, int] | None:
    starts, ends = frame.columns.get(WINDOW_START), frame.columns.get(WINDOW_END)
    if not isinstance(starts, np.ndarray) or not isinstance(ends, np.ndarray):
        return None
    return int(starts[row]), int(ends[row])
