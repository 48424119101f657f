"""`flapping:` a key whose alarm goes up and down too often is told of once, until it has calmed down.

A change is an alarm that begins to fire, or resolves after it fired. What counts are the changes of the last `window`,
at a change with itself; before a change at T and at T those at T − window are out. From the change on with which they
are enough, until the instant at which few enough are left, the key flaps: its alarm lives on as it would, and what is
written of it is muted. An alert of its own says so. All in event time, and in the order in which a life is written:
of alarms that are judged at once no change is before the one that was written before it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from streamwatchd.lang.units import format_duration
from streamwatchd.operators.document import Document, Span, alarm_id, iso, plain, storm_event
from streamwatchd.operators.left import Left
from streamwatchd.operators.lifecycle import Transition
from streamwatchd.operators.spec import AlarmShape, Flap, Member
from streamwatchd.operators.storm import Name

FLAPPING = "flapping"
"""What mutes an alarm that flaps, and the event that says so."""

CALMED = "calmed_down"
"""Why such an alert resolves, unless its rule is changed."""

SHADOW = "shadow"
"""What kept an alarm from being told while its rule was on trial."""


def calm_when(until: int, window_ms: int) -> str:
    """In words, when a key flaps no more; what changes is said before."""
    window = format_duration(window_ms)
    return f"at most {until} are left in {window}" if until else f"{window} pass without one"


@dataclass(slots=True)
class FlapAlert:
    """The alert that stands for a key that flaps. `changes` are all since the first that counted; `muted_by` says who
    kept it from being told, so far."""

    id: str
    starts_at_ms: int
    severity: int
    changes: int
    seq: int
    muted_by: str

    def pack(self) -> list[Any]:
        return [self.id, self.starts_at_ms, self.severity, self.changes, self.seq, self.muted_by]


@dataclass(slots=True)
class Track:
    """Of one key: the instants of its newest changes, as many as can matter, and its alert while it flaps."""

    changes: list[int]
    alert: FlapAlert | None = None


class Flaps:
    """Of a node's members; `name_of` says whose alarm a place is. Nothing is kept of keys without a change of late."""

    def __init__(
        self,
        flaps: Sequence[Flap],
        members: Sequence[Member],
        shape: AlarmShape,
        name_of: Callable[[int], Name],
        emit: Callable[[Document], None],
    ) -> None:
        asked = {flap.rule: flap for flap in flaps}
        self._asked = {n: asked[member.name] for n, member in enumerate(members) if member.name in asked}
        self._members, self._shape = members, shape
        self._name_of, self._emit = name_of, emit
        self._tracks: dict[Name, Track] = {}
        self._ends: dict[Name, int] = {}
        self._soonest: int | None = None
        """Before this instant nothing is over."""

    @property
    def is_on(self) -> bool:
        return bool(self._asked)

    def mutes(self, place: int) -> bool:
        """Whether the key of an alarm flaps."""
        return bool(self._ends) and self._name_of(place) in self._ends

    def standing(self, name: Name) -> tuple[FlapAlert, int] | None:
        """The alert of a key that flaps, and when it is over if no change comes any more."""
        alert = self._tracks[name].alert if name in self._ends else None
        return None if alert is None else (alert, self._ends[name])

    def alerts(self) -> Iterable[tuple[Name, FlapAlert]]:
        """All that flap."""
        return [(name, track.alert) for name, track in self._tracks.items() if track.alert is not None]

    # at work

    def take(self, transition: Transition, was_up: bool, label: str) -> str:
        """Note an event, in the order of its life; `flapping` if its key flaps after it. `was_up`: it fired before;
        `label` says who else mutes it."""
        if not self._asked:
            return ""
        name = self._name_of(transition.place)
        asked = self._asked.get(name[0])
        if asked is None:
            return ""
        is_change = transition.event != "amended" and (transition.state == "firing") != was_up
        track, at_ms = self._tracks.get(name), transition.at_ms
        if track is None and is_change:
            track = self._tracks[name] = Track([])
        if track is None:
            return ""
        if is_change and track.changes:
            at_ms = max(at_ms, track.changes[-1])
        self._look(name, track, at_ms)
        if is_change:
            self._change(name, track, asked, transition, at_ms, label)
        return "" if track.alert is None else FLAPPING

    def _change(self, name: Name, track: Track, asked: Flap, transition: Transition, at_ms: int, label: str) -> None:
        track.changes = [each for each in track.changes if each > at_ms - asked.window_ms][1 - asked.changes :]
        track.changes.append(at_ms)
        alert = track.alert
        if alert is None and len(track.changes) == asked.changes:
            identity = alarm_id(asked.rule, self._key(name), at_ms, (FLAPPING,))
            alert = track.alert = FlapAlert(identity, at_ms, transition.severity, asked.changes, 0, label)
            self._say(name, alert, at_ms, "")
        elif alert is not None:
            alert.changes += 1
            if alert.muted_by and not label:
                alert.muted_by = ""
                self._say(name, alert, at_ms, "")
        self._wait(name, track)

    def _wait(self, name: Name, track: Track) -> None:
        asked = self._asked[name[0]]
        if track.alert is not None:
            over_ms = self._ends[name] = track.changes[-asked.until - 1] + asked.window_ms
        else:
            over_ms = track.changes[-1] + asked.window_ms
        self._soonest = over_ms if self._soonest is None else min(self._soonest, over_ms)

    def _look(self, name: Name, track: Track, at_ms: int) -> None:
        """Whether what flaps is over by an instant."""
        ends_ms = self._ends.get(name)
        if ends_ms is not None and ends_ms <= at_ms:
            self._end(name, track, ends_ms, CALMED)

    def _end(self, name: Name, track: Track, at_ms: int, reason: str) -> None:
        del self._ends[name]
        alert, track.alert = track.alert, None
        assert alert is not None
        self._say(name, alert, at_ms, reason)

    def pass_by(self, limit_ms: int) -> None:
        """All that happened before that instant is noted: what is over by then, each at its own instant."""
        if self._soonest is None or limit_ms < self._soonest:
            return
        over = sorted((end_ms, name) for name, end_ms in self._ends.items() if end_ms <= limit_ms)
        for end_ms, name in over:
            self._end(name, self._tracks[name], end_ms, CALMED)
        self._soonest = None
        for name, track in list(self._tracks.items()):
            if track.alert is None and track.changes[-1] + self._asked[name[0]].window_ms <= limit_ms:
                del self._tracks[name]
            else:
                self._wait(name, track)

    def next_ms(self) -> int | None:
        """The first instant at which a key flaps no more, if nothing happens."""
        return min(self._ends.values(), default=None)

    # what is said

    def _say(self, name: Name, alert: FlapAlert, at_ms: int, reason: str) -> None:
        """That it flaps, or, with a reason, that it is over."""
        member, asked, key = self._members[name[0]], self._asked[name[0]], self._key(name)
        alert.seq += 1
        previous = alert.severity if alert.seq > 1 else -1
        life = Span(alert.id, alert.seq, alert.starts_at_ms, alert.severity, previous)
        window = format_duration(asked.window_ms)
        who = " ".join([member.name, *(f"{column}={value}" for column, value in key.items())])
        calm = calm_when(asked.until, asked.window_ms)
        message = f"{who} flaps, {alert.changes} changes so far: written, muted until {calm}"
        if reason:
            message = f"{who} flaps no more: {alert.changes} changes, it flapped since {iso(alert.starts_at_ms)}"
        values: Document = {"changes": alert.changes, "window": window}
        found = storm_event(member, life, at_ms, values, {}, message, is_over=bool(reason))
        own: Document = {"key": key, "muted_by": alert.muted_by or None, "reason": reason or None}
        self._emit(found | own | ({} if reason else {"event": FLAPPING}))

    def _key(self, name: Name) -> Document:
        return {column.name: plain(value) for column, value in zip(self._shape.keys, name[1], strict=True)}

    # snapshots and switches

    def snapshot(self) -> list[Any] | None:
        """By the names of rules and keys; None where nobody has changed of late."""
        found = [
            [self._members[number].name, list(key), track.changes, None if track.alert is None else track.alert.pack()]
            for (number, key), track in self._tracks.items()
        ]
        return found or None

    def restore(self, state: Sequence[Any]) -> None:
        numbers = {member.name: number for number, member in enumerate(self._members)}
        for rule, key, changes, alert in state:
            if rule in numbers and numbers[rule] in self._asked:
                self._put((numbers[rule], tuple(key)), Track(list(changes), FlapAlert(*alert) if alert else None))

    def _put(self, name: Name, track: Track) -> None:
        self._tracks[name] = track
        self._wait(name, track)

    def adopt(self, old: Flaps, now: Callable[[str], str], at_ms: int) -> None:
        """Go on from E with the keys of another version of the rules, by what these ask for. What flapped is over at E
        where it would be by now, or where nobody asks any more."""
        numbers = {member.name: number for number, member in enumerate(self._members)}
        for name, track in list(old._tracks.items()):
            number = numbers.get(now(old._members[name[0]].name))
            if number is None:
                continue
            asked = self._asked.get(number)
            if asked is None:
                old._drop(name, at_ms, "rule_changed")
                continue
            is_left = [each for each in track.changes if each > at_ms - asked.window_ms][-asked.changes :]
            if len(is_left) <= asked.until and track.alert is not None:
                old._drop(name, at_ms, CALMED)
                track.alert = None
            old._forget(name)
            if is_left:
                self._put((number, name[1]), Track(is_left, track.alert))

    def _drop(self, name: Name, at_ms: int, reason: str) -> None:
        track = self._tracks[name]
        if track.alert is not None:
            self._end(name, track, at_ms, reason)
        self._forget(name)

    def _forget(self, name: Name) -> None:
        self._tracks.pop(name, None)
        self._ends.pop(name, None)

    def untell(self, rules: Collection[str]) -> None:
        """Of rules that were in shadow nobody was told that a key flaps: it is told with its next change."""
        for (number, _), track in self._tracks.items() if rules else ():
            if self._members[number].name in rules and track.alert is not None:
                track.alert.muted_by = track.alert.muted_by or SHADOW

    def close(self, at_ms: int, left: Left) -> None:
        """What nobody took over ends at E, and the end of its alarms is no change any more."""
        for name in list(self._tracks):
            rule = self._members[name[0]].name
            self._drop(name, at_ms, left.reason(rule))
        self._asked = {}
