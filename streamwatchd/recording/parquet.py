"""Recordings in Parquet: envelope columns, or the columns of bare events."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter

import polars as pl

from streamwatchd.batch import RawBatch
from streamwatchd.errors import UnreadableInput

_ENVELOPE = {"topic": pl.String, "partition": pl.Int32, "offset": pl.Int64, "timestamp": pl.Int64}


class ParquetFile:
    """`rows` in all; `enveloped` when the columns are those of envelopes (`value` as text or bytes)."""

    def __init__(self, path: str) -> None:
        """Raises UnreadableInput for what is no Parquet file."""
        self._path = path
        try:
            self._frame = pl.scan_parquet(path)
            schema = self._frame.collect_schema()
            self.rows: int = self._frame.select(pl.len()).collect().item()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise UnreadableInput(f"{path}: {str(error).splitlines()[0]}") from None
        self.enveloped = {"topic", "partition", "offset", "value"} <= set(schema)
        self._schema = schema

    def payloads(self, chunk: int) -> Iterator[list[bytes]]:
        """The rows of bare events, as one JSON object each. Raises UnreadableInput for bytes that are no text."""
        kinds = {name: _of_json(kind) for name, kind in self._schema.items()}
        casts = [pl.col(name).cast(kind) for name, kind in kinds.items() if kind != self._schema[name]]
        for part in self._parts(self._frame.with_columns(casts), chunk):
            yield part.write_ndjson().encode().splitlines()

    def batches(self, chunk: int) -> Iterator[list[RawBatch]]:
        """The records of envelopes, by (topic, partition) within each chunk."""
        key = pl.col("key") if "key" in self._schema else pl.lit(None).alias("key")
        stamp = [] if "timestamp" in self._schema else [pl.lit(-1).alias("timestamp")]
        columns = [pl.col(name).cast(kind) for name, kind in _ENVELOPE.items()]
        frame = self._frame.with_columns(*stamp)
        frame = frame.select(*columns, key.cast(pl.Binary), pl.col("value").cast(pl.Binary))
        for part in self._parts(frame, chunk):
            groups = part.partition_by("topic", "partition", maintain_order=True)
            yield [_batch(group) for group in groups]

    def _parts(self, frame: pl.LazyFrame, chunk: int) -> Iterator[pl.DataFrame]:
        try:
            for start in range(0, self.rows, chunk):
                yield frame.slice(start, chunk).collect()
        except pl.exceptions.PolarsError as error:
            what = str(error).splitlines()[0]
            if what == "invalid utf8":
                what = "a column of bytes holds what is no UTF-8 text; write the file without that column"
            raise UnreadableInput(f"{self._path}: {what}") from None


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


def _batch(group: pl.DataFrame) -> RawBatch:
    topic, partition = itemgetter(0, 1)(group.row(0))
    offsets, timestamps = group["offset"].to_list(), group["timestamp"].to_list()
    return RawBatch(topic, partition, group["value"].to_list(), offsets, timestamps, group["key"].to_list())
