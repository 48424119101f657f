"""Recordings as Parquet, as they lie in the file."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pytest

from streamwatchd.batch import RawBatch
from streamwatchd.recording import Header, RecordedMark, parquet_writer
from streamwatchd.recording.parquet_writer import ROWS, SCHEMA, ParquetWriter
from streamwatchd.recording.row_groups import RowGroupFile


def test_a_row_is_a_record_or_a_mark(tmp_path: Path) -> None:
    """For other tools too."""
    path = tmp_path / "r.parquet"
    with path.open("wb") as file:
        writer = ParquetWriter(file, Header({"t": 1}))
        writer.write(RawBatch("t", 0, [b"\xff", None], [3, 9], [5, -1], [b"k", None]))
        writer.mark(RecordedMark(2, "", 1, -1, 77))
        writer.write(RawBatch("t", 1, [b"{}"], [0], [1]))
        writer.end()
    frame = pl.read_parquet(path)
    assert frame.schema == SCHEMA
    assert frame.rows() == [
        ("t", 0, 3, 5, b"k", b"\xff", None, None),
        ("t", 0, 9, -1, None, None, None, None),
        ("", 1, -1, None, None, None, 2, 77),
        ("t", 1, 0, 1, None, b"{}", None, None),
    ]
    assert pl.read_parquet_metadata(path)["streamwatchd.recording"] == '{"recording":1,"topics":{"t":1},"sources":{}}'


def groups_of(monkeypatch: pytest.MonkeyPatch, batches: Iterable[list[bytes | None]]) -> list[int]:
    """The rows of each row group that is written."""
    groups: list[int] = []
    monkeypatch.setattr(RowGroupFile, "append", lambda self, frame: groups.append(len(frame)))
    writer = ParquetWriter(io.BytesIO(), None)
    for payloads in batches:
        writer.write(RawBatch("t", 0, payloads, range(len(payloads)), range(len(payloads))))
    writer.end()
    return groups


def test_no_more_than_a_row_group_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """However large or small the batches are."""
    assert groups_of(monkeypatch, [[b"x"] * 7, [None] * (2 * ROWS), [b"x"]]) == [ROWS, ROWS, 8]


def test_a_row_group_has_fewer_rows_where_payloads_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with the batch that makes it so large."""
    monkeypatch.setattr(parquet_writer, "BYTES", 1000)
    assert groups_of(monkeypatch, [[b"x" * 50, None] * 5] * 9) == [40, 40, 10]
