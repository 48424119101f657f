"""Snapshots of committed epochs: one file each, checked on reading, several generations kept.

What changes no more (closed panes, the keys so far) is written once and shared by the generations that follow. So that
one spoilt file can't take all of them away, everything is written anew from time to time, and the last generation of
the line before is kept besides: the kept generations always stand on two sets of files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from streamwatchd.errors import SnapshotCorrupt, Unavailable
from streamwatchd.failpoints import failpoint
from streamwatchd.ports.files import Files
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.owner import Owner
from streamwatchd.shard.snapshot_file import (
    Manifest,
    OtherFormat,
    Read,
    TaskEntry,
    VersionEntry,
    Writing,
    read_manifest,
    read_seal,
    read_state,
)
from streamwatchd.shard.task import Picture
from streamwatchd.shard.version import Version

SUFFIX = ".snapshot"
_SPOILT = ".corrupt"
_MOST_SPOILT = 3
_PIECE = 8 * 2**20
_LONGEST_LINE = 60
"""Generations that share files, at most: ten minutes at a snapshot every 10 s."""
_SMALL = 4 * 2**20
"""A state of fewer bytes is written whole each time."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of a shard's tasks behind epoch `epoch`.

    `positions` are the next offsets to read, `taken_ms` is the clock's time. `versions` are those in play, oldest
    first: while a task has not yet passed the instant of the newest one, it holds both. States are whole by task, so
    tasks can be put together differently for another layout.
    """

    owner: Owner
    epoch: int
    versions: tuple[Version, ...]
    positions: Mapping[TaskId, int]
    states: Mapping[TaskId, Picture]
    engine: str
    taken_ms: int = 0

    def writing(self, home: str, since: int) -> Writing:
        """Its file; what lies in files of `home` from epoch `since` on is referred to."""
        return Writing(home, partial(self._manifest, since), self.states, self.positions, self.epoch, since)

    def _manifest(self, since: int, tasks: list[TaskEntry]) -> Manifest:
        versions = [VersionEntry(version.number, version.at_ms, version.digest) for version in self.versions]
        owner = self.owner
        return Manifest(
            owner.app, owner.generation, owner.shards, owner.shard, self.epoch, since, self.engine, versions, tasks,
            self.taken_ms,
        )  # fmt: skip

    def encode(self) -> bytes:
        """One file that needs no other."""
        return b"".join(self.writing("", self.epoch).chunks())

    @classmethod
    def decode(cls, data: bytes) -> Snapshot:
        """The inverse of `encode`; raises SnapshotCorrupt unless every byte is as it was written."""

        def read(epoch: int, offset: int, length: int) -> bytes:
            return data[offset : offset + length]

        manifest = read_manifest(read, 0, len(data))
        if manifest.since != manifest.epoch:
            raise SnapshotCorrupt("needs files of earlier epochs")
        return cls.read(manifest, read, "")

    @classmethod
    def read(cls, manifest: Manifest, read: Read, home: str) -> Snapshot:
        """All that a manifest names; raises SnapshotCorrupt."""
        tasks = {TaskId(each.stage, each.topic, each.partition): each for each in manifest.tasks}
        return cls(
            owner=manifest.owner,
            epoch=manifest.epoch,
            versions=tuple(Version(each.number, each.at_ms, each.digest) for each in manifest.versions),
            positions={task: each.position for task, each in tasks.items() if each.position is not None},
            states={task: read_state(read, home, each.blobs) for task, each in tasks.items() if each.blobs},
            engine=manifest.engine,
            taken_ms=manifest.taken_ms,
        )


class _OutOfReach(SnapshotCorrupt):
    """Some of its bytes can't be had, now or ever; what is there may be as it should."""


class _Unreadable(_OutOfReach):
    """The disk or the store does not give them now."""


@dataclass(frozen=True, slots=True)
class Written:
    """Bytes of the new file, and of the state it completes; `left` says why files that nobody needs are still there."""

    file_bytes: int
    state_bytes: int
    left: str = ""


