"""Recordings in Parquet: envelope columns, or the columns of bare events."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path

import polars as pl

from streamwatchd.batch import Integers, RawBatch
from streamwatchd.errors import UnreadableInput
from streamwatchd.recording.header import METADATA, read_header
from streamwatchd.recording.items import NO_TIMESTAMP, Item, RecordedMark
from streamwatchd.recording.parquet_writer import BYTES, ROWS, SCHEMA, WATERMARK

LIBRARY_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
"""What reading a file raises; a panic is its answer to some damaged ones."""
_OF_THE_FILE = ("parquet", "out-of-spec", "unable to decode")
_FEWEST_ROWS = 256
_MARK = ("mark_stage", "topic", "partition", "offset", WATERMARK)
_NO_MARK = pl.any_horizontal(pl.col(_MARK).is_null())
_NO_RECORD = (
    (pl.col("topic").fill_null("") == "")
    | (pl.col("partition").fill_null(-1) < 0)
    | (pl.col("offset").fill_null(-1) < 0)
)


class ParquetFile:
    """`rows` in all; `enveloped` when the columns are those of envelopes (`value` as text or bytes)."""

    def __init__(self, path: str) -> None:
        """Raises UnreadableInput for what is no Parquet file, or one without its end."""
        self._path = path
        try:
            self._frame = pl.scan_parquet(path, glob=False)
            schema = self._frame.collect_schema()
            self.rows: int = self._frame.select(pl.len()).collect().item()
            metadata = pl.read_parquet_metadata(path) if Path(path).is_file() else {}
        except LIBRARY_ERRORS as error:
            raise unreadable(path, error) from None
        self.header = read_header(path, metadata.get(METADATA, "").encode())
        self.enveloped = {"topic", "partition", "offset", "value"} <= set(schema)
        self._schema = schema

    def payloads(self, chunk: int) -> Iterator[list[bytes]]:
        """The rows of bare events, as one JSON object each. Raises UnreadableInput for bytes that are no text."""
        kinds = {name: _of_json(kind) for name, kind in self._schema.items()}
        casts = [pl.col(name).cast(kind) for name, kind in kinds.items() if kind != self._schema[name]]
        for _, part in self._parts(self._frame.with_columns(casts), chunk):
            yield part.write_ndjson().encode().splitlines()

    def items(self, chunk: int) -> Iterator[tuple[int, Iterator[Item]]]:
        """Rows of envelopes and what they hold: by (topic, partition) within each chunk, up to each mark.

        Raises UnreadableInput for rows that are neither records nor marks.
        """
        names = self._schema.names()
        columns = [
            pl.col(name).cast(kind) if name in names else pl.lit(None, kind).alias(name)
            for name, kind in SCHEMA.items()
        ]
        frame = self._frame.select(columns).with_columns(pl.col("timestamp").fill_null(NO_TIMESTAMP))
        for start, part in self._parts(frame, chunk):
            self._check(part, start)
            yield len(part), _items(part)

    def _parts(self, frame: pl.LazyFrame, chunk: int) -> Iterator[tuple[int, pl.DataFrame]]:
        """The first row's number, and up to `chunk` rows."""
        try:
            for start, whole in self._slices(frame):
                for at in range(0, len(whole), chunk):
                    yield start + at, whole[at : at + chunk]
        except LIBRARY_ERRORS as error:
            raise unreadable(self._path, error) from None

    def _slices(self, frame: pl.LazyFrame) -> Iterator[tuple[int, pl.DataFrame]]:
        """Each is a scan of its own: of whole row groups where we wrote them, of fewer rows where these are large."""
        start, size = 0, _FEWEST_ROWS
        while start < self.rows:
            whole = frame.slice(start, size).collect()
            yield start, whole
            start += size
            fitting = BYTES * size // max(1, int(whole.estimated_size()))
            size = max(_FEWEST_ROWS, min(fitting, start, ROWS))

    def _check(self, part: pl.DataFrame, start: int) -> None:
        """`start` is the number of the first row, from 0."""
        wrong = part.select(pl.when(pl.col(WATERMARK).is_null()).then(_NO_RECORD).otherwise(_NO_MARK).arg_true())
        if len(wrong):
            row = start + int(wrong.item(0, 0)) + 1
            raise UnreadableInput(
                f"{self._path}: row {row} is no record and no mark: it has no topic, partition or offset"
            )


def _items(part: pl.DataFrame) -> Iterator[Item]:
    if part[WATERMARK].null_count() == len(part):
        yield from _batches(part)
        return
    is_mark = part[WATERMARK].is_not_null()
    start = 0
    for row, mark in zip(is_mark.arg_true().to_list(), part.filter(is_mark).select(_MARK).rows(), strict=True):
        yield from _batches(part[start:row])
        yield RecordedMark(*mark)
        start = row + 1
    yield from _batches(part[start:])


def _batches(part: pl.DataFrame) -> Iterator[RawBatch]:
    """By (topic, partition), in the order of their first records."""
    for group in part.partition_by("topic", "partition", maintain_order=True):
        topic, partition = itemgetter(0, 1)(group.row(0))
        offsets, timestamps = Integers(group["offset"].to_numpy()), Integers(group["timestamp"].to_numpy())
        yield RawBatch(topic, partition, group["value"].to_list(), offsets, timestamps, group["key"].to_list())


def unreadable(path: str, error: BaseException) -> UnreadableInput:
    """What the library says of a file, in our words where it is a matter of the file as a whole."""
    said = str(error).splitlines()[0]
    if "must end with PAR1" in said or "at least 12 bytes" in said:
        said = "it has no end, or is no Parquet file: a recorder that was killed leaves such a one; record again"
    elif said == "invalid utf8":
        said = "a column of bytes holds what is no UTF-8 text; write the file without that column"
    elif isinstance(error, pl.exceptions.PanicException) or said.startswith(_OF_THE_FILE):
        said = f"it is damaged ({said}); take another copy of it, or record again"
    return UnreadableInput(f"{path}: {said}")


def _of_json(kind: pl.DataType) -> pl.DataType:
    """The type that JSON has for a column of this one: decimals are numbers there, and bytes are text."""
    match kind:
        case pl.Binary():
            return pl.String()
        case pl.Decimal():
            return pl.Float64()
        case pl.List():
            return pl.List(_of_json(_inner(kind)))
        case pl.Array():
            return pl.List(_of_json(_inner(kind)))
        case pl.Struct():
            return pl.Struct({field.name: _of_json(_inner(field)) for field in kind.fields})
    return kind


def _inner(of: pl.List | pl.Array | pl.Field) -> pl.DataType:
    found = of.dtype if isinstance(of, pl.Field) else of.inner
    return found if isinstance(found, pl.DataType) else found()
