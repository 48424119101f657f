"""Tables in Parquet."""

from __future__ import annotations

import datetime as dt

from streamwatchd.enrichment.reader import read_table
from tests.enrichment.files import parquet, problems, values


def test_damaged_and_strange_parquet_is_refused() -> None:
    """Torn bytes, and columns that are no numbers, text, truths or times; infinity is no number, NaN is null."""
    whole = parquet(k=["a"], v=[1.0])
    assert "not Parquet" in problems("t.parquet", whole[:-10])[0].message
    assert problems("t.parquet", parquet(k=["a"], v=[[1]]))[0].message.startswith("column `v` has the type List")
    assert "not a number" in problems("t.parquet", parquet(k=["a"], v=[float("inf")]))[0].message
    assert values(read_table("t.parquet", parquet(k=["a"], v=[float("nan")]), "t")) == {"a": {"v": None}}
    days = parquet(k=["a"], d=[dt.date(2026, 1, 5)], t=[dt.datetime(2026, 1, 5, 6, tzinfo=dt.UTC)])
    assert values(read_table("t.parquet", days, "t"))["a"]["d"] == "2026-01-05"
    assert values(read_table("t.parquet", days, "t"))["a"]["t"].startswith("2026-01-05T06:00:00")
