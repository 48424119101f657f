"""Parquet files written one row group after the other."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from streamwatchd.recording.row_groups import RowGroupFile

FRAME = pl.DataFrame(
    {
        "n": range(1000),
        "text": [None if n % 7 == 0 else f"ключ {n % 30}" for n in range(1000)],
        "blob": [b"\xff" * (n % 50) for n in range(1000)],
        "list": [[n] * (n % 3) for n in range(1000)],
        "struct": [{"a": n, "b": None} for n in range(1000)],
    }
)


@pytest.mark.parametrize("size", [1, 7, 400, 1000, 2000])
def test_the_rows_come_back_in_order(tmp_path: Path, size: int) -> None:
    """Whatever the sizes of row groups are, with nulls, text, bytes and what lies within others."""
    path = tmp_path / "r.parquet"
    with path.open("wb") as file:
        groups = RowGroupFile(file, FRAME.schema, {"name": "ключ"})
        for start in range(0, len(FRAME), size):
            groups.append(FRAME[start : start + size])
        groups.append(FRAME[:0])
        groups.close()
    assert pl.read_parquet(path).equals(FRAME)
    assert pl.scan_parquet(path).slice(500, 3).collect().equals(FRAME[500:503])
    assert pl.read_parquet_metadata(path)["name"] == "ключ"


def test_a_file_without_rows_has_its_columns(tmp_path: Path) -> None:
    """And can be read."""
    path = tmp_path / "r.parquet"
    with path.open("wb") as file:
        RowGroupFile(file, FRAME.schema, {}).close()
    assert pl.read_parquet(path).schema == FRAME.schema
