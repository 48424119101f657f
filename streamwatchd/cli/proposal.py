"""What a recording suggests: for each topic its time field, its key, its fields with types and units, a first rule.

Guesses by name or by range are marked as such in the files that are written.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import msgspec

from streamwatchd.batch import RawBatch
from streamwatchd.codecs.event_time import parse_times, unreadable
from streamwatchd.fields import IDENTIFIER
from streamwatchd.lang.mistakes import RESERVED

ENOUGH = 100_000
_KEPT = 10_000
_MOST_FIELDS = 40
_MOST_KEYS = 10_000
_YEARS_MS = (946_684_800_000, 4_102_444_800_000)
"""2000 to 2100: a number outside is no time of an event."""
_TIMES = ("ts", "time", "timestamp", "@timestamp", "event_time", "at", "datetime", "created_at")
_KEYS = ("host", "hostname", "device", "service", "instance", "node", "shop", "region", "app", "user", "id")
_UNITS = (
    (r".*_(ms|millis|milliseconds)", "ms", False),
    (r".*_(us|micros)", "us", False),
    (r".*_(s|sec|secs|seconds)", "s", False),
    (r"(.*_)?(bytes|octets)", "bytes", False),
    (r"(.*_)?(percent|pct)", "percent", False),
    (r"(.*_)?ratio", "ratio", False),
    (r"(.*_)?(latency|response_time|elapsed|duration)", "ms", True),
)
_SHARES = re.compile(r"(.*_)?(cpu|mem|memory|disk|usage|utili[sz]ation|load_pct)(_used|_usage)?")
_NAME = re.compile(IDENTIFIER)

_decode = msgspec.json.Decoder().decode


@dataclass(slots=True)
class Column:
    """The values of one field: how many, of which kinds, and some of them."""

    count: int = 0
    kinds: set[type] = field(default_factory=set)
    kept: list[Any] = field(default_factory=list)
    texts: Counter[str] = field(default_factory=Counter)

    def add(self, value: Any) -> None:
        if value is None:
            return
        self.count += 1
        self.kinds.add(type(value))
        if len(self.kept) < _KEPT:
            self.kept.append(value)
        if isinstance(value, str) and len(self.texts) <= _MOST_KEYS:
            self.texts[value] += 1

    @property
    def is_number(self) -> bool:
        return bool(self.kinds) and self.kinds <= {int, float}


@dataclass(slots=True)
class Topic:
    """The events of a topic that were looked at; `keyed` counts fields that say what the record's key says."""

    name: str
    events: int = 0
    columns: dict[str, Column] = field(default_factory=dict)
    keyed: Counter[str] = field(default_factory=Counter)
    keys: int = 0

    def add(self, event: Mapping[str, Any], key: bytes | None) -> None:
        self.events += 1
        text = None if key is None else key.decode(errors="replace")
        self.keys += text is not None
        for name, value in event.items():
            self.columns.setdefault(name, Column()).add(value)
            if text is not None and isinstance(value, str | int) and str(value) == text:
                self.keyed[name] += 1


@dataclass(frozen=True, slots=True)
class Proposal:
    """A source to write down. `fields` are lines such as `latency: {type: float, unit: ms}`; guesses have a comment.

    `measure` is a field to watch, with its usual and its highest value; `example` an event of the recording.
    """

    name: str
    topic: str
    time: str
    key: str
    by: str
    fields: tuple[str, ...]
    measure: tuple[str, float, float] | None
    example: Mapping[str, Any]


def topics_in(items: Iterable[object]) -> list[Topic]:
    """By name; looks at the first `ENOUGH` events of each."""
    found: dict[str, Topic] = {}
    for item in items:
        if not isinstance(item, RawBatch):
            continue
        topic = found.setdefault(item.topic, Topic(item.topic))
        keys = item.keys or [None] * len(item)
        for payload, key in zip(item.payloads, keys, strict=True):
            if topic.events >= ENOUGH:
                break
            try:
                event = _decode(payload or b"null")
            except msgspec.DecodeError:
                continue
            if isinstance(event, dict):
                topic.add(event, key)
    return [found[name] for name in sorted(found) if found[name].events]


