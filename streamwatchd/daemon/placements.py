"""In how many partitions of a topic its keys lie, where that has changed while we worked.

More partitions do not move a key: its producer does, once it has heard of them. So what `--accept partitions` takes in
is noted with the instant from which on no producer writes to where it wrote before (`partitions_settle`). From then on
it is part of what is put in force, like an edit of the rules: at one instant of event time, for all shards and hosts.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from streamwatchd.daemon.contents import ContentStore
from streamwatchd.errors import SnapshotCorrupt, StateMismatch
from streamwatchd.operators.document import iso
from streamwatchd.packing import seal, unseal
from streamwatchd.ports.clock import Clock
from streamwatchd.ports.files import Files

_KIND, _FORMAT = b"SWDPLAC\n", 1


class Placements:
    """The file `placements`, kept where the next host finds it; one that can't be read counts as none."""

    def __init__(self, files: Files, folder: Path, clock: Clock, settle_ms: int) -> None:
        """Raises Unavailable."""
        self._files, self._path = files, folder / "placements"
        self._clock, self._settle_ms = clock, settle_ms
        self._in_force: dict[str, int] = {}
        self._noted = self._read()

    def _read(self) -> dict[str, tuple[int, int]]:
        """Topic → its partitions, and from when on all producers write to all of them (ms)."""
        data = self._files.read(self._path)
        try:
            rows = (
                {}
                if data is None
                else msgspec.json.decode(unseal(_KIND, _FORMAT, data), type=dict[str, tuple[int, int]])
            )
        except (SnapshotCorrupt, msgspec.DecodeError):
            return {}
        return rows

    def begin(self, placed: Mapping[str, int]) -> None:
        """With what the newest version says."""
        self._in_force = dict(placed)

    def follow(self, store: ContentStore) -> None:
        """Begin with what is in force whenever that changes: another host may have decided it."""

        def hear() -> None:
            with suppress(StateMismatch):
                self.begin(store.bundle(store.versions[-1].digest).placed)

        store.on_change(hear)

    def note(self, counts: Mapping[str, int]) -> None:
        """Topics that have got as many partitions. Raises Unavailable."""
        if not counts:
            return
        due_ms = self._clock.now_ms() + self._settle_ms
        self._noted |= {topic: (count, due_ms) for topic, count in counts.items()}
        self._files.write(self._path, seal(_KIND, _FORMAT, msgspec.json.encode(self._noted)))

    @property
    def settling(self) -> dict[str, str]:
        """Topics whose keys will be taken to lie elsewhere, and when."""
        now_ms = self._clock.now_ms()
        return {topic: iso(due_ms) for topic, (_, due_ms) in self._noted.items() if due_ms > now_ms}

    def now(self) -> dict[str, int]:
        """Topic → in how many partitions its keys lie, of those where this has changed."""
        found, now_ms = dict(self._in_force), self._clock.now_ms()
        for topic, (count, due_ms) in self._noted.items():
            if due_ms <= now_ms:
                found[topic] = max(count, found.get(topic, 0))  # a topic never has fewer than it had
        return found
