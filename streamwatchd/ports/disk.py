"""The state folder behind a protocol: durable writes, appends, a lock."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Protocol

from streamwatchd.errors import Taken, Unavailable
from streamwatchd.failpoints import failpoint
from streamwatchd.ports.files import Files

TEMPORARY = ".tmp"


class Lock(Protocol):
    def release(self) -> None: ...


class Disk(Files, Protocol):
    """Files of the state folder, and what only a disk can do.

    Every error of the system (ENOSPC, EIO, EROFS, EACCES …) is raised as Unavailable; after a failed call the file is
    as before or, for `append`, may have a torn tail.
    """

    def append(self, path: Path, data: bytes, *, durable: bool = False) -> None:
        """Add to the end. It survives the death of the process; with `durable` that of the machine too."""

    def truncate(self, path: Path, size: int) -> None:
        """Cut a torn or unwanted tail, durably."""

    def sweep(self, folder: Path) -> None:
        """Delete what writes that broke off have left in the folder: it takes room, and nobody reads it."""

    def lock(self, path: Path) -> Lock:
        """Hold the file for this process until release or death; raises Taken while another one has it."""


class RealDisk:
    """Disk as POSIX promises it; nothing is believed to be there before its fsync.

    A write is a temporary file, fsync, rename, fsync of the folder. What failed to reach the disk is thrown away: it is
    never synced again, as a second fsync of the same file may lie, and never renamed. A deletion or rename may be
    undone by the death of the machine.
    """

    def write(self, path: Path, data: bytes | Iterable[bytes]) -> int:
        with _failures(f"write {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(path.name + TEMPORARY)
            failpoint("disk.writing", path)
            try:
                written = _write_new(temporary, [data] if isinstance(data, bytes) else data)
                temporary.replace(path)
                failpoint("disk.renamed", path)
            except BaseException:
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)
                raise
            _fsync(path.parent)
            return written

    def append(self, path: Path, data: bytes, *, durable: bool = False) -> None:
        with _failures(f"append to {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            created = not path.exists()
            failpoint("disk.appending", path)
            try:
                _append(path, data, durable=durable)
            except OSError:
                if created:  # a disk without room would fill up with empty files instead
                    with suppress(OSError):
                        path.unlink(missing_ok=True)
                raise
            failpoint("disk.appended", path)
            if created:
                _fsync(path.parent)

    def truncate(self, path: Path, size: int) -> None:
        with _failures(f"truncate {path}"), path.open("r+b", buffering=0) as file:
            file.truncate(size)
            os.fsync(file.fileno())

    def read(self, path: Path, offset: int = 0, length: int | None = None) -> bytes | None:
        with _failures(f"read {path}"):
            try:
                with path.open("rb", buffering=0) as file:
                    rest = max(0, os.fstat(file.fileno()).st_size - offset)
                    return _read_all(file, offset, rest if length is None else min(rest, length))
            except FileNotFoundError:
                return None

    def size(self, path: Path) -> int | None:
        with _failures(f"read {path}"):
            try:
                return path.stat().st_size
            except FileNotFoundError:
                return None

    def rename(self, path: Path, to: Path) -> None:
        with _failures(f"rename {path}"):
            path.replace(to)

    def list(self, folder: Path) -> list[str]:
        with _failures(f"list {folder}"):
            try:
                return sorted(each.name for each in folder.iterdir() if not each.name.endswith(TEMPORARY))
            except FileNotFoundError:
                return []

    def delete(self, path: Path) -> None:
        with _failures(f"delete {path}"):
            failpoint("disk.deleting", path)
            path.unlink(missing_ok=True)

    def sweep(self, folder: Path) -> None:
        with _failures(f"delete unfinished files in {folder}"):
            for each in folder.glob(f"*{TEMPORARY}"):
                each.unlink(missing_ok=True)

    def lock(self, path: Path) -> Lock:
        with _failures(f"lock {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Close-on-exec (Python's default) keeps the lock from outliving us in a child that was exec'ed.
            descriptor = _open_lock(path)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as problem:
                os.close(descriptor)
                if problem.errno == errno.EWOULDBLOCK:
                    raise Taken(f"lock {path}: held by {_holder(path)}") from problem
                raise
            return _Flock(descriptor)


class _Flock:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


@contextmanager
def _failures(doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise Unavailable(f"{doing}: {problem.strerror or problem}") from problem


def _holder(path: Path) -> str:
    """Who holds a lock, as the kernel tells, and what can be done."""
    try:
        inode, locks = path.stat().st_ino, Path("/proc/locks").read_text(encoding="ascii")
    except OSError:
        return "another process"
    # 1: FLOCK  ADVISORY  WRITE 812 fd:01:2621 0 EOF
    rows = (line.split() for line in locks.splitlines())
    pids = [row[4] for row in rows if row[1] == "FLOCK" and row[5].endswith(f":{inode}")]
    if not pids:
        return "another process"
    return f"process {pids[0]}: it goes within seconds if it is left over from a daemon that died; else stop its daemon"


def _open_lock(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as problem:
        if problem.errno not in (errno.EROFS, errno.ENOSPC, errno.EDQUOT):
            raise
        # the lock is not in the file's content: a disk that takes no more writes can still be locked
        return os.open(path, os.O_RDONLY)


def _read_all(file: FileIO, offset: int, length: int) -> bytes:
    data = os.pread(file.fileno(), length, offset)
    while len(data) < length and (more := os.pread(file.fileno(), length - len(data), offset + len(data))):
        data += more  # one call gives 2 GiB at most
    return data


def _write_new(path: Path, pieces: Iterable[bytes]) -> int:
    written = 0
    with path.open("wb", buffering=0) as file:
        for piece in pieces:
            _write_all(file, piece)
            written += len(piece)
        failpoint("disk.written", path)
        os.fsync(file.fileno())
        failpoint("disk.synced", path)
    return written


def _append(path: Path, data: bytes, *, durable: bool) -> None:
    with path.open("ab", buffering=0) as file:
        _write_all(file, data)
        if durable:
            os.fsync(file.fileno())


def _write_all(file: FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _fsync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
