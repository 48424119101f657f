"""Writing a recording: a header, envelopes and marks, in the form that the suffix says."""

from __future__ import annotations

import dataclasses
import gzip
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, cast

import msgspec
import zstandard

from streamwatchd.batch import RawBatch
from streamwatchd.errors import UnreadableInput
from streamwatchd.recording.envelope import write_envelopes
from streamwatchd.recording.header import header_bytes
from streamwatchd.recording.items import Header, RecordedMark
from streamwatchd.recording.parquet_writer import ParquetWriter


class RecordingWriter:
    """`-` is standard output; `.gz` and `.zst` compress lines, `.parquet` is Parquet. Records come back byte for byte.

    It is whole once it is closed. Of one in lines a reader takes what there is before; one in Parquet has no end then.
    """

    def __init__(self, path: str, header: Header | None) -> None:
        """Begins with the header, if there is one; raises UnreadableInput if the file can't be made."""
        self._path = path
        try:
            self._file = _create(path)
        except OSError as error:
            raise UnreadableInput(f"{path}: {error.strerror}") from None
        form = ParquetWriter if path.endswith(".parquet") else _LineWriter
        self._form: ParquetWriter | _LineWriter = form(self._file, header)

    def write(self, raw: RawBatch) -> None:
        """Raises UnreadableInput, as `mark` and `close` do, if the disk takes no more."""
        with self._told():
            self._form.write(raw)

    def mark(self, mark: RecordedMark) -> None:
        with self._told():
            self._form.mark(mark)

    def close(self) -> None:
        with self._told():
            try:
                self._form.end()
            finally:
                (self._file.flush if self._path == "-" else self._file.close)()

    def __enter__(self) -> RecordingWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """A pipe that nobody reads on is not ours to tell."""
        try:
            yield
        except OSError as error:
            if self._path == "-":
                raise
            raise UnreadableInput(f"{self._path}: {error.strerror}; the recording is not whole") from None


class _LineWriter:
    def __init__(self, file: IO[bytes], header: Header | None) -> None:
        self._file = file
        if header is not None:
            self._file.write(header_bytes(header) + b"\n")

    def write(self, raw: RawBatch) -> None:
        self._file.write(write_envelopes(raw))

    def mark(self, mark: RecordedMark) -> None:
        self._file.write(msgspec.json.encode({"mark": dataclasses.asdict(mark)}) + b"\n")

    def end(self) -> None:
        """Lines have none."""


def _create(path: str) -> IO[bytes]:
    if path == "-":
        return sys.stdout.buffer
    if path.endswith(".gz"):
        return cast("IO[bytes]", gzip.open(path, "wb", compresslevel=6))
    file = Path(path).open("wb")  # noqa: SIM115
    if path.endswith(".zst"):
        return cast("IO[bytes]", zstandard.ZstdCompressor().stream_writer(file))
    return file
