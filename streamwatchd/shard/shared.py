"""The shared snapshot store: what a host needs that takes over shards of another.

Below its root are `<app>/layout-<generation>/<shard>-of-<shards>/<epoch>.snapshot`, the very files of the state
folders, and what the daemon keeps of rules and tables. A cache like the local one: without it the journal topic and
the sources are read instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from streamwatchd.errors import SnapshotCorrupt
from streamwatchd.ports.files import Files
from streamwatchd.shard.owner import Owner
from streamwatchd.shard.snapshot import Snapshot, SnapshotStore

_LAYOUT = re.compile(r"layout-([0-9]{1,9})")
_SEAT = re.compile(r"([0-9]{1,9})-of-([0-9]{1,9})")


class SharedStore:
    """Every call may raise Unavailable."""

    def __init__(self, files: Files, root: Path, app: str) -> None:
        self.files = files
        self.folder = root / app
        self._app = app

    def snapshots(self, owner: Owner) -> SnapshotStore:
        """Those of one owner, to be read and written like those of a state folder."""
        seat = f"{owner.shard}-of-{owner.shards}"
        return SnapshotStore(self.files, self.folder / f"layout-{owner.generation}" / seat, owner)

    def newest(self, owner: Owner, up_to: int, say: Callable[[str], None] = lambda note: None) -> Snapshot | None:
        """The newest good snapshot of this owner of an epoch ≤ `up_to`."""
        return self.snapshots(owner).newest(up_to, say)

    def owners(self) -> list[Owner]:
        """Of whom there are snapshots, older layouts first."""
        found: list[Owner] = []
        for layout in self.files.list(self.folder):
            number = _LAYOUT.fullmatch(layout)
            for name in self.files.list(self.folder / layout) if number else ():
                seat = _SEAT.fullmatch(name)
                if number and seat:
                    found.append(Owner(self._app, int(number[1]), int(seat[2]), int(seat[1])))
        return sorted(found)

    def list(self) -> list[tuple[Owner, int]]:
        """Owners and epochs of all snapshots, older layouts and epochs first."""
        return [(owner, epoch) for owner in self.owners() for epoch in self.snapshots(owner).epochs()]


class Mirror:
    """Copies the generations of a state folder into the shared store, as they are: a file is sent once."""

    def __init__(self, local: SnapshotStore, shared: SnapshotStore) -> None:
        self._local = local
        self._shared = shared
        self._there: dict[int, bytes] = {}

    def send(self, epoch: int) -> int:
        """Make the store able to restore this epoch; returns the bytes sent.

        Raises Unavailable where the store refuses, SnapshotCorrupt where a file of the state folder can't be read.
        What its snapshot needs comes first, so that one that is there is complete.
        """
        with self._local.pinned(epoch) as epochs:
            sent = sum(self._send_file(each) for each in epochs)
        self._shared.prune()
        return sent

    def _send_file(self, epoch: int) -> int:
        seal = self._local.seal(epoch)
        if self._there.get(epoch) == seal:
            return 0
        sent = 0
        if self._seal_there(epoch) != seal:
            sent = self._shared.copy(epoch, self._pieces(epoch))
        self._there[epoch] = seal
        return sent

    def _seal_there(self, epoch: int) -> bytes | None:
        try:
            return self._shared.seal(epoch)
        except SnapshotCorrupt:
            return None

    def _pieces(self, epoch: int) -> Iterator[bytes]:
        return self._local.pieces(epoch)
