"""Where the listener stands in the topic, and which ids it has had: one file, kept where the next host finds it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from streamwatchd.ports.files import Files

_FILE = "control.json"
_MOST_IDS = 2_000
"""So many ids are known at a time; positions alone tell of older ones."""


class _Kept(msgspec.Struct, frozen=True):
    topic: str = ""
    topic_id: str = ""
    next: dict[str, int] = {}
    ids: list[str] = []
    doing: str = ""


class Position:
    """Every call but properties may raise Unavailable; a file that can't be read counts as none."""

    def __init__(self, files: Files, folder: Path) -> None:
        self._files, self._path = files, folder / _FILE
        self._kept = _Kept()

    def load(self, topic: str, topic_id: str) -> None:
        """As it was kept for this topic in its present incarnation; else from the beginning, with the ids kept."""
        data = self._files.read(self._path)
        try:
            kept = _Kept() if data is None else msgspec.json.decode(data, type=_Kept)
        except msgspec.DecodeError:
            kept = _Kept()
        if (kept.topic, kept.topic_id) != (topic, topic_id):
            kept = _Kept(topic, topic_id, {}, kept.ids, kept.doing)
        self._kept = kept

    @property
    def next(self) -> Mapping[int, int]:
        """Partition → the next offset to read."""
        return {int(number): offset for number, offset in self._kept.next.items()}

    def had(self, said: str) -> bool:
        """Whether the id has come to its effect."""
        return said in self._kept.ids

    def was_doing(self, said: str) -> bool:
        """Whether it was being put in force when a daemon ended: it may be, or not."""
        return said == self._kept.doing

    def begin(self, said: str) -> None:
        self._write(msgspec.structs.replace(self._kept, doing=said))

    def end(self, partition: int, offset: int, said: str = "") -> None:
        """The record at `offset` is dealt with; `said` is its id where it is not to have an effect again."""
        ids = [*(each for each in self._kept.ids if each != said), *([said] if said else [])][-_MOST_IDS:]
        after = {**self._kept.next, str(partition): offset + 1}
        self._write(msgspec.structs.replace(self._kept, next=after, ids=ids, doing=""))

    def _write(self, kept: _Kept) -> None:
        self._files.write(self._path, msgspec.json.encode(kept))
        self._kept = kept
