"""Who is told of the alarms of a node: what mutes them, whether their keys flap, who has acknowledged them, when they
are told again.

Truth is the business of `lifecycle`; nothing here changes an alarm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import TRUE, Frame
from streamwatchd.operators.evaluate import Evaluator
from streamwatchd.operators.flapping import SHADOW, Flaps
from streamwatchd.operators.lifecycle import Transition
from streamwatchd.operators.muting import Muting
from streamwatchd.operators.reminding import ACKNOWLEDGED, REPEATED, Reminders
from streamwatchd.operators.spec import Repeat


class Life(Protocol):
    """What is asked of the lives of alarms."""

    def firing(self) -> npt.NDArray[np.intp]:
        """The places whose alarms fire."""

    def severity_of(self, place: int) -> int: ...

    def note(self, place: int, at_ms: int, event: str, reason: str = "") -> Transition:
        """Something about an alarm that is up which changes nothing in it."""


FrameOf = Callable[[Sequence[int]], Frame]
"""Places → what there is to say of them at T."""
Places = Callable[[], Mapping[tuple[object, ...], int]]


class Notices:
    """`rules` are those of the node, `rule_of` gives that of a place; `muting` is what `unless` says. Where keys may
    flap it is always kept who was told of what."""

    def __init__(
        self,
        evaluator: Evaluator,
        life: Life,
        rules: frozenset[str],
        rule_of: Callable[[int], str],
        muting: Muting | None,
        repeats: Sequence[Repeat],
        flaps: Flaps,
    ) -> None:
        self._evaluator, self._life, self._rules, self._rule_of = evaluator, life, rules, rule_of
        if muting is None and flaps.is_on:
            muting = Muting(None, evaluator, {})
        self.muting, self._is_lasting = muting, muting is not None
        self.flaps = flaps
        self.reminders = Reminders(repeats, rules)
        self.untold: set[int] = set()
        """Alarms that another version of the rule muted; this one mutes none."""

    # at T

    def hear(self, judged_ms: int) -> None:
        """While a silence of any of these rules is in force it is kept who was told of what; until then all were. Keys
        that flapped up to T do so no more."""
        self.flaps.pass_by(judged_ms)
        self.keep(is_silenced=not self._rules.isdisjoint(self._evaluator.dimensions.silences(judged_ms - 1)))

    def keep(self, *, is_silenced: bool) -> None:
        """From now on who was told of what is kept, or not."""
        if is_silenced and self.muting is None:
            self.muting = Muting.after_others(self._evaluator, self._up(), self.untold)
            self.untold = set()
        elif not is_silenced and self.muting is not None and not self._is_lasting and not self.muting.hidden:
            self.muting = None

    def _up(self) -> dict[int, int]:
        return {place: self._life.severity_of(place) for place in self._life.firing().tolist()}

    def acknowledged(self, frame_of: FrameOf, judged_ms: int) -> list[Transition]:
        """Of what was up before T: what has been acknowledged since."""
        found: list[Transition] = []
        for rule, _, where, note in self.reminders.unheard(self._evaluator.dimensions, judged_ms):
            places = [place for place in self._life.firing().tolist() if self._rule_of(place) == rule]
            if where is not None and places:
                truths = self._evaluator.truths(where, frame_of(places))
                places = [place for place, true in zip(places, truths, strict=True) if true == TRUE]
            fresh = [place for place in places if place not in self.reminders.acked]
            self.reminders.acked.update(fresh)
            found += [self._life.note(place, judged_ms, ACKNOWLEDGED, note) for place in fresh]
        return found

    def later(self, frame_of: FrameOf, transitions: Sequence[Transition], judged_ms: int) -> list[Transition]:
        """After what happened at T: alarms of which nobody was told, or not how bad they are, and that nothing mutes
        any more; and those that are told again."""
        changed = {each.place for each in transitions if each.event != ACKNOWLEDGED}
        unmuted, self.untold = sorted(self.untold - changed), set()
        if self.muting is not None:
            unmuted = self._free(frame_of, sorted(self.muting.hidden.keys() - changed), judged_ms)
        due = [place for place in self.reminders.due(judged_ms) if place not in changed and place not in unmuted]
        again = self._free(frame_of, due, judged_ms)
        notes = [self._life.note(place, judged_ms, "unmuted") for place in unmuted]
        return notes + [self._life.note(place, judged_ms, REPEATED) for place in again]

    def _free(self, frame_of: FrameOf, places: list[int], judged_ms: int) -> list[int]:
        """Those that nothing mutes at T."""
        if self.muting is None or not places:
            return places
        places = [place for place in places if not self.flaps.mutes(place)]
        labels = self.muting.labels(frame_of(places), judged_ms, [self._rule_of(place) for place in places])
        return [place for place, label in zip(places, labels, strict=True) if not label]

    def labels(self, frame_of: FrameOf, transitions: Sequence[Transition]) -> list[str]:
        """Who mutes each at the instant at which it is told."""
        if self.muting is None:
            return [""] * len(transitions)
        places = [transition.place for transition in transitions]
        rules = [self._rule_of(place) for place in places]
        return self.muting.labels(frame_of(places), transitions[0].at_ms, rules)

    def take(self, transition: Transition, label: str) -> str:
        """Note what is said; who mutes it, if anybody does."""
        if self.muting is not None:
            flapping = self.flaps.take(transition, self.muting.is_up(transition.place), label)
            label = self.muting.take(transition, label or flapping)
        self.reminders.take(transition, self._rule_of(transition.place), label)
        return label

    @property
    def is_calm(self) -> bool:
        """Nobody waits to be told of anything that is up."""
        return not self.untold and not (self.muting and self.muting.hidden)

    def next_ms(self) -> int | None:
        """The first instant after which there may be something to tell though nothing happens."""
        found = [self.reminders.next_ms(), self.reminders.expects(self._evaluator.dimensions), self.flaps.next_ms()]
        return min((at for at in found if at is not None), default=None)

    def notifying(self) -> list[int]:
        """The places of alarms that fire, and of which somebody was told."""
        firing: list[int] = self._life.firing().tolist()
        return firing if self.muting is None else [place for place in firing if self.muting.notifies(place)]

    # snapshots and switches

    def snapshot(self, name_of: Callable[[int], list[object]]) -> dict[str, Any]:
        """By the names of the alarms; what there is nothing of is None."""
        return {
            "muting": None if self.muting is None else self.muting.snapshot(name_of),
            "untold": [name_of(place) for place in sorted(self.untold)] or None,
            "reminders": self.reminders.snapshot(name_of),
            "flaps": self.flaps.snapshot(),
        }

    def restore(self, state: Mapping[str, Any], places: Places) -> None:
        if "muting" in state:
            self.muting = self.muting or Muting(None, self._evaluator, {})
            self.muting.restore(state["muting"], places())
        known = places() if "untold" in state else {}
        self.untold = {known[tuple(name)] for name in state.get("untold", ()) if tuple(name) in known}
        if "reminders" in state:
            self.reminders.restore(state["reminders"], places())
        self.flaps.restore(state.get("flaps", ()))

    def adopt(self, old: Notices, places: Mapping[int, int], at_ms: int) -> None:
        """Go on with the alarms of another version of the rules, before they leave it: `places` are here by what they
        were there. Where the old rule muted nothing, everybody was told of everything."""
        firing = old._up()
        up = {there: here for there, here in places.items() if there in firing}
        hidden = {} if old.muting is None else old.muting.hidden
        waiting = {up[place] for place in (*hidden, *old.untold) if place in up}
        if self.muting is None:
            self.untold |= waiting
        else:
            told = {place: severity for place, severity in firing.items() if place not in old.untold}
            told = told if old.muting is None else old.muting.told
            self.muting.told |= {up[place]: severity for place, severity in told.items() if place in up}
            labels = {**dict.fromkeys(old.untold, "unless"), **hidden}
            self.muting.hidden |= {up[place]: label for place, label in labels.items() if place in up}
        self.reminders.adopt(old.reminders, up, self._rule_of, at_ms)

    def tell_again(self, rules: frozenset[str]) -> None:
        """At the next T: what is up of rules that were in shadow, as nobody was told of it."""
        self.flaps.untell(rules)
        for place in self._life.firing().tolist() if rules else ():
            if self._rule_of(place) not in rules:
                continue
            if self.muting is None:
                self.untold.add(place)
            else:
                self.muting.told.pop(place, None)
                self.muting.hidden.setdefault(place, SHADOW)
