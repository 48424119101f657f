"""Writing a recording: a header, envelopes and marks, in the form that the suffix says."""

from __future__ import annotations

import dataclasses
import gzip
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
from streamwatchd.recording.new_file import NewFile
from streamwatchd.recording.parquet_writer import ParquetWriter, is_parquet


class RecordingWriter:
    """`-` is standard output; `.gz` and `.zst` compress lines, `.parquet`, `.parq` and `.pq` are Parquet.

    Records come back byte for byte. It is whole once it is closed. One in Parquet takes the place of a file only then,
    and so does one in lines if `whole`; else a reader takes what lines there are before.
    """

    def __init__(self, path: str, header: Header | None, *, whole: bool = False) -> None:
        """Begins with the header, if there is one; raises UnreadableInput if the file can't be made."""
        self._path = path
        try:
            self._target = None if path == "-" else NewFile(path, beside=whole or is_parquet(path))
        except OSError as error:
            raise UnreadableInput(f"{path}: {error.strerror}") from None
        self._file = sys.stdout.buffer if self._target is None else _packed(path, self._target.file)
        form = ParquetWriter if is_parquet(path) else _LineWriter
        self._form: ParquetWriter | _LineWriter = form(self._file, header)

    def write(self, raw: RawBatch) -> None:
        """Raises UnreadableInput, as `mark` and `close` do, if the disk takes no more."""
        with self._told():
            self._form.write(raw)

    def mark(self, mark: RecordedMark) -> None:
        with self._told():
            self._form.mark(mark)

    def close(self) -> None:
        self._finish()

    def set_aside(self) -> Path | None:
        """Ends it as a whole file of what there is so far, which replaces nothing: it is where this says. None for one
        that lies at its place already. Raises UnreadableInput."""
        return self._finish(aside=True)

    def abandon(self) -> None:
        """It failed: nothing of it is left, but for what lies at its place already, which gets no end."""
        if self._target is None:
            with suppress(OSError):
                self._file.flush()
            return
        if self._file is not self._target.file:
            with suppress(OSError, ValueError):  # the file may be closed
                self._file.close()
        self._target.discard()

    def __enter__(self) -> RecordingWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None:
            self.close()
        else:
            self.abandon()

    def _finish(self, *, aside: bool = False) -> Path | None:
        try:
            with self._told():
                self._form.end()
                if self._target is None:
                    self._file.flush()
                    return None
                if self._file is not self._target.file:
                    self._file.close()
                if aside:
                    return self._target.leave()
                self._target.keep()
                return None
        except BaseException:
            self.abandon()
            raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        """A pipe that nobody reads on is not ours to tell."""
        try:
            yield
        except OSError as error:
            if self._target is None:
                raise
            left = ", and was not put there" if self._target.is_beside else ""
            raise UnreadableInput(f"{self._path}: {error.strerror}; the recording is not whole{left}") from None


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


def _packed(path: str, file: IO[bytes]) -> IO[bytes]:
    """Closing it leaves the file open."""
    if path.endswith(".gz"):
        return cast("IO[bytes]", gzip.GzipFile(Path(path).stem, "wb", 6, file))
    if path.endswith(".zst"):
        return cast("IO[bytes]", zstandard.ZstdCompressor().stream_writer(file, closefd=False))
    return file