def proposed(topic: Topic, name: str) -> Proposal:
    time, key = _time(topic), _key(topic)
    by = key or _grouping(topic, time)
    usable = [each for each in topic.columns if _is_usable(each) and each != time][:_MOST_FIELDS]
    fields = tuple(line for each in usable if (line := _field(each, topic.columns[each])))
    example = {each: column.kept[0] for each, column in topic.columns.items() if column.kept and each in usable}
    return Proposal(name, topic.name, time, key, by, fields, _measure(topic, usable, by), example)


def source_name(topic: str) -> str:
    """The last word of a topic's name, as a name of a rule file."""
    words = re.findall(r"[A-Za-z_][A-Za-z0-9_]*", topic.replace("-", "_"))
    return words[-1] if words else "events"


def _is_usable(name: str) -> bool:
    return bool(_NAME.fullmatch(name)) and name.lower() not in RESERVED


def _time(topic: Topic) -> str:
    """The field that is a time in nearly every event; `kafka` where there is none."""
    ranked = sorted(topic.columns, key=lambda name: (_TIMES.index(name) if name in _TIMES else len(_TIMES), name))
    for name in ranked:
        column = topic.columns[name]
        if column.count >= 0.95 * topic.events and _are_times(name, column):
            return name
    return "kafka"


def _are_times(name: str, column: Column) -> bool:
    if not column.kinds <= {int, float, str} or not column.kept:
        return False
    if column.is_number and name not in _TIMES and not re.search(r"(^|_)(ts|time|timestamp)$", name):
        return False
    times = parse_times(column.kept[:1_000])
    fine = ~unreadable(times) & (times > _YEARS_MS[0]) & (times < _YEARS_MS[1])
    return bool(fine.all())


def _key(topic: Topic) -> str:
    """The field that says what the records' keys say; "" for bare events, whose keys are not known."""
    if not topic.keys:
        return ""
    for name, count in topic.keyed.most_common():
        if count >= 0.95 * topic.keys and _is_usable(name):
            return name
    return ""


def _grouping(topic: Topic, time: str) -> str:
    """A text with few values: a good key for a rule."""
    found = [
        name
        for name, column in topic.columns.items()
        if name != time
        and _is_usable(name)
        and column.kinds == {str}
        and column.count >= 0.95 * topic.events
        and len(column.texts) <= max(1, min(_MOST_KEYS, topic.events // 5))
    ]
    ranked = sorted(found, key=lambda name: (_KEYS.index(name) if name in _KEYS else len(_KEYS), name))
    return ranked[0] if ranked else ""


def _field(name: str, column: Column) -> str:
    """Nothing for what is no single value, or of several kinds."""
    if column.kinds == {bool}:
        return f"{name}: bool"
    if column.kinds == {str}:
        return f"{name}: string"
    if not column.is_number:
        return ""
    unit, guessed = _unit(name, column)
    kind = "int" if column.kinds == {int} and not unit else "float"
    if not unit:
        return f"{name}: {kind}"
    return f"{name}: {{type: {kind}, unit: {unit}}}" + ("   # a guess by its name: right?" if guessed else "")


def _unit(name: str, column: Column) -> tuple[str, bool]:
    for pattern, unit, guessed in _UNITS:
        if re.fullmatch(pattern, name, re.IGNORECASE):
            return unit, guessed
    values = [value for value in column.kept if isinstance(value, int | float)]
    if _SHARES.fullmatch(name) and values and min(values) >= 0 and max(values) <= 100:
        return ("percent", True) if max(values) > 1 else ("ratio", True)
    return "", False


def _measure(topic: Topic, usable: list[str], by: str) -> tuple[str, float, float] | None:
    """A number that moves and is there in most events, a time or a share first."""
    best: tuple[bool, float, str] | None = None
    for name in usable:
        column = topic.columns[name]
        if not column.is_number or name == by or column.count < 0.5 * topic.events or len(set(column.kept)) < 3:
            continue
        rank = (_unit(name, column)[0] not in ("", "bytes"), column.count / topic.events, name)
        best = max(best, rank) if best is not None else rank
    if best is None:
        return None
    values = [float(value) for value in topic.columns[best[2]].kept]
    return best[2], median(values), max(values)
