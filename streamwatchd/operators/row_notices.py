"""Who is told of alarms on rows: `notices`, in the order in which events are written.

A batch of rows has been through the alarms' lives before its events are written, so what comes between two events of
an alarm goes by what was written of it. What needs no event (nothing mutes it any more, a reminder, an acknowledgement)
comes at full minutes of event time, and not in a pause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import Frame
from streamwatchd.operators.evaluate import Evaluator
from streamwatchd.operators.firing import FiringStates
from streamwatchd.operators.flapping import Flaps
from streamwatchd.operators.lifecycle import Standing, Transition
from streamwatchd.operators.muting import Muting
from streamwatchd.operators.node import first_multiple_above, first_multiple_from
from streamwatchd.operators.notices import Notices
from streamwatchd.operators.pausing import Pauses
from streamwatchd.operators.spec import RowAlarmSpec

STEP_MS = 60_000

Up = Iterable[tuple[int, Standing, int]]
"""Alarms that fire: place, how it stands, the number of its last event."""
BareAt = Callable[[Sequence[int], int], Frame]
"""Places and T → rows that have nothing but the keys."""
Said = list[tuple[Transition, str]]
"""What is said, and who mutes it."""


class Written:
    """The alarms that fire as far as they are written, each with its last event; what `Notices` asks a life for."""

    def __init__(self) -> None:
        self._last: dict[int, Transition] = {}
        self.more: dict[int, int] = {}
        """How many events of a life are not counted in it yet: notes that were written in this batch."""

    def begin(self, up: Up) -> None:
        self._last = {
            place: Transition(
                place, -1, each.starts_at_ms, "fired", "firing", each.severity, each.severity, each.starts_at_ms, seq,
                False, False, "",
            )
            for place, each, seq in up
        }  # fmt: skip

    def take(self, transition: Transition) -> Transition:
        """With its number among all events of the life."""
        place = transition.place
        written = transition
        if place in self.more:
            written = replace(transition, seq=transition.seq + self.more[place])
        if transition.closes:
            self.more.pop(place, None)
            self._last.pop(place, None)
        elif transition.state == "firing":
            self._last[place] = written
        return written

    def firing(self) -> npt.NDArray[np.intp]:
        return np.array(sorted(self._last), np.intp)

    def severity_of(self, place: int) -> int:
        return self._last[place].severity

    def note(self, place: int, at_ms: int, event: str, reason: str = "") -> Transition:
        last = self._last[place]
        self.more[place] = self.more.get(place, 0) + 1
        found = replace(
            last, index=-1, at_ms=at_ms, event=event, previous=last.severity, seq=last.seq + 1, opens=False,
            closes=False, reason=reason,
        )  # fmt: skip
        self._last[place] = found
        return found


class RowNotices:
    """`rule_of` gives the rule of a place; `states` are those of other alarms, by their feeds; `flaps` are their keys.

    While it is off nothing is kept, and everybody is told of everything.
    """

    def __init__(
        self,
        spec: RowAlarmSpec,
        evaluator: Evaluator,
        rule_of: Callable[[int], str],
        states: Mapping[str, FiringStates],
        flaps: Flaps,
    ) -> None:
        self._evaluator, self._rule_of, self.flaps = evaluator, rule_of, flaps
        self._rules = frozenset(member.name for member in spec.members)
        self._is_lasting = spec.mute is not None or bool(spec.repeats or spec.flaps)
        muting = None if spec.mute is None else Muting(spec.mute, evaluator, states)
        self.written = Written()
        self.told = Notices(evaluator, self.written, self._rules, rule_of, muting, spec.repeats, flaps)
        self.is_on = False
        self.since_ms: int | None = None
        """The instant up to which it has been asked who is to be told without an event; None before the first."""
        self._pauses = None if spec.pause is None else Pauses(spec.pause)
        self._only_switched = False
        """That instant is a change of the rules, and nothing has been asked yet: events may come of before it."""

    # at work

    def begin(self, up: Callable[[], Up]) -> None:
        """Before rows are judged. `up` are the alarms that fire now."""
        is_on = self._is_wanted
        if is_on and not self.is_on:
            self.written.begin(up())
        self.is_on = is_on
        if is_on:
            self.told.keep(is_silenced=self._evaluator.dimensions.ever_silenced(self._rules))
            if self.since_ms is None:
                # no alarm was up when these came: they are of the first rules, and there was no event yet
                self.told.reminders.pass_over(self._evaluator.dimensions)

    @property
    def _is_wanted(self) -> bool:
        dimensions, rules = self._evaluator.dimensions, self._rules
        is_asked = dimensions.ever_silenced(rules) or dimensions.ever_acked(rules)
        return self._is_lasting or is_asked or not self.told.is_calm

    def switched(self, at_ms: int) -> None:
        """Other rules are in force from E on; where nothing was asked so far, nothing is due before."""
        if self.since_ms is None:
            self.since_ms, self._only_switched = at_ms, True

    def labels(self, transitions: Sequence[Transition], bare_at: BareAt) -> list[str]:
        """Who mutes events of one instant."""
        if not transitions:
            return []
        return self.told.labels(lambda places: bare_at(places, transitions[0].at_ms), transitions)

    def label_of(self, rule: str, frame: Frame, at_ms: int) -> str:
        """Who mutes something that has no life."""
        return "" if self.told.muting is None else self.told.muting.labels(frame, at_ms, [rule])[0]

    def take(self, transition: Transition, label: str, limit_ms: int) -> tuple[Transition, str]:
        """Note what is written, when all instants up to a limit had been asked about."""
        self._asked_up_to(limit_ms)
        self._only_switched = False
        written = self.written.take(transition)
        return written, self.told.take(transition, label)

    def _asked_up_to(self, at_ms: int) -> None:
        if self.since_ms is None or self._only_switched:
            self.since_ms = at_ms
        else:
            self.since_ms = max(self.since_ms, at_ms)

    def next_ms(self) -> int | None:
        """The next instant at which there may be something to say without an event."""
        if self.since_ms is None:
            return None
        reminders, next_ms = self.told.reminders, int(first_multiple_above(self.since_ms, STEP_MS))
        found = [] if self.told.is_calm else [next_ms]
        due, expects = reminders.next_ms(), reminders.expects(self._evaluator.dimensions, self.since_ms)
        found += [] if due is None else [max(next_ms, int(first_multiple_above(due - 1, STEP_MS)))]
        found += [] if expects is None else [int(first_multiple_above(max(expects, self.since_ms), STEP_MS))]
        at_ms = min(found, default=None)
        return at_ms if at_ms is None or self._pauses is None else self._pauses.first_free(at_ms, _full_minute)

    def until(self, limit_ms: int, bare_at: BareAt) -> Iterator[Said]:
        """What is to be said without an event at instants up to a limit, one after the other; keys that flapped up to
        then do so no more."""
        while (at_ms := self.next_ms()) is not None and at_ms <= limit_ms:
            yield self._at(at_ms, bare_at)
        self.flaps.pass_by(limit_ms)

    def _at(self, at_ms: int, bare_at: BareAt) -> Said:
        self.since_ms, self._only_switched = at_ms, False
        self.flaps.pass_by(at_ms)

        def frame_of(places: Sequence[int]) -> Frame:
            return bare_at(places, at_ms)

        notes = self.told.acknowledged(frame_of, at_ms)
        notes += self.told.later(frame_of, notes, at_ms)
        labels = self.labels(notes, bare_at)
        return [(note, self.told.take(note, label)) for note, label in zip(notes, labels, strict=True)]

    # snapshots and switches

    def snapshot(self, name_of: Callable[[int], list[object]]) -> dict[str, Any] | None:
        """By the names of the alarms; None where there is nothing to keep."""
        if self.since_ms is None or not self._is_wanted:
            return None
        kept = {name: each for name, each in self.told.snapshot(name_of).items() if each is not None}
        return {"since": self.since_ms, **({"switched": True} if self._only_switched else {}), **kept}

    def restore(self, state: Mapping[str, Any] | None, places: Callable[[], Mapping[tuple[object, ...], int]]) -> None:
        if state is not None:
            self.since_ms, self._only_switched = state["since"], state.get("switched", False)
            self.told.restore(state, places)

    def adopt(self, old: RowNotices, up: Up, places: Mapping[int, int], at_ms: int) -> None:
        """Go on with the alarms of another version of the rules; `up` are those that fire there."""
        if not old.is_on:
            old.written.begin(up)
        self.told.adopt(old.told, places, at_ms)
        self.is_on = False
        if old.since_ms is not None:
            self._asked_up_to(old.since_ms)
            self._only_switched = old._only_switched


def _full_minute(time_ms: int) -> int:
    """The first one at or after an instant."""
    return first_multiple_from(time_ms, STEP_MS)
