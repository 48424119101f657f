"""The file of a snapshot: blobs, a manifest that names each by place and SHA-256, and a footer that seals it.

    magic 8 | format u32                                        header
    blob …                                                      packed states, one after the other
    manifest                                                    msgpack, see `Manifest`
    manifest's offset u64, length u64 | sha256 of header, manifest and these two numbers | magic 8      footer

All numbers are little-endian. A blob is what `packing.pack` makes of a task's tree or of a part of it that changes no
more. The blobs of a manifest may lie in files of earlier epochs: what was written once is not written again. Files are
written whole and never changed, so a reader needs no lock, and a copy elsewhere is as good.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import msgspec

from streamwatchd.errors import SnapshotCorrupt
from streamwatchd.packing import Frozen, pack, pack_apart, unpack, unpack_apart
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.owner import Owner

FORMAT = 8
_MAGIC, _END = b"SWDSNAP\n", b"SWDDONE\n"
_HEADER = struct.Struct("<8sI")
_SEAL = struct.Struct("<QQ")
_FOOTER = struct.Struct("<QQ32s8s")

Read = Callable[[int, int, int], bytes]
"""(epoch, offset, length) → the bytes of that epoch's file there, fewer at its end. Raises SnapshotCorrupt where there
is no such file."""


class OtherFormat(SnapshotCorrupt):
    """A file for another version of the daemon, which may want it back: it stays where it is."""


class Blob(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Bytes in the file of an epoch."""

    epoch: int
    offset: int
    length: int
    digest: bytes


