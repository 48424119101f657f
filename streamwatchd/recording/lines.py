"""Lines of a file or of standard input, plain or compressed, in chunks, with the progress of reading."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import zstandard

from streamwatchd.errors import UnreadableInput

_BLOCK_BYTES = 1 << 22
_PACKED_BYTES = 1 << 17


class LineReader:
    """`bytes_read` of `bytes_total` (0 where it is not known) are as stored, compressed or not."""

    def __init__(self, path: str) -> None:
        """Raises UnreadableInput if the file can't be opened; `-` is standard input."""
        self._path = path
        try:
            self._file = cast("IO[bytes]", sys.stdin.buffer) if path == "-" else Path(path).open("rb")  # noqa: SIM115
            self.bytes_total = 0 if path == "-" else Path(path).stat().st_size
        except OSError as error:
            raise UnreadableInput(f"{path}: {error.strerror}") from None
        self._counted = _Counted(self._file)
        self._stream = _decompressed(path, self._counted)
        self.torn = False

    @property
    def bytes_read(self) -> int:
        return self._counted.count

    def blocks(self) -> Iterator[list[bytes]]:
        """Lines without their ends, empty lines too; the last may lack its end, and then `torn` is true."""
        rest = b""
        while block := self._read():
            *lines, rest = (rest + block).split(b"\n")
            if lines:
                yield lines
        if rest:
            self.torn = True
            yield [rest]

    def close(self) -> None:
        if self._path != "-":
            self._file.close()

    def _read(self) -> bytes:
        try:
            return self._stream.read(_BLOCK_BYTES)
        except (EOFError, OSError, zstandard.ZstdError) as error:
            raise UnreadableInput(f"{self._path}: damaged or cut off: {error}") from None


class _Zstd(io.RawIOBase):
    """Frames one after the other; unlike the package's own reader it notices when the last one is cut off."""

    def __init__(self, raw: _Counted) -> None:
        self._raw = raw
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._begun = False
        self._data = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._data:
            packed = self._next_packed()
            if not packed:
                return 0
            self._begun = True
            self._data = memoryview(self._frame.decompress(packed))
        size = min(len(buffer), len(self._data))
        buffer[:size] = self._data[:size]
        self._data = self._data[size:]
        return size

    def _next_packed(self) -> bytes:
        rest = b""
        if self._frame.eof:
            rest = self._frame.unused_data
            self._frame = zstandard.ZstdDecompressor().decompressobj()
            self._begun = False
        packed = rest or self._raw.read(_PACKED_BYTES) or b""
        if not packed and self._begun:
            raise EOFError("the last frame has no end")
        return packed


class _Counted(io.RawIOBase):
    """Counts what is read from the file below."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self.count += len(data)
        return len(data)


def _decompressed(path: str, raw: _Counted) -> IO[bytes]:
    if path.endswith(".gz"):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=io.BufferedReader(raw, _BLOCK_BYTES)))
    if path.endswith(".zst"):
        return cast("IO[bytes]", io.BufferedReader(_Zstd(raw), _BLOCK_BYTES))
    return cast("IO[bytes]", io.BufferedReader(raw, _BLOCK_BYTES))
