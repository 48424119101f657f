"""Tables on disk, for the tests of this room."""

from __future__ import annotations

import io
from typing import Any

import polars as pl
import pytest

from streamwatchd.batch import to_values
from streamwatchd.enrichment.problems import TableProblem, TableRefused
from streamwatchd.enrichment.reader import ReadTable, read_table


def values(table: ReadTable) -> dict[str, dict[str, Any]]:
    """Key → row."""
    columns = {name: to_values(column) for name, column in table.data.columns.items()}
    return {key: {name: column[row] for name, column in columns.items()} for key, row in table.data.rows.items()}


def problems(path: str, content: bytes, **options: Any) -> tuple[TableProblem, ...]:
    with pytest.raises(TableRefused) as caught:
        read_table(path, content, "t", **options)
    return caught.value.problems


def parquet(**columns: Any) -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_parquet(buffer)
    return buffer.getvalue()
