"""`repeat:` and acknowledgements: who is told again of an alarm that goes on.

An alarm that fires and was told is told again once it has been up for so long since, and each time after a wait that
may double. Whoever acknowledges it is spared until it resolves or grows worse. All in event time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import zip_longest
from typing import Any

from streamwatchd.lang.typed import Expr
from streamwatchd.operators.dimension import Dimensions
from streamwatchd.operators.lifecycle import Transition
from streamwatchd.operators.spec import Repeat

ACKNOWLEDGED, REPEATED = "acknowledged", "repeated"
_NEW = ("fired", "escalated", "no_data")
"""What is worth waking somebody who has acknowledged what was before."""

Names = Callable[[int], list[object]]


class Reminders:
    """Of alarms by their places: when the next reminder is due, after which wait; which were acknowledged.

    `seen` are the acknowledgements that have been heard: each is of what is up when it comes.
    """

    def __init__(self, repeats: Iterable[Repeat], rules: frozenset[str]) -> None:
        self._repeats, self._rules = {each.rule: each for each in repeats}, rules
        self.due_ms: dict[int, int] = {}
        self.waits: dict[int, int] = {}
        self.acked: set[int] = set()
        self.seen: set[str] = set()

    def take(self, transition: Transition, rule: str, muted_by: str) -> None:
        """Note what was said of an alarm; what is muted was told to nobody."""
        place, event = transition.place, transition.event
        if event in ("amended", ACKNOWLEDGED) or transition.state == "pending":
            return
        if transition.closes:
            self._forget(place)
            return
        if event in _NEW:
            self.acked.discard(place)
        repeat = self._repeats.get(rule)
        if repeat is not None and not muted_by:
            longer_ms = min(2 * self.waits.get(place, 0), repeat.most_ms)
            self._wait(place, transition.at_ms, longer_ms if event == REPEATED else repeat.first_ms)

    def _wait(self, place: int, at_ms: int, wait_ms: int) -> None:
        self.waits[place], self.due_ms[place] = wait_ms, at_ms + wait_ms

    def _forget(self, place: int) -> None:
        self.due_ms.pop(place, None)
        self.waits.pop(place, None)
        self.acked.discard(place)

    def due(self, judged_ms: int) -> list[int]:
        """The places that are to be told again at T, if nothing mutes them."""
        return sorted(place for place, at in self.due_ms.items() if at <= judged_ms and place not in self.acked)

    def next_ms(self) -> int | None:
        """The first instant at which a reminder is due."""
        return min((at for place, at in self.due_ms.items() if place not in self.acked), default=None)

    # acknowledgements

    def unheard(self, dimensions: Dimensions, judged_ms: int) -> list[tuple[str, str, Expr | None, str]]:
        """Acknowledgements in force at T that were not heard yet, as (rule, name, where, who and why)."""
        acks = dimensions.acks(judged_ms - 1)
        if not acks and not self.seen:
            return []
        mine = [(rule, ack) for rule in acks if rule in self._rules for ack in acks[rule]]
        fresh = [(rule, ack.name, ack.where, ack.note) for rule, ack in mine if ack.name not in self.seen]
        self.seen = {ack.name for _, ack in mine}
        return sorted(fresh, key=lambda each: each[:2])

    def pass_over(self, dimensions: Dimensions) -> None:
        """Whatever is known by now is of nothing that is up."""
        for _, acks in dimensions.versions_of_acks():
            self.seen |= {ack.name for rule in acks if rule in self._rules for ack in acks[rule]}

    def expects(self, dimensions: Dimensions, asked_ms: int | None = None) -> int | None:
        """The instant from which on there is an acknowledgement that was not heard yet; what was no more in force when
        it was asked last is never heard."""
        versions = dimensions.versions_of_acks()
        ends = [start for start, _ in versions[1:]]
        return next(
            (
                start
                for (start, acks), end in zip_longest(versions, ends)
                if (asked_ms is None or end is None or end > asked_ms)
                and any(ack.name not in self.seen for rule in acks if rule in self._rules for ack in acks[rule])
            ),
            None,
        )

    # snapshots and switches

    def snapshot(self, name_of: Names) -> list[Any] | None:
        """By the names of the alarms; None where there is nothing to keep."""
        if not self.due_ms and not self.acked and not self.seen:
            return None
        due = [[name_of(place), at, self.waits[place]] for place, at in self.due_ms.items()]
        return [due, [name_of(place) for place in sorted(self.acked)], sorted(self.seen)]

    def restore(self, state: Any, places: Mapping[tuple[object, ...], int]) -> None:
        due, acked, seen = state
        for name, at_ms, wait_ms in due:
            if tuple(name) in places:
                self._wait(places[tuple(name)], at_ms - wait_ms, wait_ms)
        self.acked |= {places[tuple(name)] for name in acked if tuple(name) in places}
        self.seen |= set(seen)

    def adopt(self, old: Reminders, places: Mapping[int, int], rule_of: Callable[[int], str], at_ms: int) -> None:
        """Go on from E with the alarms of another version of the rules: `places` are here by what they were there,
        of all that were up. A rule that says `repeat` only now counts from E."""
        self.seen |= old.seen
        for there, here in places.items():
            repeat = self._repeats.get(rule_of(here))
            if there in old.acked:
                self.acked.add(here)
            if repeat is not None and there in old.due_ms:
                self._wait(here, old.due_ms[there] - old.waits[there], min(old.waits[there], repeat.most_ms))
            elif repeat is not None:
                self._wait(here, at_ms, repeat.first_ms)
