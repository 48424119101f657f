"""The silences that people say at run time: part of the content in force, written in no folder.

They are kept as one file of silences (`rules.silence_reader`), in JSON, with the rules and tables of each version; so a
restart, a take-over and a replay know them, and they begin at one instant of event time everywhere.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

Entry = Mapping[str, object]
KEEP_MS = 86_400_000
"""How long silences stay after their end by the clock: events may come later than they happened."""


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
    def entries(self) -> tuple[Entry, ...]:
        return entries_of(self.content)

    def with_entry(self, entry: Entry, now_ms: int) -> bytes:
        """The file with another silence, without those that are long over."""
        return _file([*(each for each in self.entries if not _is_over(each, now_ms - KEEP_MS)), entry])

    def without(self, name: str) -> bytes:
        return _file([each for each in self.entries if each["silence"] != name])


def entries_of(content: bytes) -> tuple[Entry, ...]:
    if not content:
        return ()
    return tuple(msgspec.json.decode(content)["silences"])


def _file(entries: Sequence[Entry]) -> bytes:
    """Empty for no silences: a file of none is a mistake."""
    return msgspec.json.encode({"silences": list(entries)}) + b"\n" if entries else b""


def _is_over(entry: Entry, now_ms: int) -> bool:
    return datetime.fromisoformat(str(entry["until"])).timestamp() * 1000 < now_ms