class SnapshotStore:
    """The snapshot files of one shard, in its state folder or in the shared store.

    Files of another owner are refused like spoilt ones.
    """

    def __init__(self, files: Files, folder: Path, owner: Owner, generations: int = 3) -> None:
        self._files = files
        self._folder = folder
        self._owner = owner
        self._generations = generations
        self._manifests: dict[int, Manifest] = {}
        self._since = 0
        self._line = 0
        self._state_bytes = 0
        self._pinned: frozenset[int] = frozenset()
        self._silent: dict[int, str] = {}
        """Files that may be good but don't tell us what they need, by epoch, with the reason."""

    # writing

    def write(self, snapshot: Snapshot) -> Written:
        """Write it durably, then drop what no kept generation needs. Raises Unavailable where it can't be written: then
        all is as it was. What can't be dropped is dropped next time."""
        writing = snapshot.writing(str(self._folder), self._line_of(snapshot.epoch))
        self._line = min(self._line, _LONGEST_LINE - 1)  # without room for a whole one, the old line goes on
        file_bytes = self._files.write(self.path(snapshot.epoch), writing.chunks())
        manifest = self._manifests[snapshot.epoch] = writing.settle()
        self._line = 1 if manifest.since == snapshot.epoch else self._line + 1
        self._since, self._state_bytes = manifest.since, manifest.size
        failpoint("snapshot.written")
        try:
            left = self.prune()
        except Unavailable as error:
            left = str(error)
        return Written(file_bytes, manifest.size, left)

    def _line_of(self, epoch: int) -> int:
        """Where the line begins that this epoch's snapshot belongs to: with itself, when a new one is due."""
        if not self._since or self._line >= _LONGEST_LINE or self._state_bytes < _SMALL:
            return epoch
        there = set(self.epochs())
        newest = max(self._manifests, default=0)
        whole = newest in there and self._manifests[newest].files <= there
        return self._since if whole else epoch

    def copy(self, epoch: int, pieces: Iterator[bytes]) -> int:
        """Take over a file of another store as it is; returns its bytes. Raises Unavailable."""
        self._manifests.pop(epoch, None)
        return self._files.write(self.path(epoch), pieces)

    def delete(self, epoch: int) -> None:
        """Raises Unavailable."""
        self._manifests.pop(epoch, None)
        self._files.delete(self.path(epoch))

    def prune(self) -> str:
        """Delete what no kept generation needs; nothing while one does not tell, and the reason for that is returned.

        Raises Unavailable.
        """
        epochs = self.epochs()
        kept = self.kept(epochs)
        manifests = [each for epoch in kept if (each := self._known(epoch)) is not None]
        if silent := [self._silent[epoch] for epoch in kept if epoch in self._silent]:
            return silent[-1]
        needed = self._pinned.union(kept, *(each.files for each in manifests))
        for epoch in epochs:
            if epoch not in needed:
                self._files.delete(self.path(epoch))
                self._manifests.pop(epoch, None)
        return ""

    def kept(self, epochs: list[int]) -> list[int]:
        """Of these, oldest first, the generations that recovery may use: the last ones, and one of the line before."""
        kept = epochs[-self._generations :]
        lines = [each.since for epoch in kept if (each := self._known(epoch)) is not None]
        if len(set(lines)) == 1:
            older = [epoch for epoch in epochs if epoch < lines[0]]
            kept = [*older[-1:], *kept]
        return kept

    def _known(self, epoch: int) -> Manifest | None:
        if epoch not in self._manifests:
            try:
                self._manifests[epoch] = self.manifest(epoch)
            except SnapshotCorrupt as error:
                if isinstance(error, OtherFormat | _Unreadable):
                    self._silent[epoch] = f"{self.path(epoch)}: {error}"
                return None
            self._silent.pop(epoch, None)
        return self._manifests[epoch]

    # reading

    def epochs(self) -> list[int]:
        """Epochs of the files that are there, oldest first."""
        names = self._files.list(self._folder)
        stems = [name[: -len(SUFFIX)] for name in names if name.endswith(SUFFIX)]
        return [int(stem) for stem in stems if stem.isascii() and stem.isdigit()]

    def oldest(self) -> Manifest | None:
        """Of the oldest generation that recovery may use; None without one, and while it does not tell."""
        kept = self.kept(self.epochs())
        found = [manifest for epoch in kept if (manifest := self._known(epoch)) is not None]
        return None if self._silent.keys() & kept else next(iter(found), None)

    def manifest(self, epoch: int) -> Manifest:
        """What the file of an epoch says it holds. Raises SnapshotCorrupt."""
        manifest = read_manifest(self._read, epoch, self._size(epoch))
        if manifest.epoch != epoch:
            raise SnapshotCorrupt(f"is of epoch {manifest.epoch}, not {epoch}")
        if manifest.owner != self._owner:
            raise SnapshotCorrupt(f"is of {manifest.owner}, not of {self._owner}")
        return manifest

    def taken_ms(self, epoch: int) -> int:
        """The clock's time when the snapshot of an epoch was taken; 0 where it does not tell."""
        manifest = self._known(epoch) if epoch else None
        return manifest.taken_ms if manifest is not None else 0

    @contextmanager
    def pinned(self, epoch: int) -> Iterator[list[int]]:
        """The files that a snapshot consists of, its own last; until the end of the block they stay."""
        files = self.manifest(epoch).files
        self._pinned = files | {epoch}
        try:
            yield [*sorted(files), epoch]
        finally:
            self._pinned = frozenset()

    def seal(self, epoch: int) -> bytes:
        """The footer of a file: equal ones are of equal files. Raises SnapshotCorrupt without one."""
        return read_seal(self._read, epoch, self._size(epoch))

    def pieces(self, epoch: int) -> Iterator[bytes]:
        """The bytes of a file, some at a time. Raises SnapshotCorrupt."""
        for offset in range(0, self._size(epoch), _PIECE):
            yield self._read(epoch, offset, _PIECE)

    def load(self, epoch: int) -> Snapshot:
        """Raises SnapshotCorrupt."""
        manifest = self.manifest(epoch)
        return Snapshot.read(manifest, self._read, str(self._folder))

    def _size(self, epoch: int) -> int:
        try:
            size = self._files.size(self.path(epoch))
        except Unavailable as error:
            raise _Unreadable(str(error)) from error
        if size is None:
            raise _OutOfReach(f"the file of epoch {epoch} is gone")
        return size

    def _read(self, epoch: int, offset: int, length: int) -> bytes:
        try:
            data = self._files.read(self.path(epoch), offset, length)
        except Unavailable as error:
            raise _Unreadable(str(error)) from error
        if data is None:
            raise _OutOfReach(f"the file of epoch {epoch} is gone")
        return data

    def newest(self, up_to: int, say: Callable[[str], None] = lambda note: None) -> Snapshot | None:
        """The newest good snapshot of an epoch ≤ `up_to`; spoilt ones are set aside and `say` hears of it."""
        for epoch in reversed(self.epochs()):
            if epoch > up_to:
                continue
            try:
                snapshot = self.load(epoch)
            except SnapshotCorrupt as error:
                say(f"snapshot of epoch {epoch} can't be trusted ({error}); taking an older one")
                if not isinstance(error, _OutOfReach | OtherFormat):
                    self.set_aside(epoch)
                continue
            manifest = self._known(epoch)
            if manifest is not None:
                self._since, self._line, self._state_bytes = manifest.since, 1, manifest.size
            return snapshot
        return None

    def set_aside(self, epoch: int) -> None:
        """Keep the bytes for a look, out of the way of the next recovery; where the disk refuses, leave them."""
        self._manifests.pop(epoch, None)
        try:
            self._files.rename(self.path(epoch), self._folder / f"{epoch:020d}{_SPOILT}")
            spoilt = [name for name in self._files.list(self._folder) if name.endswith(_SPOILT)]
            for name in spoilt[:-_MOST_SPOILT]:
                self._files.delete(self._folder / name)
        except Unavailable:
            return

    def path(self, epoch: int) -> Path:
        return self._folder / f"{epoch:020d}{SUFFIX}"
