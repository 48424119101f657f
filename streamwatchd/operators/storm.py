"""Budgets of notifications: alarms past `max_active` fold into one `storm` alert, occurrences past `limit` too.

What is folded is judged and written like all else, with `muted_by: storm`. An alarm that was folded stays so for its
life; the storm alert fires as long as one of them does, so that everything that fires is told by somebody. Its events
come at the first that is folded and each time there are twice as many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from streamwatchd.operators.document import Document, Span, Speaker, alarm_id, iso, storm_event
from streamwatchd.operators.keyspace import KeyTuple
from streamwatchd.operators.lifecycle import SEVERITIES, Transition
from streamwatchd.operators.spec import Member

STORM = "storm"
"""What mutes an alarm that is folded."""
WHERE: Document = {}
"""As the evidence of a storm: the task in which it is, which names itself where the alert goes out."""

_MINUTE_MS = 60_000
_MOST_KEYS = 5
_LEAST_SEVERE = len(SEVERITIES) - 1

Name = tuple[int, KeyTuple]
"""Whose alarm a place is: the number of the member, and the key."""


def told_apart(identity: str, topic: str, partition: int) -> str:
    """The id of a storm, of which each task may have one that begins at the same instant with the same key."""
    return alarm_id(identity, {}, 0, [topic, partition])


@dataclass(slots=True)
class Storm:
    """One life of a storm alert. `ends_ms` is when it is over if nothing more is folded, for occurrences."""

    id: str
    starts_at_ms: int
    total: int = 0
    told: int = 0
    severity: int = _LEAST_SEVERE
    previous: int = -1
    seq: int = 0
    ends_ms: int = 0

    def fold(self, severity: int) -> None:
        self.total += 1
        self.severity = min(self.severity, severity)

    @property
    def has_news(self) -> bool:
        return self.total >= max(1, 2 * self.told)

    def event(self, member: Member, at_ms: int, keys: Sequence[str] | None, *, is_over: bool) -> Document:
        among = f", among them {', '.join(keys)}" if keys else ""
        since = f"{self.total} more of {member.name} since {iso(self.starts_at_ms)}{among}"
        context: Document = {} if keys is None else {"keys": ", ".join(keys)}
        values: Document = {"folded": self.total}
        return self.say(member, at_ms, values, context, f"{since}: written, muted by this storm", is_over=is_over)

    def say(
        self, speaker: Speaker, at_ms: int, values: Document, context: Document, message: str, *, is_over: bool
    ) -> Document:
        self.seq += 1
        life = Span(self.id, self.seq, self.starts_at_ms, self.severity, self.previous)
        self.told, self.previous = self.total, self.severity
        return storm_event(speaker, life, at_ms, values, context, message, is_over=is_over) | {"evidence": WHERE}

    def pack(self) -> list[Any]:
        return [
            self.id, self.starts_at_ms, self.total, self.told, self.severity, self.previous, self.seq, self.ends_ms
        ]  # fmt: skip


@dataclass(slots=True)
class _Fold:
    """Of one member: the places whose alarms notify, and those that fire folded, with their severities."""

    notifying: set[int] = field(default_factory=set)
    folded: dict[int, int] = field(default_factory=dict)
    storm: Storm | None = None


class Storms:
    """The budgets of a node's members; `name_of` says whose alarm a place is."""

    def __init__(self, members: Sequence[Member], name_of: Callable[[int], Name]) -> None:
        self._members = members
        self._name_of = name_of
        self._folds: dict[int, _Fold] = {}

    def is_near(self, members: Mapping[int, int]) -> bool:
        """Whether so many more events of these members could come to a storm: if so, their order counts."""
        for number, more in members.items():
            fold = self._folds.get(number)
            if fold is None:
                if more > self._members[number].max_active:
                    return True
            elif fold.storm is not None or len(fold.notifying) + more > self._members[number].max_active:
                return True
        return False

    def take(self, transition: Transition) -> bool:
        """Note an event, in the order of moments and keys; True when it is muted."""
        place = transition.place
        number, key = self._name_of(place)
        fold = self._folds.get(number)
        if fold is None:
            fold = self._folds[number] = _Fold()
        if transition.state == "firing" and place not in fold.notifying:
            if place not in fold.folded and len(fold.notifying) < self._members[number].max_active:
                fold.notifying.add(place)
                return False
            if place not in fold.folded:
                self._storm(fold, number, key, transition.at_ms).fold(transition.severity)
            fold.folded[place] = transition.severity
        muted = place in fold.folded
        if transition.closes:
            fold.notifying.discard(place)
            fold.folded.pop(place, None)
        return muted

    def _storm(self, fold: _Fold, number: int, key: KeyTuple, at_ms: int) -> Storm:
        if fold.storm is None:
            identity = alarm_id(self._members[number].name, {}, at_ms, ["storm", list(key)])
            fold.storm = Storm(identity, at_ms)
        return fold.storm

    def tell(self, members: Iterable[int], at_ms: int) -> Iterator[Document]:
        """What there is to say of storms once a moment is over."""
        for number in members:
            fold = self._folds.get(number)
            if fold is None or fold.storm is None:
                continue
            storm, is_over = fold.storm, not fold.folded
            if is_over or storm.has_news:
                yield storm.event(self._members[number], at_ms, self._worst(fold), is_over=is_over)
            if is_over:
                fold.storm = None

    def _worst(self, fold: _Fold) -> list[str]:
        """A few of the folded, the most severe first."""
        worst = sorted((severity, self._name_of(place)[1]) for place, severity in fold.folded.items())
        return ["/".join(map(_text, key)) for _, key in worst[:_MOST_KEYS]]

    # snapshots and switches

    def snapshot(self) -> list[Any]:
        """Storms that are on, by the names of members and keys; who notifies follows from who fires."""
        return [
            [
                self._members[number].name,
                [[list(self._name_of(place)[1]), severity] for place, severity in fold.folded.items()],
                fold.storm.pack(),
            ]
            for number, fold in self._folds.items()
            if fold.storm is not None
        ]

    def restore(
        self, state: Sequence[Any], firing: Iterable[int], renamed: Callable[[str], str] = lambda name: name
    ) -> None:
        """The inverse; `firing` are the places whose alarms fire here now."""
        numbers = {member.name: number for number, member in enumerate(self._members)}
        folded: dict[Name, int] = {}
        for name, keys, storm in state:
            number = numbers.get(renamed(name))
            if number is not None:
                fold = self._folds.setdefault(number, _Fold())
                fold.storm = Storm(*storm)
                folded |= {(number, tuple(key)): severity for key, severity in keys}
        for place in firing:
            name_here = self._name_of(place)
            fold = self._folds.setdefault(name_here[0], _Fold())
            if name_here in folded:
                fold.folded[place] = folded[name_here]
            elif place not in fold.folded:
                fold.notifying.add(place)

    def leave(self, places: Iterable[int], names: Iterable[str]) -> None:
        """These alarms, and the storms of these members, go on elsewhere."""
        for place in places:
            fold = self._folds.get(self._name_of(place)[0])
            if fold is not None:
                fold.notifying.discard(place)
                fold.folded.pop(place, None)
        gone = set(names)
        for number, fold in self._folds.items():
            if self._members[number].name in gone:
                fold.storm = None


