"""What a recording without a header holds: how many partitions of which topics."""

from __future__ import annotations

import msgspec
import polars as pl

from streamwatchd.recording.lines import LineReader
from streamwatchd.recording.parquet import LIBRARY_ERRORS, unreadable
from streamwatchd.recording.parquet_writer import WATERMARK, is_parquet


class _Place(msgspec.Struct, gc=False):
    topic: str = ""
    partition: int = -1


_decode = msgspec.json.Decoder(_Place).decode


def partitions_in(path: str) -> dict[str, int]:
    """Topic → highest partition + 1, of a file of envelopes. Reads all of it; damaged lines are left to the reader.

    Raises UnreadableInput if the file can't be opened.
    """
    return _of_parquet(path) if is_parquet(path) else _of_lines(path)


def _of_lines(path: str) -> dict[str, int]:
    places: dict[tuple[str, int], None] = {}
    reader = LineReader(path)
    try:
        for block in reader.blocks():
            for line in block:
                try:
                    place = _decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    continue
                places[place.topic, place.partition] = None
    finally:
        reader.close()
    return _highest(places)


def _of_parquet(path: str) -> dict[str, int]:
    try:
        frame = pl.scan_parquet(path, glob=False)
        if WATERMARK in frame.collect_schema():
            frame = frame.filter(pl.col(WATERMARK).is_null())
        found = frame.group_by("topic").agg(pl.col("partition").max()).drop_nulls().collect()
    except LIBRARY_ERRORS as error:
        raise unreadable(path, error) from None
    return _highest(dict.fromkeys(found.iter_rows()))


def _highest(places: dict[tuple[str, int], None]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for topic, partition in places:
        if topic and partition >= 0:
            counts[topic] = max(partition + 1, counts.get(topic, 0))
    return counts
