"""What is written of alarms on rows: each life in order, marked with who is not notified of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

import numpy as np

from streamwatchd.batch import Frame
from streamwatchd.operators.document import Details, Origin, alarm_id, lifecycle_event
from streamwatchd.operators.evaluate import KEY, Evaluator
from streamwatchd.operators.firing import FiringStates, Telling
from streamwatchd.operators.flapping import Flaps
from streamwatchd.operators.lifecycle import Lifecycle, Transition
from streamwatchd.operators.node import EmitAlert
from streamwatchd.operators.occurrences import Place, origin_of, window_of
from streamwatchd.operators.row_notices import RowNotices
from streamwatchd.operators.row_places import RowPlaces
from streamwatchd.operators.spec import RowAlarmSpec
from streamwatchd.operators.storm import STORM, Storms

Told = tuple[int, Transition, bool]
"""In which turn; what; whether of a tick (True) or of a row."""


class RowWriter:
    """`ids` are those of the alarms that are up; `life` is asked for their numbers, and told of notes."""

    def __init__(
        self,
        spec: RowAlarmSpec,
        alarms: RowPlaces,
        life: Lifecycle,
        evaluator: Evaluator,
        emit: EmitAlert,
        telling: Telling,
        states: Mapping[str, FiringStates],
    ) -> None:
        self._spec, self._alarms, self._life = spec, alarms, life
        self._evaluator, self._emit, self._telling = evaluator, emit, telling
        self.storms = Storms(spec.members, alarms.whose)
        flaps = Flaps(spec.flaps, spec.members, spec.shape, alarms.whose, emit)
        self.notices = RowNotices(spec, evaluator, alarms.rule, states, flaps)
        self.ids: dict[int, str] = {}

    def begin(self) -> None:
        """Before rows are judged."""
        self.notices.begin(lambda: up(self._life))

    def in_turn(self, wide: Frame, told: list[Told], origin: Place | None) -> None:
        """What each turn told, of a row or of a tick, so that each alarm's life is told in order.

        Times and `seq` do not give that order: an alarm may end and begin anew at one instant. Where a storm is near,
        or somebody is spared, the order among alarms counts too.
        """
        if not told:
            return
        if self.is_near(told) or self.notices.is_on:
            self._by_moments(wide, told, origin)
            self._settle()
        elif any(bare for _, _, bare in told):
            self._publish(wide, sorted(told, key=lambda turn: (turn[1].place, turn[0])), origin)
        else:
            self._publish(wide, sorted(told, key=lambda turn: turn[1].index), origin)

    def without_rows(self, told: list[Told]) -> None:
        """What a change of the rules tells."""
        self.begin()
        self.in_turn(Frame(np.zeros(0, np.int64), {}), told, None)

    def is_near(self, told: list[Told], silent: int = 0) -> bool:
        """Whether these events, and so many that silence may add, could come to a storm."""
        members = Counter(self._alarms.pairs[transition.place][0] for _, transition, _ in told)
        return self.storms.is_near({number: count + silent for number, count in members.items()})

    def _by_moments(self, wide: Frame, told: list[Told], origin: Place | None) -> None:
        """By the moments of judgement, then by key. Of rows in log order a tick comes before the first row that it
        precedes."""
        ticks = wide.time if wide.ticks is None else wide.ticks
        passed = np.maximum.accumulate(ticks) if len(ticks) else ticks

        def moment(turn: Told) -> tuple[int, int, int]:
            _, transition, bare = turn
            if self._spec.ordered:
                return transition.at_ms, 0 if bare else 1, 0
            if bare:
                return int(np.searchsorted(passed, transition.at_ms)), 0, transition.at_ms
            return transition.index, 1, 0

        def order(turn: Told) -> tuple[object, ...]:
            return *moment(turn), self._alarms.whose(turn[1].place)[1], turn[0]

        for _, group in groupby(sorted(told, key=order), key=moment):
            together = list(group)
            limit_ms = self._limit_of(together[0], passed)
            self._notes(limit_ms)
            self._publish(wide, together, origin, limit_ms)
            self._tell_storms([transition for _, transition, _ in together])

    def _limit_of(self, told: Told, passed: Any) -> int:
        """The instants up to which come before this: ticks and rows are before the notes of their own instant."""
        _, transition, bare = told
        if bare:
            return transition.at_ms - 1
        return transition.at_ms if self._spec.ordered else int(passed[transition.index])

    def _publish(self, wide: Frame, told: list[Told], origin: Place | None, limit_ms: int | None = None) -> None:
        """Lifecycle events in this order; `limit_ms` where they are of one moment."""
        rows = [transition for _, transition, bare in told if not bare]
        ticks = [transition for _, transition, bare in told if bare]
        named = {KEY + key.name: key for key in self._spec.shape.keys if KEY + key.name not in wide.columns}
        if named and rows:
            # other alarms share the frame: its columns stay as they are
            keys = {name: self._evaluator.column(key.expr, wide) for name, key in named.items()}
            wide = replace(wide, columns=wide.columns | keys)
        of_rows = Details(self._evaluator, wide, [transition.index for transition in rows])
        bare_frame = self._alarms.bare([self._alarms.pairs[t.place] for t in ticks], [t.at_ms for t in ticks])
        of_ticks = Details(self._evaluator, bare_frame, range(len(ticks)))
        labels = self._labels(told)
        seen = [0, 0]
        for (_, transition, bare), label in zip(told, labels, strict=True):
            i, seen[bare] = seen[bare], seen[bare] + 1
            number, key = self._alarms.whose(transition.place)
            fires = transition.state == "firing"
            self._telling.note(self._spec.members[number].name, key, transition.at_ms - bare, fires=fires)
            if limit_ms is not None and self.notices.is_on:
                transition, label = self.notices.take(transition, label, limit_ms)
            if bare:
                self._write(transition, label, of_ticks, i, None, None)
            else:
                span, place = window_of(wide, transition.index), origin_of(wide, transition.index, origin)
                self._write(transition, label, of_rows, i, span, place)

    def _labels(self, told: list[Told]) -> list[str]:
        if not self.notices.is_on:
            return [""] * len(told)
        return self.notices.labels([transition for _, transition, _ in told], self._alarms.bare_at)

    def _write(
        self, transition: Transition, label: str, details: Details, i: int, span: tuple[int, int] | None,
        place: Origin | None,
    ) -> None:  # fmt: skip
        number, key_id = self._alarms.pairs[transition.place]
        who, key = self._spec.members[number], self._alarms.key_of(key_id)
        if transition.opens:
            self.ids[transition.place] = alarm_id(who.name, key, transition.starts_at_ms, place)
        identity = self.ids[transition.place]
        if transition.closes:
            del self.ids[transition.place]
        muted_by = label or (STORM if self.storms.take(transition) else None)
        self._emit(lifecycle_event(who, self._spec.shape, transition, identity, key, details, i, span, place, muted_by))

    def _tell_storms(self, transitions: list[Transition]) -> None:
        members = {self._alarms.pairs[transition.place][0] for transition in transitions}
        for document in self.storms.tell(sorted(members), transitions[0].at_ms):
            self._emit(document)

    # what needs no event

    def notes(self, limit_ms: int) -> None:
        """What is to be said without an event at instants up to a limit; all that happened before is written."""
        if self.notices.is_on:
            self._notes(limit_ms)
            self._settle()

    def _notes(self, limit_ms: int) -> None:
        if not self.notices.is_on:
            return
        for said in self.notices.until(limit_ms, self._alarms.bare_at):
            if not said:
                continue
            said.sort(key=lambda each: self._alarms.whose(each[0].place)[1])
            transitions = [transition for transition, _ in said]
            frame = self._alarms.bare_at([each.place for each in transitions], transitions[0].at_ms)
            details = Details(self._evaluator, frame, range(len(said)))
            for i, (transition, label) in enumerate(said):
                self._write(transition, label, details, i, None, None)
            self._tell_storms(transitions)

    def _settle(self) -> None:
        self._life.count(self.notices.written.more)
        self.notices.written.more.clear()

    # snapshots and switches

    def restore(self, storms: Any, notices: Any) -> None:
        """Once the alarms have their places."""
        self.notices.restore(notices, self._alarms.by_name)
        self.storms.restore(storms, self._notifying())

    def adopt(self, old: RowWriter, storms: Any, now: Callable[[str], str], at_ms: int) -> None:
        """Once the alarms have their places here, and before they leave the old node."""
        known = self._alarms.by_name()
        here: dict[int, int] = {}
        for place in old._alarms.places.values():
            rule, *key = old._alarms.name(place)
            name = (now(str(rule)), *key)
            if name in known:
                here[place] = known[name]
        self.notices.adopt(old.notices, up(old._life), here, at_ms)
        self.notices.flaps.adopt(old.notices.flaps, now, at_ms)
        self.storms.restore(storms, self._notifying(), now)

    def _notifying(self) -> list[int]:
        """The places of alarms that fire, and of which somebody was told."""
        muting, firing = self.notices.told.muting, self._life.firing().tolist()
        untold = self.notices.told.untold
        if muting is None:
            return [place for place in firing if place not in untold]
        return [place for place in firing if muting.notifies(place)]


def up(life: Lifecycle) -> Iterator[tuple[int, Any, int]]:
    for place in life.firing().tolist():
        yield place, life.standing(place), life.seq_of(place)
