"""From lifecycle events to episodes — an alarm of one key, from fired to resolved — and how those of two runs differ.

Two episodes of one rule and key are the same where they overlap in time, or begin within `NEAR_MS` of each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from streamwatchd.rules.ruleset import SEVERITIES
from streamwatchd.testing.timeline_times import absolute

NEAR_MS = 600_000
OWNERS = ("owner", "team")
"""Labels, then columns of tables, that say whose an alert is; the first that is there counts."""

Document = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Episode:
    """One alarm of one key. Times are ms of event time; `end_ms` is None while it is up, and `start_ms` for an
    occurrence, which has no end. `severity` is the worst that it had. `muted`: nobody was told that it fired.
    """

    rule: str
    key: str
    owner: str
    start_ms: int
    end_ms: int | None
    severity: str
    muted: bool = False

    def minutes(self, until_ms: int) -> float:
        """For how long it was up; one that still is counts up to `until_ms`."""
        end_ms = max(until_ms, self.start_ms) if self.end_ms is None else self.end_ms
        return (end_ms - self.start_ms) / 60_000


class Episodes:
    """Takes alert documents in the order in which they were written."""

    def __init__(self, occurrences: Container[str] = (), names: Mapping[str, str] | None = None) -> None:
        """`occurrences` are rules whose events have no end; `names` maps names of rules to those to call them by."""
        self._occurrences, self._names = occurrences, names or {}
        self._open: dict[str, Episode] = {}
        self._closed: list[Episode] = []

    def add(self, document: Document) -> None:
        if document["event"] in ("pending", "storm", "flapping") or str(document["rule"]).startswith("streamwatchd."):
            return
        identity = str(document["id"])
        known = self._open.get(identity)
        if document["state"] == "resolved":
            if known is not None:
                self._closed.append(replace(self._open.pop(identity), end_ms=_ms(document["at"])))
        elif known is not None:
            self._open[identity] = replace(known, severity=worst(known.severity, str(document["severity"])))
        elif document["event"] != "amended":
            self._begin(identity, document)

    def _begin(self, identity: str, document: Document) -> None:
        at_ms = _ms(document["at"])
        rule = str(document["rule"])
        episode = Episode(
            self._names.get(rule, rule),
            _key_text(document["key"]),
            owner_of(document),
            at_ms,
            None,
            str(document["severity"]),
            document.get("muted_by") is not None,
        )
        if document["ends_at"] is not None or rule in self._occurrences:
            self._closed.append(replace(episode, end_ms=at_ms))
        else:
            self._open[identity] = episode

    def all(self) -> list[Episode]:
        """By rule, key and start."""
        return sorted([*self._closed, *self._open.values()], key=lambda each: (each.rule, each.key, each.start_ms))


class What(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Difference:
    """An episode that only one run has, or that is not the same in both."""

    what: What
    before: Episode | None
    after: Episode | None

    @property
    def episode(self) -> Episode:
        found = self.after or self.before
        assert found is not None
        return found


def differences(before: Iterable[Episode], after: Iterable[Episode]) -> Iterator[Difference]:
    """What the second run does otherwise, by rule, key and time."""
    old, new = _by_key(before), _by_key(after)
    for key in sorted({*old, *new}):
        yield from _of_key(old.get(key, []), new.get(key, []))


def _of_key(before: list[Episode], after: list[Episode]) -> Iterator[Difference]:
    """Both in order of time: each is paired with the first of the other run that it is the same as."""
    rest = list(after)
    for old in before:
        new = next((each for each in rest if each == old), None) or next((e for e in rest if _same(old, e)), None)
        if new is None:
            yield Difference(What.REMOVED, old, None)
            continue
        rest.remove(new)
        if new != old:
            yield Difference(What.MOVED, old, new)
    for new in rest:
        yield Difference(What.ADDED, None, new)


def _same(one: Episode, other: Episode) -> bool:
    if abs(one.start_ms - other.start_ms) <= NEAR_MS:
        return True
    first, second = sorted((one, other), key=lambda each: each.start_ms)
    return first.end_ms is None or first.end_ms > second.start_ms


def _by_key(episodes: Iterable[Episode]) -> dict[tuple[str, str], list[Episode]]:
    found: dict[tuple[str, str], list[Episode]] = defaultdict(list)
    for each in sorted(episodes, key=lambda each: each.start_ms):
        found[each.rule, each.key].append(each)
    return found


def worst(one: str, other: str) -> str:
    return min(one, other, key=SEVERITIES.index)


def owner_of(document: Document) -> str:
    """Whose an alert is; "" where nothing says."""
    for part in ("labels", "context"):
        cells = document.get(part)
        if not isinstance(cells, Mapping):
            continue
        for name in OWNERS:
            if cells.get(name):
                return str(cells[name])
    return ""


def _key_text(key: object) -> str:
    assert isinstance(key, Mapping)
    return ", ".join(f"{name}={value}" for name, value in key.items())


def _ms(text: object) -> int:
    found = absolute(str(text))
    assert found is not None, text
    return found
