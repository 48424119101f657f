"""A disk in memory that forgets what was not synced when the machine dies, and fails on demand."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from streamwatchd.errors import Taken, Unavailable
from streamwatchd.ports.disk import TEMPORARY, Lock
from streamwatchd.ports.faults import Faults


def full() -> BaseException:
    return Unavailable(os.strerror(errno.ENOSPC))


def broken() -> BaseException:
    return Unavailable(os.strerror(errno.EIO))


class FakeDisk:
    """See `ports.disk.Disk`. `files` is what processes see, `platter` what outlives the machine.

    Points for faults: disk.<call> and disk.<call>.done; an append has disk.append.torn between them, where half of
    the data is written, and a write disk.write.torn, where half of the temporary file is.
    """

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.files: dict[Path, bytes] = {}
        self.platter: dict[Path, bytes] = {}
        self._locked: set[Path] = set()

    def kill_process(self) -> None:
        """The process is dead: its locks are free, its files as they were."""
        self._locked.clear()

    def lose_power(self, keep: Callable[[Path, int], int] = lambda _path, _size: 0) -> None:
        """The machine is dead. Of a file's unsynced tail of `size` bytes the first `keep(path, size)` survive."""
        self.kill_process()
        survivors = dict(self.platter)
        for path, data in self.files.items():
            synced = self.platter.get(path)
            if synced is not None and data.startswith(synced) and (tail := len(data) - len(synced)):
                survivors[path] = data[: len(synced) + keep(path, tail)]
        self.files, self.platter = survivors, dict(survivors)

    def write(self, path: Path, data: bytes | Iterable[bytes]) -> int:
        self.faults.reach("disk.write")
        whole = data if isinstance(data, bytes) else b"".join(data)
        temporary = path.with_name(path.name + TEMPORARY)
        self.files[temporary] = whole[: len(whole) // 2]
        try:
            self.faults.reach("disk.write.torn")
        except Unavailable:
            del self.files[temporary]
            raise
        del self.files[temporary]
        self.files[path] = whole
        self.platter[path] = whole
        self._sync_folder(path.parent)
        self.faults.reach("disk.write.done")
        return len(whole)

    def append(self, path: Path, data: bytes, *, durable: bool = False) -> None:
        self.faults.reach("disk.append")
        before = self.files.get(path, b"")
        self.files[path] = before + data[: len(data) // 2]
        self.faults.reach("disk.append.torn")
        self.files[path] = before + data
        if path not in self.platter:
            self.platter[path] = b""
            self._sync_folder(path.parent)
        if durable:
            self.platter[path] = self.files[path]
        self.faults.reach("disk.append.done")

    def truncate(self, path: Path, size: int) -> None:
        self.faults.reach("disk.truncate")
        if path not in self.files:
            raise Unavailable(os.strerror(errno.ENOENT))
        self.files[path] = self.files[path][:size].ljust(size, b"\0")
        self.platter[path] = self.files[path]
        self.faults.reach("disk.truncate.done")

    def read(self, path: Path, offset: int = 0, length: int | None = None) -> bytes | None:
        self.faults.reach("disk.read")
        data = self.files.get(path)
        return None if data is None else data[offset : None if length is None else offset + length]

    def size(self, path: Path) -> int | None:
        data = self.files.get(path)
        return None if data is None else len(data)

    def rename(self, path: Path, to: Path) -> None:
        self.faults.reach("disk.rename")
        if path not in self.files:
            raise Unavailable(os.strerror(errno.ENOENT))
        self.files[to] = self.files.pop(path)
        if path in self.platter:
            self.platter[to] = self.platter[path]
        self.faults.reach("disk.rename.done")

    def list(self, folder: Path) -> list[str]:
        self.faults.reach("disk.list")
        inside = (path.relative_to(folder).parts[0] for path in self.files if folder in path.parents)
        return sorted(name for name in set(inside) if not name.endswith(TEMPORARY))

    def delete(self, path: Path) -> None:
        self.faults.reach("disk.delete")
        self.files.pop(path, None)
        self.faults.reach("disk.delete.done")

    def sweep(self, folder: Path) -> None:
        self.faults.reach("disk.sweep")
        for path in [each for each in self.files if each.parent == folder and each.name.endswith(TEMPORARY)]:
            del self.files[path]

    def _sync_folder(self, folder: Path) -> None:
        """Deletions in a folder last from its next fsync on."""
        gone = [path for path in self.platter if path.parent == folder and path not in self.files]
        for path in gone:
            del self.platter[path]

    def lock(self, path: Path) -> Lock:
        self.faults.reach("disk.lock")
        if path in self._locked:
            raise Taken(f"lock {path}: held by another process")
        self._locked.add(path)
        return _FakeLock(self._locked, path)


class _FakeLock:
    def __init__(self, locked: set[Path], path: Path) -> None:
        self._locked = locked
        self._path = path

    def release(self) -> None:
        self._locked.discard(self._path)
