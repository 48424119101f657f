"""What a recording holds of each source: events, fields, and how many values they have."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from streamwatchd.batch import RawBatch
from streamwatchd.cli.playing import bare_source, readable
from streamwatchd.recording import open_recording
from streamwatchd.rules.lint._check import MOST_VALUES, Seen
from streamwatchd.rules.ruleset import RuleSet

_decode = msgspec.json.Decoder().decode
_FAR_AHEAD_MS = 10 * 365 * 86_400_000


class _Counting:
    def __init__(self) -> None:
        self.events = 0
        self.fields: Counter[str] = Counter()
        self.values: dict[str, set[object]] = {}

    def take(self, event: Mapping[str, Any]) -> None:
        self.events += 1
        for name, value in _flat("", event):
            if value is None:
                continue
            self.fields[name] += 1
            values = self.values.setdefault(name, set())
            if len(values) < MOST_VALUES and isinstance(value, str | int | float):
                values.add(value)

    def seen(self) -> Seen:
        return Seen(self.events, dict(self.fields), {name: len(values) for name, values in self.values.items()})


def _flat(prefix: str, event: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Fields by name, those of nested objects with dots."""
    found: list[tuple[str, object]] = []
    for name, value in event.items():
        if isinstance(value, dict):
            found += _flat(f"{prefix}{name}.", value)
        found.append((f"{prefix}{name}", value))
    return found


def seen_in(recording: str, rules: RuleSet, source: str | None) -> dict[str, Seen]:
    """By source; records that are no JSON objects are left out. Raises UnreadableInput."""
    bare = bare_source(rules, source, None, int(time.time() * 1000) + _FAR_AHEAD_MS)
    by_topic: dict[str, _Counting] = {}
    with readable(recording, twice=False) as path, open_recording(path, bare) as opened:
        for item in opened:
            if not isinstance(item, RawBatch):
                continue
            counting = by_topic.setdefault(item.topic, _Counting())
            for payload in item.payloads:
                try:
                    event = _decode(payload or b"null")
                except msgspec.DecodeError:
                    continue
                if isinstance(event, dict):
                    counting.take(event)
    return {name: by_topic[each.topic].seen() for name, each in rules.sources.items() if each.topic in by_topic}
