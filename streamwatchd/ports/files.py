"""Whole files by name: what a disk and an object store have in common."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol


class Files(Protocol):
    """Files by absolute path. Folders come to be when something is written into them.

    Whatever goes wrong outside (a full disk, a network that is down, a refused key) is raised as Unavailable; after a
    failed call the file is as before.
    """

    def write(self, path: Path, data: bytes | Iterable[bytes]) -> int:
        """Replace the whole file, durably and at once; `data` may come in pieces. Returns the bytes written.

        Names ending in `.tmp` belong to the implementation.
        """

    def read(self, path: Path, offset: int = 0, length: int | None = None) -> bytes | None:
        """The content, or what there is of `length` bytes from `offset` on; None when there is no such file."""

    def size(self, path: Path) -> int | None:
        """In bytes, None when there is no such file."""

    def rename(self, path: Path, to: Path) -> None:
        """In place of what is there."""

    def list(self, folder: Path) -> list[str]:
        """Names in the folder, of files and of folders, sorted; [] when there is no such folder."""

    def delete(self, path: Path) -> None:
        """No error when it is gone already."""
