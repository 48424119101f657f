"""The state folder behind a protocol: durable writes, appends, a lock."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Lock(Protocol):
    def release(self) -> None: ...


class Disk(Protocol):
    """Files by absolute path. Folders come to be when something is written into them.

    ENOSPC, EDQUOT, EIO and EROFS are raised as Unavailable; after a failed call the file is as before or, for
    `append`, may have a torn tail.
    """

    def write(self, path: Path, data: bytes) -> None:
        """Replace the whole file, durably and at once: temporary file, fsync, rename, fsync of the folder."""

    def append(self, path: Path, data: bytes, *, durable: bool = False) -> None:
        """Add to the end. It survives the death of the process; with `durable` that of the machine too."""

    def truncate(self, path: Path, size: int) -> None:
        """Cut a torn or unwanted tail, durably."""

    def read(self, path: Path) -> bytes | None:
        """The content, None when there is no such file."""

    def list(self, folder: Path) -> list[str]:
        """Names in the folder, sorted, unfinished temporary files left out; [] when there is no such folder."""

    def delete(self, path: Path) -> None:
        """No error when it is gone already. It may come back after the death of the machine."""

    def lock(self, path: Path) -> Lock:
        """Hold the file for this process until release or death; raises Unavailable while another one has it."""
