"""Storms: which alarms are written muted, and the one alert that stands for them (README.md, "Storms")."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from streamwatchd.rules.ruleset import SEVERITIES, Alarm
from tests.oracle.evaluate import Cell
from tests.oracle.lifecycle import Document, Judgement, document

MINUTE = 60_000


@dataclass(slots=True)
class Storm:
    """One life of a rule's storm alert."""

    rule: Alarm
    starts_at: int
    total: int = 0
    told: int = 0
    severity: str = "info"
    previous: str | None = None
    order: int = 0
    ends: int = 0

    def fold(self, severity: str) -> None:
        self.total += 1
        self.severity = min(self.severity, severity, key=SEVERITIES.index)

    def tell(self, at: int, keys: Iterable[str] | None) -> Iterator[Document]:
        """At the first, and each time that there are twice as many as were told."""
        if self.total >= max(1, 2 * self.told):
            yield self._event(at, "storm", "firing", keys)

    def end(self, at: int, keys: Iterable[str] | None) -> Document:
        return self._event(at, "resolved", "resolved", keys)

    def _event(self, at: int, event: str, state: str, keys: Iterable[str] | None) -> Document:
        context: dict[str, Cell] = {} if keys is None else {"keys": ", ".join(list(keys)[:5])}
        now = Judgement(at, (), {"folded": self.total})
        found = document(self.rule, {}, context, now, event, state, self.severity) | {
            "previous": self.previous,
            "starts_at": self.starts_at,
            "reason": "cleared" if event == "resolved" else None,
            "place": None,
            "muted_by": None,
            "ends_at": at if event == "resolved" else None,
            "order": self.order,
        }
        self.told, self.previous, self.order = self.total, self.severity, self.order + 1
        return found


@dataclass(slots=True)
class Folded:
    """An alarm that fires and notifies nobody."""

    severity: str
    key: tuple[Cell, ...]
    text: str = field(init=False)

    def __post_init__(self) -> None:
        self.text = "/".join(_text(cell) for cell in self.key)


def fold(rule: Alarm, events: Iterable[Document]) -> Iterator[Document]:
    """The events of all alarms of a rule in one task, as they are written, and those of its storms.

    Each event says its `moment`, and events of one moment are judged by key.
    """
    notifying: set[tuple[Cell, ...]] = set()
    folded: dict[tuple[Cell, ...], Folded] = {}
    storm: Storm | None = None

    def moment(event: Document) -> tuple[int, ...]:
        return event["moment"]  # type: ignore[return-value]

    def by_key(event: Document) -> tuple[tuple[int, ...], tuple[Cell, ...]]:
        return moment(event), _key(event)

    for _, group in groupby(sorted(events, key=by_key), key=moment):  # type: ignore[arg-type]
        at = 0
        for event in group:
            if event.get("muted_by"):
                yield event  # it counts for no storm
                continue
            at, key, severity = int(str(event["at"])), _key(event), str(event["severity"])
            if event["state"] == "firing":
                if key not in notifying and key not in folded:
                    if len(notifying) < rule.max_active:
                        notifying.add(key)
                    else:
                        storm = storm or Storm(rule, at)
                        storm.fold(severity)
                        folded[key] = Folded(severity, key)
                if key in folded:
                    folded[key].severity = severity
            yield event | {"muted_by": "storm" if key in folded else None}
            if event["state"] == "resolved":
                notifying.discard(key)
                folded.pop(key, None)
        if storm is not None:
            worst = sorted(folded.values(), key=lambda each: (SEVERITIES.index(each.severity), each.key))
            keys = [each.text for each in worst]
            if folded:
                yield from storm.tell(at, keys)
            else:
                yield storm.end(at, keys)
                storm = None


def limited(rule: Alarm, events: Iterable[tuple[Document, int]], limit: int) -> Iterator[Document]:
    """Occurrences in the order in which they are judged, each with the instant up to which time had come before it;
    `limit` is that at the end."""
    counts: Counter[int] = Counter()
    storm: Storm | None = None
    for event, before in events:
        if storm is not None and storm.ends <= before:
            yield storm.end(storm.ends, None)
            storm = None
        if event.get("muted_by"):
            yield event  # it counts for no storm
            continue
        at = int(str(event["at"]))
        counts[at // MINUTE] += 1
        over = 0 < rule.limit_per_minute < counts[at // MINUTE]
        yield event | {"muted_by": "storm" if over else None}
        if over:
            storm = storm or Storm(rule, at)
            storm.fold(str(event["severity"]))
            storm.ends = max(storm.ends, (at // MINUTE + 2) * MINUTE)
            yield from storm.tell(at, None)
    if storm is not None and storm.ends <= limit:
        yield storm.end(storm.ends, None)


def _key(event: Document) -> tuple[Cell, ...]:
    key = event["key"]
    assert isinstance(key, dict)
    return tuple(key.values())


def _text(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return f"{cell:.0f}" if isinstance(cell, float) and cell.is_integer() else str(cell)
