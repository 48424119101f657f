"""Snapshots of committed epochs: one file each, checked on reading, three generations kept.

A file is `magic | format u16 | body length u64 | blake2b-128 of the body | body`, little-endian; the body is packed.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from streamwatchd.errors import SnapshotCorrupt, Unavailable
from streamwatchd.packing import pack, unpack
from streamwatchd.ports.disk import Disk
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.version import Version

_HEADER = struct.Struct("<8sHQ16s")
_MAGIC = b"SWDSNAP\n"
_FORMAT = 1
_SUFFIX = ".snapshot"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of a shard's tasks behind epoch `epoch`.

    `positions` are the next offsets to read. `versions` are those in play, oldest first: while a task has not yet
    passed the instant of the newest one, it holds both.
    """

    epoch: int
    versions: tuple[Version, ...]
    positions: Mapping[TaskId, int]
    states: Mapping[TaskId, bytes]
    engine: str

    def encode(self) -> bytes:
        body = pack(
            {
                "epoch": self.epoch,
                "versions": [[v.number, v.at_ms, v.digest] for v in self.versions],
                "positions": [[t.stage, t.topic, t.partition, offset] for t, offset in self.positions.items()],
                "states": [[t.stage, t.topic, t.partition, state] for t, state in self.states.items()],
                "engine": self.engine,
            }
        )
        return _HEADER.pack(_MAGIC, _FORMAT, len(body), blake2b(body, digest_size=16).digest()) + body

    @classmethod
    def decode(cls, data: bytes) -> Snapshot:
        """Raises SnapshotCorrupt unless every byte is as it was written."""
        raw: dict[str, Any] = _body(data)
        try:
            return cls(
                epoch=raw["epoch"],
                versions=tuple(Version(*version) for version in raw["versions"]),
                positions={TaskId(*task): offset for *task, offset in raw["positions"]},
                states={TaskId(*task): state for *task, state in raw["states"]},
                engine=raw["engine"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise SnapshotCorrupt(f"not what a snapshot holds: {error}") from error


def _body(data: bytes) -> Any:
    if len(data) < _HEADER.size:
        raise SnapshotCorrupt("shorter than a header")
    magic, version, length, digest = _HEADER.unpack_from(data)
    if magic != _MAGIC:
        raise SnapshotCorrupt("not a snapshot")
    if version != _FORMAT:
        raise SnapshotCorrupt(f"format {version}; this engine reads {_FORMAT}")
    body = data[_HEADER.size :]
    if len(body) != length or blake2b(body, digest_size=16).digest() != digest:
        raise SnapshotCorrupt("torn or spoilt: the checksum does not fit")
    try:
        return unpack(body)
    except msgspec.DecodeError as error:
        raise SnapshotCorrupt(str(error)) from error


class SnapshotStore:
    """The snapshot files of one shard."""

    def __init__(self, disk: Disk, folder: Path, generations: int = 3) -> None:
        self._disk = disk
        self._folder = folder
        self._generations = generations

    def write(self, snapshot: Snapshot) -> int:
        """Write it durably, drop what is older than the kept generations; returns the bytes written."""
        data = snapshot.encode()
        self._disk.write(self._path(snapshot.epoch), data)
        for epoch in self.epochs()[: -self._generations]:
            self._disk.delete(self._path(epoch))
        return len(data)

    def epochs(self) -> list[int]:
        """Epochs of the files that are there, oldest first."""
        names = self._disk.list(self._folder)
        return [int(name[: -len(_SUFFIX)]) for name in names if name.endswith(_SUFFIX)]

    def oldest_version(self) -> int | None:
        """The lowest version number that a kept snapshot needs; None without a readable snapshot."""
        for epoch in self.epochs():
            try:
                return self.load(epoch).versions[0].number
            except SnapshotCorrupt:
                continue
        return None

    def load(self, epoch: int) -> Snapshot:
        """Raises SnapshotCorrupt."""
        data = self._disk.read(self._path(epoch))
        if data is None:
            raise SnapshotCorrupt("gone")
        snapshot = Snapshot.decode(data)
        if snapshot.epoch != epoch:
            raise SnapshotCorrupt(f"is of epoch {snapshot.epoch}, not {epoch}")
        return snapshot

    def newest(self, up_to: int, say: Callable[[str], None] = lambda note: None) -> Snapshot | None:
        """The newest good snapshot of an epoch ≤ `up_to`; spoilt ones are set aside and `say` hears of it."""
        for epoch in reversed(self.epochs()):
            if epoch > up_to:
                continue
            try:
                return self.load(epoch)
            except SnapshotCorrupt as error:
                say(f"snapshot of epoch {epoch} can't be trusted ({error}); taking an older one")
                self.set_aside(epoch)
        return None

    def set_aside(self, epoch: int) -> None:
        """Keep the bytes for a look, out of the way of the next recovery."""
        try:
            data = self._disk.read(self._path(epoch))
            if data is not None:
                self._disk.write(self._folder / f"{epoch:020d}.corrupt", data)
            self._disk.delete(self._path(epoch))
        except Unavailable:
            return

    def _path(self, epoch: int) -> Path:
        return self._folder / f"{epoch:020d}{_SUFFIX}"
