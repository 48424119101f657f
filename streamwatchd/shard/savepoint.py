"""A savepoint: the state of all shards with the rules that it needs, by name, in a folder of its own.

    <where>/<name>/savepoint             what it is; written last, so that it is complete or not there
    <where>/<name>/parts/<i>             of several hosts: shard i is there
    <where>/<name>/<app>/layout-<generation>/<i>-of-<n>/<epoch>.snapshot
    <where>/<name>/<app>/versions, content/<digest>

Each shard's part is behind one of its committed epochs and needs no other file. A savepoint is a cache like a snapshot:
what Kafka committed decides, and what came after it is replayed, muted. So it does not matter that the parts, which
several hosts write one after the other, are not of one moment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

import streamwatchd
from streamwatchd.errors import SnapshotCorrupt, StateMismatch, Unavailable
from streamwatchd.packing import seal, unseal
from streamwatchd.ports.files import Files
from streamwatchd.shard.background import Background
from streamwatchd.shard.control import Save, Saved
from streamwatchd.shard.owner import Layout, Owner, owners
from streamwatchd.shard.recovery import State
from streamwatchd.shard.shared import SharedStore
from streamwatchd.shard.snapshot import Snapshot

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_FILE, _PARTS = "savepoint", "parts"
_KIND, _FORMAT = b"SWDSAVE\n", 1
_PART_KIND, _PART_FORMAT = b"SWDPART\n", 1

Stores = Callable[[str], SharedStore]
"""From the address of a savepoint to its files. Raises Unavailable."""


class _Raw(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    app: str
    engine: str
    at_ms: int
    generation: int
    shards: int
    epochs: dict[str, int]
    size: int


@dataclass(frozen=True, slots=True)
class Savepoint:
    """`epochs`: of every shard that had any, the one behind which its state is."""

    app: str
    engine: str
    at_ms: int
    layout: Layout
    epochs: Mapping[int, int]
    size: int
    """Bytes of all states."""

    def encode(self) -> bytes:
        epochs = {str(shard): epoch for shard, epoch in self.epochs.items()}
        raw = _Raw(self.app, self.engine, self.at_ms, self.layout.generation, self.layout.shards, epochs, self.size)
        return seal(_KIND, _FORMAT, msgspec.json.encode(raw))

    @classmethod
    def decode(cls, data: bytes) -> Savepoint:
        """Raises SnapshotCorrupt."""
        try:
            raw = msgspec.json.decode(unseal(_KIND, _FORMAT, data), type=_Raw)
            epochs = {int(shard): epoch for shard, epoch in raw.epochs.items()}
        except (msgspec.DecodeError, ValueError) as error:
            raise SnapshotCorrupt(f"no savepoint: {error}") from error
        return cls(raw.app, raw.engine, raw.at_ms, Layout(raw.generation, raw.shards), epochs, raw.size)


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a host has written of one shard: its state behind `epoch` (0: it had none), of so many bytes.

    `version` is the newest of the rules that the host knew.
    """

    shard: int
    epoch: int
    size: int
    version: int
    generation: int
    shards: int


def write_part(files: Files, folder: Path, part: Part) -> None:
    """Once the state is there. Raises Unavailable."""
    files.write(folder / _PARTS / str(part.shard), seal(_PART_KIND, _PART_FORMAT, msgspec.json.encode(part)))


def read_parts(files: Files, folder: Path) -> dict[int, Part]:
    """By shard, of a savepoint that several hosts write. Raises Unavailable, SnapshotCorrupt."""
    found: dict[int, Part] = {}
    for name in files.list(folder / _PARTS):
        data = files.read(folder / _PARTS / name) or b""
        try:
            part = msgspec.json.decode(unseal(_PART_KIND, _PART_FORMAT, data), type=Part)
        except msgspec.DecodeError as error:
            raise SnapshotCorrupt(f"{folder / _PARTS / name} is no part of a savepoint: {error}") from error
        found[part.shard] = part
    return found


def is_finished(files: Files, folder: Path) -> bool:
    """Raises Unavailable."""
    return files.read(folder / _FILE) is not None


def write_savepoint(files: Files, folder: Path, savepoint: Savepoint) -> None:
    """The last file of a savepoint. Raises Unavailable."""
    files.write(folder / _FILE, savepoint.encode())


def read_savepoint(files: Files, folder: Path) -> Savepoint:
    """Raises Unavailable, SnapshotCorrupt; StateMismatch where there is none."""
    data = files.read(folder / _FILE)
    if data is None:
        raise StateMismatch(f"there is no savepoint in {folder}: it was not finished, or the address is another one")
    return Savepoint.decode(data)


def savepoints(files: Files, folder: Path) -> dict[str, Savepoint]:
    """Those that are finished, by name. Raises Unavailable."""
    found: dict[str, Savepoint] = {}
    for name in files.list(folder):
        data = files.read(folder / name / _FILE) if NAME.fullmatch(name) else None
        if data is not None:
            try:
                found[name] = Savepoint.decode(data)
            except SnapshotCorrupt:
                continue
    return found


def parts(savepoint: Savepoint, store: SharedStore) -> dict[Owner, Snapshot]:
    """The state of every shard, each byte checked. Raises SnapshotCorrupt."""
    found: dict[Owner, Snapshot] = {}
    for owner in owners(savepoint.app, savepoint.layout):
        if owner.shard in savepoint.epochs:
            found[owner] = store.snapshots(owner).load(savepoint.epochs[owner.shard])
    return found


class Saver:
    """A worker's part of a savepoint, written in the background. `turn` gives the answer once it is there."""

    def __init__(self, owner: Owner, stores: Stores, background: Callable[[str], Background]) -> None:
        self._owner = owner
        self._stores = stores
        self._work = background("savepoint")
        self._answer: Saved | None = None

    def start(self, order: Save, state: State) -> None:
        """`state` is behind a committed epoch."""
        if self._work.busy:
            return
        states, engine = state.shard.snapshot(), streamwatchd.__version__
        picture = Snapshot(self._owner, state.epoch, state.versions, dict(state.positions), states, engine)
        self._work.start(partial(self._write, order, picture))

    def _write(self, order: Save, picture: Snapshot) -> None:
        shard, epoch = self._owner.shard, picture.epoch
        try:
            size = 0
            if picture.positions:
                store = self._stores(order.url)
                path = store.snapshots(self._owner).path(epoch)
                size = store.files.write(path, picture.writing("", epoch).chunks())
            self._answer = Saved(shard, order.ticket, epoch if picture.positions else 0, size)
        except Unavailable as error:
            self._answer = Saved(shard, order.ticket, epoch, 0, str(error))

    def turn(self) -> Saved | None:
        if self._answer is None or not self._work.settle(0):
            return None
        answer, self._answer = self._answer, None
        return answer
