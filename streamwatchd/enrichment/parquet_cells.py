"""Parquet tables. Dates and times become ISO-8601 text; lists, structs and bytes are refused."""

from __future__ import annotations

import io

import polars as pl

from streamwatchd.enrichment.cells import Cells
from streamwatchd.enrichment.problems import TableProblem, TableRefused


def read_parquet(content: bytes) -> Cells:
    try:
        frame = pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise TableRefused(TableProblem(f"the file is not Parquet: {str(error).splitlines()[0]}")) from None
    refused = [name for name, dtype in frame.schema.items() if not _readable(dtype)]
    if refused:
        columns = ((name, frame.schema[name]) for name in refused)
        raise TableRefused(*(TableProblem(f"column `{name}` has the type {dtype}") for name, dtype in columns))
    return Cells({column.name: _plain(column).to_list() for column in frame.iter_columns()}, None)


def _readable(dtype: pl.DataType) -> bool:
    text = (pl.String, pl.Categorical, pl.Enum, pl.Boolean, pl.Null)
    return dtype.is_numeric() or dtype.is_temporal() or isinstance(dtype, text)


def _plain(column: pl.Series) -> pl.Series:
    dtype = column.dtype
    if dtype.is_numeric():
        return column.cast(pl.Float64).fill_nan(None)
    if isinstance(dtype, pl.Datetime):
        return column.dt.to_string("iso:strict")
    if dtype.is_temporal() or isinstance(dtype, pl.Categorical | pl.Enum):
        return column.cast(pl.String)
    return column
