"""Reading a recording: batches and marks in the order of the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from types import TracebackType

from streamwatchd.errors import UnreadableInput
from streamwatchd.recording.bare import BareEvents, BareSource
from streamwatchd.recording.envelope import LineError, looks_like_envelope, read_envelopes
from streamwatchd.recording.header import read_header
from streamwatchd.recording.items import Header, Item
from streamwatchd.recording.lines import LineReader
from streamwatchd.recording.parquet import ParquetFile
from streamwatchd.recording.parquet_writer import ROWS, is_parquet

LINES = 2_048
"""Of one batch: what is made of so many is in the processor's cache still when it is taken apart; with 20,000 `dry-run`
takes a tenth longer (`python -m benchmarks.dry_run.run`). Parquet has columns, and gains by more rows."""


def open_recording(path: str, bare: BareSource | None = None, chunk: int | None = None) -> Recording:
    """Opens a file, or `-` for standard input; what follows decides between envelopes and bare events.

    `chunk` is how many lines or rows are read as one.

    `bare` says what bare events are; without it a recording of them raises UnreadableInput, as does one that can't be
    opened or whose header can't be read.
    """
    if is_parquet(path):
        return _ParquetRecording(path, bare, chunk or ROWS)
    return _LineRecording(path, bare, chunk or LINES)


class Recording:
    """Iterate it once, for batches and marks. `header` is None where there is none; `notes` fills while reading.

    `bytes_total` is 0 where it is not known. In Parquet both count rows. One that `is_empty` has not even a header.
    """

    header: Header | None = None
    enveloped: bool = True
    is_empty: bool = False
    bytes_total: int = 0

    def __init__(self) -> None:
        self.notes: list[str] = []

    @property
    def bytes_read(self) -> int:
        raise NotImplementedError

    def __iter__(self) -> Iterator[Item]:
        """Raises UnreadableInput with the line for what is damaged."""
        raise NotImplementedError

    def close(self) -> None:
        """Closes the file."""

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class _LineRecording(Recording):
    def __init__(self, path: str, bare: BareSource | None, chunk: int) -> None:
        super().__init__()
        self._path = path
        self._chunk = chunk
        self._reader = LineReader(path)
        self.bytes_total = self._reader.bytes_total
        self._line = 1
        try:
            self._begin(bare)
        except UnreadableInput:
            self.close()
            raise

    def _begin(self, bare: BareSource | None) -> None:
        """Looks at the first lines to tell header, envelopes and bare events apart."""
        blocks = self._reader.blocks()
        first = next(blocks, [])
        self.header = read_header(f"{self._path}:1", first[0]) if first else None
        if self.header is not None:
            first = first[1:] or next(blocks, [])
            self._line = 2
        line = next((line for line in first if line.strip()), b"")
        self.enveloped = self.header is not None or looks_like_envelope(line)
        self.is_empty = self.header is None and not line
        self._bare = None if self.enveloped or not line else BareEvents(_known(self._path, bare))
        self._blocks = chain([first], blocks)

    @property
    def bytes_read(self) -> int:
        return self._reader.bytes_read

    def __iter__(self) -> Iterator[Item]:
        for block in self._blocks:
            for start in range(0, len(block), self._chunk):
                lines = block[start : start + self._chunk]
                yield from self._items(lines)
                self._line += len(lines)

    def close(self) -> None:
        self._reader.close()

    def _items(self, lines: Sequence[bytes]) -> Iterator[Item]:
        filled = lines if all(lines) else [line for line in lines if line.strip()]
        if self._bare is not None:
            yield from self._bare.place(filled) if filled else ()
            return
        try:
            yield from read_envelopes(filled)
        except LineError as error:
            self._damaged(lines, filled, error)

    def _damaged(self, lines: Sequence[bytes], filled: Sequence[bytes], error: LineError) -> None:
        number = self._line + [index for index, line in enumerate(lines) if line.strip()][error.index]
        if self._reader.torn and len(filled) == 1:  # the torn end of a file is a block of its own
            self.notes.append(f"{self._path}:{number}: the last line is torn and was left out")
            return
        raise UnreadableInput(f"{self._path}:{number}: {error.reason}") from None


class _ParquetRecording(Recording):
    def __init__(self, path: str, bare: BareSource | None, chunk: int) -> None:
        super().__init__()
        self._file = ParquetFile(path)
        self._chunk = chunk
        self._read = 0
        self.bytes_total = self._file.rows
        self.header = self._file.header
        self.enveloped = self._file.enveloped
        self.is_empty = self.header is None and not self._file.rows
        self._bare = None if self.enveloped else BareEvents(_known(path, bare))

    @property
    def bytes_read(self) -> int:
        return self._read

    def __iter__(self) -> Iterator[Item]:
        if self._bare is None:
            for rows, items in self._file.items(self._chunk):
                yield from items
                self._read += rows
        else:
            for payloads in self._file.payloads(self._chunk):
                yield from self._bare.place(payloads)
                self._read += len(payloads)


def _known(path: str, bare: BareSource | None) -> BareSource:
    if bare is None:
        raise UnreadableInput(f"{path}: it holds bare events; say which source they belong to")
    return bare
