"""Writing envelopes and marks as Parquet, a row each, in the memory of one row group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from typing import IO

import polars as pl

from streamwatchd.batch import RawBatch
from streamwatchd.recording.header import METADATA, header_bytes
from streamwatchd.recording.items import Header, Item, RecordedMark
from streamwatchd.recording.row_groups import RowGroupFile

ROWS = 65_536
"""Of a row group; fewer where payloads of BYTES come together before."""
BYTES = 1 << 26
WATERMARK = "mark_watermark_ms"
SCHEMA = pl.Schema(
    {
        "topic": pl.String,
        "partition": pl.Int32,
        "offset": pl.Int64,
        "timestamp": pl.Int64,
        "key": pl.Binary,
        "value": pl.Binary,
        "mark_stage": pl.Int32,
        WATERMARK: pl.Int64,
    }
)
"""A row is a mark where the last two are not null; then it has no timestamp, key and value."""
_SUFFIXES = (".parquet", ".parq", ".pq")


def is_parquet(path: str) -> bool:
    """By the end of its name."""
    return path.endswith(_SUFFIXES)


class ParquetWriter:
    """Without `end()` the file can't be read."""

    def __init__(self, file: IO[bytes], header: Header | None) -> None:
        metadata = {} if header is None else {METADATA: header_bytes(header).decode()}
        self._file = RowGroupFile(file, SCHEMA, metadata)
        self._waiting: list[Item] = []
        self._rows = self._bytes = 0

    def write(self, raw: RawBatch) -> None:
        at = 0
        while at < len(raw):
            part = _rows(raw, at, at + ROWS - self._rows)
            at += len(part)
            self._add(part, len(part), sum(map(len, filter(None, part.payloads))))

    def mark(self, mark: RecordedMark) -> None:
        self._add(mark, 1, 0)

    def end(self) -> None:
        self._flush()
        self._file.close()

    def _add(self, item: Item, rows: int, size: int) -> None:
        self._waiting.append(item)
        self._rows += rows
        self._bytes += size
        if self._rows >= ROWS or self._bytes >= BYTES:
            self._flush()

    def _flush(self) -> None:
        self._file.append(_frame(self._waiting))
        self._waiting = []
        self._rows = self._bytes = 0


def _rows(raw: RawBatch, start: int, to: int) -> RawBatch:
    rows = slice(start, to)
    keys = None if raw.keys is None else raw.keys[rows]
    return RawBatch(raw.topic, raw.partition, raw.payloads[rows], raw.offsets[rows], raw.timestamps[rows], keys)


def _frame(items: Sequence[Item]) -> pl.DataFrame:
    """All rows of the items, in their order."""
    columns = zip(*map(_columns, items), strict=True) if items else repeat((), len(SCHEMA))
    return pl.DataFrame(
        [
            pl.Series(name, list(chain.from_iterable(parts)), kind)
            for (name, kind), parts in zip(SCHEMA.items(), columns, strict=True)
        ]
    )


def _columns(item: Item) -> tuple[Iterable[object], ...]:
    """In the order of the schema."""
    match item:
        case RecordedMark(stage, topic, partition, offset, watermark_ms):
            return (topic,), (partition,), (offset,), (None,), (None,), (None,), (stage,), (watermark_ms,)
        case RawBatch(topic, partition, payloads, offsets, timestamps, keys):
            none = [None] * len(payloads)
            place = [topic] * len(payloads), [partition] * len(payloads)
            return *place, offsets, timestamps, none if keys is None else keys, payloads, none, none
