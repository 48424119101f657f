"""Counting the partitions of a recording without a header."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from streamwatchd.batch import RawBatch
from streamwatchd.errors import UnreadableInput
from streamwatchd.recording import RecordedMark, RecordingWriter
from streamwatchd.recording.survey import partitions_in
from tests.recording.files import PARQUET

LINES = b"""{"topic": "a", "partition": 2, "offset": 0, "value": {"topic": "x", "partition": 9}}
{"topic": "b", "partition": 0, "offset": 0, "value": null}
{"topic": "a", "partition": 0, "offset": 0, "value": "text"}
{"mark": {"stage": 1, "topic": "a", "partition": 7, "offset": 0, "watermark_ms": 5}}
not json
{"topic": "a", "part"""


def test_the_highest_partition_counts(tmp_path: Path) -> None:
    """What stands inside of values does not; damaged lines are for the reader to report."""
    (tmp_path / "a.ndjson").write_bytes(LINES)
    assert partitions_in(str(tmp_path / "a.ndjson")) == {"a": 3, "b": 1}


@pytest.mark.parametrize("suffix", PARQUET)
def test_parquet_is_counted_too(tmp_path: Path, suffix: str) -> None:
    """By its columns; marks are no records there either."""
    path = tmp_path / f"a{suffix}"
    columns = {"topic": ["a", "a", "b", None, "c"], "partition": [0, 3, 1, 9, None], "offset": [0, 0, 0, 0, 0]}
    pl.DataFrame(columns).write_parquet(path)
    assert partitions_in(str(path)) == {"a": 4, "b": 2}
    with RecordingWriter(str(path), None) as writer:
        writer.mark(RecordedMark(1, "a", 7, 0, 5))
        writer.write(RawBatch("a", 2, [b"{}"], [0], [0]))
    assert partitions_in(str(path)) == {"a": 3}


@pytest.mark.parametrize("name", ["no.ndjson", "no.parquet"])
def test_a_file_that_is_not_there_is_said(tmp_path: Path, name: str) -> None:
    """With its path."""
    with pytest.raises(UnreadableInput, match=name):
        partitions_in(str(tmp_path / name))