class Limits:
    """`limit: N/m`: occurrences past the first N of a minute of event time are muted."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._members = members
        self.is_on = any(member.limit_per_minute for member in members)
        self._counts: dict[int, Counter[int]] = {}
        self._storms: dict[int, Storm] = {}

    def take(self, number: int, at_ms: int, severity: int, identity: str) -> tuple[bool, Document | None]:
        """An occurrence of a member: whether it is muted, and what its storm then says."""
        member = self._members[number]
        if not member.limit_per_minute:
            return False, None
        minute = at_ms // _MINUTE_MS
        counts = self._counts.setdefault(number, Counter())
        counts[minute] += 1
        if counts[minute] <= member.limit_per_minute:
            return False, None
        storm = self._storms.get(number)
        if storm is None:
            storm = self._storms[number] = Storm(alarm_id(member.name, {}, at_ms, ["storm", identity]), at_ms)
        storm.fold(severity)
        storm.ends_ms = max(storm.ends_ms, (minute + 2) * _MINUTE_MS)
        return True, storm.event(member, at_ms, None, is_over=False) if storm.has_news else None

    def due(self) -> int | None:
        return min((storm.ends_ms for storm in self._storms.values()), default=None)

    def pass_by(self, until_ms: int) -> Iterator[Document]:
        """All that happened before that instant has come: storms that are over."""
        for number in sorted(n for n, storm in self._storms.items() if storm.ends_ms <= until_ms):
            storm = self._storms.pop(number)
            yield storm.event(self._members[number], storm.ends_ms, None, is_over=True)
        for counts in self._counts.values():
            for minute in [minute for minute in counts if (minute + 1) * _MINUTE_MS <= until_ms]:
                del counts[minute]

    def end(self, at_ms: int) -> Iterator[Document]:
        """The rules are gone, or changed."""
        for number, storm in sorted(self._storms.items()):
            yield storm.event(self._members[number], at_ms, None, is_over=True)
        self._storms = {}

    def snapshot(self) -> list[Any]:
        numbers = sorted({*self._counts, *self._storms})
        return [
            [self._members[number].name, dict(self._counts.get(number, {})), storm.pack() if storm else None]
            for number, storm in ((number, self._storms.get(number)) for number in numbers)
        ]

    def restore(self, state: Sequence[Any], renamed: Callable[[str], str] = lambda name: name) -> None:
        numbers = {member.name: number for number, member in enumerate(self._members)}
        for name, counts, storm in state:
            number = numbers.get(renamed(name))
            if number is not None and self._members[number].limit_per_minute:
                self._counts[number] = Counter({int(minute): int(count) for minute, count in counts.items()})
                if storm is not None:
                    self._storms[number] = Storm(*storm)

    def leave(self, names: Iterable[str]) -> None:
        gone = set(names)
        for number in [number for number in self._storms if self._members[number].name in gone]:
            del self._storms[number]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)