class TaskEntry(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A task, its next offset to read (None: not known) and its state: the tree, then the parts it refers to."""

    stage: int
    topic: str
    partition: int
    position: int | None
    blobs: list[Blob]


class VersionEntry(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    number: int
    at_ms: int
    digest: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a snapshot consists of. `since` is the lowest epoch of whose files it has blobs, `taken_ms` the clock's time
    when it was taken."""

    app: str
    generation: int
    shards: int
    shard: int
    epoch: int
    since: int
    engine: str
    versions: list[VersionEntry]
    tasks: list[TaskEntry]
    taken_ms: int

    @property
    def owner(self) -> Owner:
        return Owner(self.app, self.generation, self.shards, self.shard)

    @property
    def files(self) -> frozenset[int]:
        """The epochs of the files that it needs, its own left out."""
        return frozenset(blob.epoch for task in self.tasks for blob in task.blobs if blob.epoch != self.epoch)

    @property
    def size(self) -> int:
        """Bytes of state."""
        return sum(blob.length for task in self.tasks for blob in task.blobs)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the bytes of something frozen are; `home` names the store whose file it is."""

    home: str
    blob: Blob


@dataclass(slots=True)
class Writing:
    """A snapshot file in the making: `chunks` are to be written one behind the other, then `settle` is to be called."""

    home: str
    manifest: Callable[[list[TaskEntry]], Manifest]
    states: Mapping[TaskId, Any]
    positions: Mapping[TaskId, int]
    epoch: int
    since: int
    written: Manifest | None = None
    _offset: int = 0
    _placed: list[tuple[Frozen, Place]] = field(default_factory=list)

    def chunks(self) -> Iterator[bytes]:
        header = _HEADER.pack(_MAGIC, FORMAT)
        self._offset = len(header)
        yield header
        entries: list[TaskEntry] = []
        for task in sorted({*self.states, *self.positions}):
            blobs: list[Blob] = []
            if task in self.states:
                yield from self._state(self.states[task], blobs)
            entries.append(TaskEntry(task.stage, task.topic, task.partition, self.positions.get(task), blobs))
        self.written = self.manifest(entries)
        manifest = msgspec.msgpack.encode(self.written)
        seal = _SEAL.pack(self._offset, len(manifest))
        yield manifest
        yield _FOOTER.pack(self._offset, len(manifest), sha256(header + manifest + seal).digest(), _END)

    def _state(self, tree: Any, blobs: list[Blob]) -> Iterator[bytes]:
        core, parts = pack_apart(tree)
        yield self._blob(core, blobs)
        for part in parts:
            place = part.place
            if isinstance(place, Place) and place.home == self.home and self.since <= place.blob.epoch < self.epoch:
                blobs.append(place.blob)
                continue
            yield self._blob(pack(part.value), blobs)
            self._placed.append((part, Place(self.home, blobs[-1])))

    def _blob(self, data: bytes, blobs: list[Blob]) -> bytes:
        blobs.append(Blob(self.epoch, self._offset, len(data), sha256(data).digest()))
        self._offset += len(data)
        return data

    def settle(self) -> Manifest:
        """All has been written, so what is frozen has a place from now on."""
        assert self.written is not None
        for part, place in self._placed:
            part.place = place
        return self.written


def read_manifest(read: Read, epoch: int, size: int) -> Manifest:
    """Of the file of `epoch`, which has `size` bytes. Raises SnapshotCorrupt unless header and manifest are whole."""
    header = read(epoch, 0, _HEADER.size)
    footer = read(epoch, max(0, size - _FOOTER.size), _FOOTER.size)
    if len(header) < _HEADER.size or len(footer) < _FOOTER.size:
        raise SnapshotCorrupt("shorter than a snapshot")
    magic, version = _HEADER.unpack(header)
    if magic != _MAGIC:
        raise SnapshotCorrupt("not a snapshot")
    if version != FORMAT:
        raise OtherFormat(f"format {version}; this engine reads {FORMAT}")
    offset, length, digest, end = _FOOTER.unpack(footer)
    if end != _END or offset < _HEADER.size or offset + length + _FOOTER.size != size:
        raise SnapshotCorrupt("torn: its end is missing")
    manifest = read(epoch, offset, length)
    if sha256(header + manifest + _SEAL.pack(offset, length)).digest() != digest:
        raise SnapshotCorrupt("spoilt: the checksum of its manifest does not fit")
    try:
        found = msgspec.msgpack.decode(manifest, type=Manifest)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise SnapshotCorrupt(f"not what a snapshot holds: {error}") from error
    _check(found, offset)
    return found


def read_seal(read: Read, epoch: int, size: int) -> bytes:
    """The footer; raises SnapshotCorrupt without one."""
    footer = read(epoch, max(0, size - _FOOTER.size), _FOOTER.size)
    if len(footer) < _FOOTER.size or not footer.endswith(_END):
        raise SnapshotCorrupt("torn: its end is missing")
    return footer


def _check(manifest: Manifest, end: int) -> None:
    """Blobs of its own lie between header and manifest; the others in files that are older."""
    if not manifest.versions or not 0 <= manifest.since <= manifest.epoch:
        raise SnapshotCorrupt("not what a snapshot holds: no version, or no epoch")
    for task in manifest.tasks:
        for blob in task.blobs:
            own = blob.epoch == manifest.epoch
            if blob.length < 0 or blob.offset < _HEADER.size or (own and blob.offset + blob.length > end):
                raise SnapshotCorrupt("not what a snapshot holds: a state outside of its file")
            if not manifest.since <= blob.epoch <= manifest.epoch:
                raise SnapshotCorrupt("not what a snapshot holds: a state of another epoch")


def read_state(read: Read, home: str, blobs: Sequence[Blob]) -> Any:
    """The tree of a task, its parts frozen. Raises SnapshotCorrupt unless every byte is as it was written."""
    core, *rest = blobs
    try:
        parts = [_thawing(_verified(read, blob), Place(home, blob)) for blob in rest]
        return unpack_apart(_verified(read, core), parts)
    except msgspec.DecodeError as error:
        raise SnapshotCorrupt(f"a state can't be read: {error}") from error


def _thawing(data: bytes, place: Place) -> Frozen:
    value = unpack(data)
    return Frozen(lambda: value, place=place)


def _verified(read: Read, blob: Blob) -> bytes:
    data = read(blob.epoch, blob.offset, blob.length)
    if len(data) != blob.length or sha256(data).digest() != blob.digest:
        raise SnapshotCorrupt(f"spoilt: a state in the file of epoch {blob.epoch} does not fit its checksum")
    return data
