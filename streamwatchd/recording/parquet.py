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
            names = self._frame.collect_schema().names()
            self.rows: int = self._frame.select(pl.len()).collect().item()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise UnreadableInput(f"{path}: {str(error).splitlines()[0]}") from None
        self.enveloped = {"topic", "partition", "offset", "value"} <= set(names)
        self._names = names

    def payloads(self, chunk: int) -> Iterator[list[bytes]]:
        """The rows of bare events, as one JSON object each."""
        for part in self._parts(self._frame, chunk):
            yield part.write_ndjson().encode().splitlines()

    def batches(self, chunk: int) -> Iterator[list[RawBatch]]:
        """The records of envelopes, by (topic, partition) within each chunk."""
        key = pl.col("key") if "key" in self._names else pl.lit(None).alias("key")
        stamp = [] if "timestamp" in self._names else [pl.lit(-1).alias("timestamp")]
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
            raise UnreadableInput(f"{self._path}: {str(error).splitlines()[0]}") from None


def _batch(group: pl.DataFrame) -> RawBatch:
    topic, partition = itemgetter(0, 1)(group.row(0))
    offsets, timestamps = group["offset"].to_list(), group["timestamp"].to_list()
    return RawBatch(topic, partition, group["value"].to_list(), offsets, timestamps, group["key"].to_list())
