"""What people say at run time, silences and acknowledgements: part of the content in force, written in no folder.

It is kept as one file of silences (`rules.silence_reader`), in JSON, with the rules and tables of each version; so a
restart, a take-over and a replay know it, and it begins at one instant of event time everywhere.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

Entry = Mapping[str, object]
KEEP_MS = 86_400_000
"""How long a silence stays after its end, and an acknowledgement after it was said, by the clock: events may come later
than they happened."""


class Spoken:
    """`content` is the file; empty for none. Used by threads of the control socket and by the reloader's."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        """Held from a change to its coming into force: one person at a time."""
        self.content = b""

    def begin(self, content: bytes) -> None:
        """What the newest version says."""
        self.content = content

    @property
    def silences(self) -> tuple[Entry, ...]:
        return entries_of(self.content, "silences")

    @property
    def acks(self) -> tuple[Entry, ...]:
        return entries_of(self.content, "acks")

    def with_silence(self, entry: Entry, now_ms: int) -> bytes:
        """The file with another silence, without what is long over."""
        return _file([*self.silences, entry], self.acks, now_ms)

    def without(self, name: str, now_ms: int) -> bytes:
        """The file without a silence."""
        return _file([each for each in self.silences if each["silence"] != name], self.acks, now_ms)

    def with_ack(self, entry: Entry, now_ms: int) -> bytes:
        """The file with another acknowledgement, without what is long over."""
        return _file(self.silences, [*self.acks, entry], now_ms)


def entries_of(content: bytes, what: str) -> tuple[Entry, ...]:
    return tuple(msgspec.json.decode(content).get(what, ())) if content else ()


def _file(silences: Sequence[Entry], acks: Sequence[Entry], now_ms: int) -> bytes:
    """Empty where nothing is left: a file of nothing is a mistake."""
    kept: dict[str, list[Entry]] = {
        "silences": [each for each in silences if not _is_over(each, "until", now_ms)],
        "acks": [each for each in acks if not _is_over(each, "at", now_ms)],
    }
    lasting = {name: entries for name, entries in kept.items() if entries}
    return msgspec.json.encode(lasting) + b"\n" if lasting else b""


def _is_over(entry: Entry, field: str, now_ms: int) -> bool:
    """Long ago; what can't be read is for the reader of the file to refuse."""
    try:
        return datetime.fromisoformat(str(entry[field])).timestamp() * 1000 < now_ms - KEEP_MS
    except ValueError:
        return False
