"""Recordings on disk, for the tests of this room."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from streamwatchd.batch import RawBatch
from streamwatchd.recording import RecordedMark, Recording

SUFFIXES = (".ndjson", ".ndjson.gz", ".ndjson.zst")
PARQUET = (".parquet", ".parq", ".pq")
FORMS = (*SUFFIXES, *PARQUET)


Record = tuple[str, int, int, int, bytes | None, bytes | None]


def records(recording: Recording) -> list[Record | RecordedMark]:
    """(topic, partition, offset, timestamp, key, payload) in the order given, and marks."""
    found: list[Record | RecordedMark] = []
    with recording:
        for item in recording:
            found += [item] if isinstance(item, RecordedMark) else of_batch(item)
    return found


def of_batch(batch: RawBatch) -> list[Record | RecordedMark]:
    keys: Sequence[bytes | None] = [None] * len(batch) if batch.keys is None else batch.keys
    rows = zip(batch.offsets, batch.timestamps, keys, batch.payloads, strict=True)
    return [(batch.topic, batch.partition, *row) for row in rows]


def write(path: Path, *lines: Any) -> str:
    """A file of NDJSON lines; bytes as they are, others as JSON."""
    path.write_bytes(
        b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
    )
    return str(path)


def envelope(offset: int, value: Any, partition: int = 0, **more: Any) -> dict[str, Any]:
    return {"topic": "t", "partition": partition, "offset": offset, "timestamp": offset * 10, "value": value} | more
