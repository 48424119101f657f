"""Writing a recording: a header, envelopes and marks, compressed by the suffix."""

from __future__ import annotations

import dataclasses
import gzip
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, cast

import msgspec
import zstandard

from streamwatchd.batch import RawBatch
from streamwatchd.errors import UnreadableInput
from streamwatchd.recording.envelope import write_envelopes
from streamwatchd.recording.items import FORMAT, Header, RecordedMark


class RecordingWriter:
    """`-` is standard output; `.gz` and `.zst` compress. Records come back byte for byte."""

    def __init__(self, path: str, header: Header) -> None:
        """Writes the header; raises UnreadableInput if the file can't be made."""
        self._path = path
        try:
            self._file = _create(path)
        except OSError as error:
            raise UnreadableInput(f"{path}: {error.strerror}") from None
        document = {"recording": FORMAT, "topics": header.topics, "sources": header.sources}
        self._file.write(msgspec.json.encode(document) + b"\n")

    def write(self, raw: RawBatch) -> None:
        self._file.write(write_envelopes(raw))

    def mark(self, mark: RecordedMark) -> None:
        self._file.write(msgspec.json.encode({"mark": dataclasses.asdict(mark)}) + b"\n")

    def close(self) -> None:
        if self._path == "-":
            self._file.flush()
        else:
            self._file.close()

    def __enter__(self) -> RecordingWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _create(path: str) -> IO[bytes]:
    if path == "-":
        return sys.stdout.buffer
    if path.endswith(".gz"):
        return cast("IO[bytes]", gzip.open(path, "wb", compresslevel=6))
    file = Path(path).open("wb")  # noqa: SIM115
    if path.endswith(".zst"):
        return cast("IO[bytes]", zstandard.ZstdCompressor().stream_writer(file))
    return file
