"""A file that is written beside its place, and takes it once it is whole."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from stat import S_IMODE
from typing import IO

_OPEN_ALREADY = ("/dev/fd/", "/dev/std", "/proc/")


class NewFile:
    """What lies at its place stays as it is until then; a link stays a link.

    A pipe or a device can't be replaced and is written to as it is, and so is a file that is not to lie `beside`.
    """

    def __init__(self, path: str, *, beside: bool) -> None:
        """Raises OSError if the file can't be made, or what it would replace may not be written to."""
        self._place = Path(path).resolve()
        self._partial: Path | None = None
        if beside and _is_replaceable(path, self._place):
            self._partial = self._place.with_name(f"partial-{secrets.token_hex(4)}-{self._place.name}")
            self.file = self._opened(self._partial)
        else:
            self.file = Path(path).open("wb")  # noqa: SIM115

    @property
    def is_beside(self) -> bool:
        return self._partial is not None

    def keep(self) -> None:
        """It is whole. Raises OSError."""
        self.file.flush()
        if self._partial is None:
            self.file.close()
            return
        if self._place.exists():
            os.fchmod(self.file.fileno(), S_IMODE(self._place.stat().st_mode))
            os.fsync(self.file.fileno())  # what it replaces was there for certain
        self.file.close()
        self._partial.replace(self._place)
        self._partial = None

    def leave(self) -> Path | None:
        """It ends, but is not what was meant: it stays where it is, beside its place. Raises OSError."""
        self.file.close()
        partial, self._partial = self._partial, None
        return partial

    def discard(self) -> None:
        """Takes away what lies beside; nothing, once it was kept or left."""
        with suppress(OSError):
            self.file.close()
        if self._partial is not None:
            with suppress(OSError):
                self._partial.unlink()
            self._partial = None

    def _opened(self, partial: Path) -> IO[bytes]:
        if self._place.exists():
            self._place.open("r+b").close()  # raises where it is read-only
        try:
            return partial.open("xb")
        except OSError as error:
            raise OSError(error.errno, f"{error.strerror}: no file can be made in {partial.parent}") from None


def _is_replaceable(path: str, place: Path) -> bool:
    """A regular file or none. What somebody has opened for us is theirs, and its `place` may be no path at all."""
    if str(Path(path).absolute()).startswith(_OPEN_ALREADY):
        return False
    return not Path(path).exists() or (place.is_file() and place.samefile(path))
