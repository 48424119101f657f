"""In how many partitions of a topic its keys lie, where that has changed while we worked.

More partitions do not move a key: its producer does, once it has heard of them. So what `--accept partitions` takes in
is noted with the instant from which on no producer writes to where it wrote before (`partitions_settle`). Once all that
was there at that instant has been read, it is part of what is put in force, like an edit of the rules: at one instant
of event time, above all that has been read, for all shards and hosts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from streamwatchd.daemon.contents import ContentStore
from streamwatchd.daemon.places import NOWHERE_ELSE, Places
from streamwatchd.errors import StateMismatch
from streamwatchd.operators.document import iso
from streamwatchd.packing import rows_of, seal
from streamwatchd.ports.clock import Clock
from streamwatchd.ports.files import Files
from streamwatchd.ports.kafka import Admin, Partition
from streamwatchd.settings import Settings

_KIND, _FORMAT = b"SWDPLAC\n", 1
Read = Callable[[], Mapping[tuple[str, int], tuple[int, int]]]
"""By topic and partition, the shard here that reads it and the next offset to be read."""


class Placements:
    """The file `placements`, kept where the next host finds it; one that can't be read counts as none."""

    def __init__(
        self, files: Files, folder: Path, clock: Clock, settings: Settings, read: Read, changed: Callable[[], None]
    ) -> None:
        """`changed` is called once `now` says something else. Raises Unavailable."""
        self._files, self._path = files, folder / "placements"
        self._clock, self._settings, self._read, self._changed = clock, settings, read, changed
        self._in_force = NOWHERE_ELSE
        self._ends: dict[str, dict[Partition, int]] = {}
        """By topic that is due, where its partitions ended when it was first looked at."""
        self._settled: dict[str, int] = {}
        self._noted = self._kept()

    def _kept(self) -> dict[str, tuple[int, int]]:
        """Topic → its partitions, and from when on all producers write to all of them (ms)."""
        return rows_of(_KIND, _FORMAT, self._files.read(self._path), dict[str, tuple[int, int]])

    def begin(self, places: Places) -> None:
        """With what the newest version says."""
        self._in_force = places

    def follow(self, store: ContentStore) -> None:
        """Begin with what is in force whenever that changes: another host may have decided it."""

        def hear() -> None:
            with suppress(StateMismatch):
                self.begin(store.bundle(store.versions[-1].digest).places)

        store.on_change(hear)

    def note(self, counts: Mapping[str, int]) -> None:
        """Topics that have got as many partitions. Raises Unavailable."""
        if not counts:
            return
        due_ms = self._clock.now_ms() + self._settings.partitions_settle_ms
        self._noted |= {topic: (count, due_ms) for topic, count in counts.items()}
        self._files.write(self._path, seal(_KIND, _FORMAT, msgspec.json.encode(self._noted)))

    @property
    def settling(self) -> dict[str, str]:
        """Topics whose keys will be taken to lie elsewhere, and from when on."""
        return {topic: iso(due_ms) for topic, (_, due_ms) in self._open()}

    def _open(self) -> list[tuple[str, tuple[int, int]]]:
        """What is noted and not in force yet; a topic never has fewer partitions than it had."""
        placed = self._in_force.placed
        return [(topic, noted) for topic, noted in self._noted.items() if placed.get(topic, 0) < noted[0]]

    def look(self, admin: Admin) -> None:
        """Whether what was written in time has been read. Raises Unavailable, StateMismatch."""
        if lost := [topic for topic in self._elsewhere() if topic not in self.settling]:
            self.note(admin.partitions_of(lost))
        for topic, (count, due_ms) in self._open():
            if topic in self._settled or due_ms > self._clock.now_ms():
                continue
            if topic not in self._ends:
                every = [Partition(topic, number) for number in range(count)]
                self._ends[topic] = admin.end_offsets(every, read_committed=True)
            if not self._unread(admin, self._ends[topic]):
                self._settled[topic] = count
                self._changed()

    def _unread(self, admin: Admin, ends: Mapping[Partition, int]) -> Iterable[Partition]:
        """Partitions that were not read up to there; of other hosts those committed up to there are."""
        read = self._read()
        left = [at for at, end in ends.items() if read.get((at.topic, at.partition), (0, -1))[1] < end]
        committed = admin.committed(self._settings.app, left) if left else {}
        return [at for at in left if (position := committed[at]) is None or position.offset < ends[at]]

    def now(self) -> Places:
        """Where keys lie."""
        known = (self._in_force.placed, self._settled)
        placed = {topic: max(each.get(topic, 0) for each in known) for topic in sorted({*known[0], *known[1]})}
        settling = (topic for topic, _ in self._open() if topic not in self._settled)
        return Places(placed, tuple(sorted({*settling, *self._elsewhere()})))

    def _elsewhere(self) -> Iterable[str]:
        """What is settling by what is in force, whatever is noted here: another host knows of it, or the file was lost
        or read before."""
        return (topic for topic in self._in_force.settling if topic not in self._settled)
