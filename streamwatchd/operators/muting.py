"""`unless:` and silences at work: alarms go on as they are, and while it is true nobody is notified of them.

Whoever was told that an alarm fires is told that it ends. One that began to fire, or grew worse, while it was muted and
still fires afterwards is told once, as `unmuted`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from streamwatchd.batch import FALSE, TRUE, Frame, to_values
from streamwatchd.lang.typed import During, Expr, Firing, walk
from streamwatchd.operators.evaluate import Evaluator
from streamwatchd.operators.firing import FiringStates
from streamwatchd.operators.lifecycle import Transition
from streamwatchd.operators.spec import MuteSpec


class Muting:
    """Of alarms by their places: the severity that was told of each, and who mutes it."""

    def __init__(self, spec: MuteSpec | None, evaluator: Evaluator, states: Mapping[str, FiringStates]) -> None:
        """Without a `spec` only silences mute."""
        self._unless, self._evaluator, self._states = spec.unless if spec else None, evaluator, states
        self._feeds = dict(spec.firings) if spec else {}
        self._calendars = {calendar.name: calendar for calendar in spec.calendars} if spec else {}
        nodes = walk(spec.unless) if spec else ()
        self._leaves = [node for node in dict.fromkeys(nodes) if isinstance(node, Firing | During)]
        self.told: dict[int, int] = {}
        self.hidden: dict[int, str] = {}

    @classmethod
    def after_others(cls, evaluator: Evaluator, told: Mapping[int, int], untold: Iterable[int]) -> Muting:
        """For silences of a rule that muted nothing so far. `told` are the severities of the alarms that are up,
        `untold` those that another version of the rule muted."""
        made = cls(None, evaluator, {})
        made.hidden = dict.fromkeys(untold, "unless")
        made.told = {place: severity for place, severity in told.items() if place not in made.hidden}
        return made

    def labels(self, frame: Frame, judged_ms: int, rules: Sequence[str]) -> list[str]:
        """Who mutes each row at T; empty for nobody. `rules` has the alarm of each row."""
        found = [""] * len(frame) if self._unless is None else self._unless_labels(self._unless, frame, judged_ms)
        silences = self._evaluator.dimensions.silences(judged_ms - 1)
        for rule in dict.fromkeys(rules) if silences else ():
            for silence in silences.get(rule, ()):
                mine = [row for row, label in enumerate(found) if not label and rules[row] == rule]
                if mine and silence.holds(judged_ms):
                    where = silence.where
                    truths = None if where is None else self._evaluator.truths(where, frame)
                    for row in mine:
                        if truths is None or truths[row] == TRUE:
                            found[row] = f"silence({silence.name})"
        return found

    def _unless_labels(self, unless: Expr, frame: Frame, judged_ms: int) -> list[str]:
        """As the rule writes it."""
        for leaf in self._leaves:
            self._evaluator.put(frame, leaf, np.array(self._truths(leaf, frame, judged_ms), np.int8))
        muted = self._evaluator.truths(unless, frame) == TRUE
        return [self._who(frame, row) if muted[row] else "" for row in range(len(frame))]

    def is_during(self, judged_ms: int) -> bool:
        """Whether T lies in a calendar that mutes."""
        return any(calendar.holds(judged_ms) for calendar in self._calendars.values())

    def _truths(self, leaf: Firing | During, frame: Frame, judged_ms: int) -> list[int]:
        if isinstance(leaf, During):
            return [int(TRUE if self._calendars[leaf.calendar].holds(judged_ms) else FALSE)] * len(frame)
        states, names = self._states[self._feeds[leaf]], tuple(name for name, _ in leaf.on)
        columns = [to_values(self._evaluator.column(expr, frame)) for _, expr in leaf.on]
        keys = list(zip(*columns, strict=True)) if columns else [()] * len(frame)
        known = {key: states.fires(names, key, judged_ms) for key in set(keys)}
        return [int(TRUE if known[key] else FALSE) for key in keys]

    def _who(self, frame: Frame, row: int) -> str:
        for leaf in self._leaves:
            if self._evaluator.truths(leaf, frame)[row] == TRUE:
                return f"firing({leaf.rule})" if isinstance(leaf, Firing) else f"during({leaf.calendar})"
        return "unless"

    def take(self, transition: Transition, label: str) -> str:
        """Note an event; who mutes it, if anybody does."""
        place = transition.place
        if transition.event == "amended":
            return label
        if transition.closes:
            hidden, told = self.hidden.pop(place, ""), self.told.pop(place, None)
            return "" if told is not None else hidden or label
        if transition.state != "firing":
            return label
        self.hidden.pop(place, None)
        if not label:
            self.told[place] = transition.severity
        elif self.told.get(place) != transition.severity:
            self.hidden[place] = label
        return label

    def is_up(self, place: int) -> bool:
        """Whether the alarm fires, as far as was noted."""
        return place in self.told or place in self.hidden

    def notifies(self, place: int) -> bool:
        """Whether somebody was told of the alarm."""
        return place in self.told

    # snapshots and switches

    def snapshot(self, name_of: Callable[[int], list[object]]) -> list[Any]:
        """By the names of the alarms."""
        told = [[name_of(place), severity] for place, severity in self.told.items()]
        return [told, [[name_of(place), label] for place, label in self.hidden.items()]]

    def restore(self, state: Any, places: Mapping[tuple[object, ...], int]) -> None:
        told, hidden = state
        self.told |= {places[tuple(name)]: severity for name, severity in told if tuple(name) in places}
        self.hidden |= {places[tuple(name)]: label for name, label in hidden if tuple(name) in places}
