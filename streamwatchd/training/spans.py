"""Stretches of time, of all keys or of some, that are not normal: from a file of labels, or from alarms that fired."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from streamwatchd.batch import Value, key_text
from streamwatchd.errors import UnreadableInput
from streamwatchd.training.history import History, Mask

_OPEN = 2**62


@dataclass(frozen=True)
class Span:
    """`key` has some names of a key and their values; a key fits where it has the same values by those names that both
    have, as text: whoever writes 443 means the number and the text. Without a common name all keys fit."""

    begin_ms: int
    end_ms: int
    key: Mapping[str, Value]

    def fits(self, names: Sequence[str], key: Sequence[Value]) -> bool:
        return all(key_text(self.key[name]) == key_text(value) for name, value in zip(names, key) if name in self.key)


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    begin: str
    end: str
    key: dict[str, Value] = {}
    note: str = ""


def read_labels(path: Path) -> list[Span]:
    """Lines of JSON: `{"begin": "2026-01-05T10:00:00Z", "end": …, "key": {"service": "identity"}, "note": …}`.

    Raises UnreadableInput with the line.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise UnreadableInput(f"labels {path}: {error.strerror}") from error
    found = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                label = msgspec.json.decode(line, type=_Line)
                found.append(Span(at_ms(label.begin), at_ms(label.end), label.key))
            except (msgspec.DecodeError, ValueError) as error:
                hint = 'write {"begin": "2026-01-05T10:00:00Z", "end": "2026-01-05T10:20:00Z", "key": {"host": "a"}}'
                raise UnreadableInput(f"labels {path}:{number}: {error}; {hint}") from error
    return found


def at_ms(text: str) -> int:
    """Since 1970; times without a zone are UTC. Raises ValueError."""
    at = datetime.fromisoformat(text)
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def fired(alerts: Iterable[Mapping[str, Any]], rules: frozenset[str], until_ms: int = _OPEN) -> Iterator[Span]:
    """While alarms of the rules fired, from their lifecycle events; those that never resolved last to `until_ms`."""
    begun: dict[str, Mapping[str, Any]] = {}
    for alert in alerts:
        if alert["rule"] in rules:
            first = begun.setdefault(alert["id"], alert)
            if alert["state"] == "resolved" or alert.get("ends_at") is not None:
                del begun[alert["id"]]
                yield Span(at_ms(first["starts_at"]), at_ms(alert["at"]), dict(alert["key"]))
    for alert in begun.values():
        yield Span(at_ms(alert["starts_at"]), until_ms, dict(alert["key"]))


def within(history: History, names: Sequence[str], spans: Iterable[Span], width_ms: int) -> Mask:
    """Rows whose windows, `width_ms` long, meet a span of their key; `names` are those of `by`."""
    found = np.zeros(len(history), np.bool_)
    for span in spans:
        fitting = np.array([span.fits(names, key) for key in history.keys], np.bool_)
        meets = (history.ends_ms > span.begin_ms) & (history.ends_ms - width_ms < span.end_ms)
        found |= meets & fitting[history.key]
    return found
