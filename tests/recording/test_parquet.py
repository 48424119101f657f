"""Recordings in Parquet."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from streamwatchd.errors import UnreadableInput
from streamwatchd.recording import BareSource, open_recording
from tests.recording.files import records

AT = pl.Series(["2026-01-05 01:00:00"]).str.to_datetime()


def test_parquet_holds_envelopes_or_bare_events(tmp_path: Path) -> None:
    """Envelope columns with text or bytes; or any columns, which become one JSON object a row."""
    path = str(tmp_path / "r.parquet")
    columns = {"topic": ["t", "t", "t"], "partition": [1, 0, 1], "offset": [4, 9, 5], "timestamp": [1, 2, 3]}
    pl.DataFrame(columns | {"key": ["k", None, "l"], "value": [b'{"a":1}', b"\xff", None]}).write_parquet(path)
    recording = open_recording(path)
    assert records(recording) == [
        ("t", 1, 4, 1, b"k", b'{"a":1}'),
        ("t", 1, 5, 3, b"l", None),
        ("t", 0, 9, 2, None, b"\xff"),
    ]
    assert (recording.bytes_read, recording.bytes_total, recording.enveloped) == (3, 3, True)
    pl.DataFrame({"ts": [20, 10], "host": ["ключ", None], "o": [{"p": 1.5}, {"p": None}]}).write_parquet(path)
    assert records(open_recording(path, BareSource("t", "ts", "ms"), chunk=1)) == [
        ("t", 0, 0, 20, None, '{"ts":20,"host":"ключ","o":{"p":1.5}}'.encode()),
        ("t", 0, 1, 20, None, b'{"ts":10,"host":null,"o":{"p":null}}'),
    ]


@pytest.mark.parametrize(
    ("column", "written"),
    [
        (pl.Series([b"ab"]), '"ab"'),
        (pl.Series([Decimal("1.50")]), "1.5"),
        (pl.Series([[Decimal("1.50")]]), "[1.5]"),
        (pl.Series([[1, 2]], dtype=pl.Array(pl.Int64, 2)), "[1,2]"),
        (pl.Series([{"p": Decimal(2), "q": b"x"}]), '{"p":2.0,"q":"x"}'),
        (pl.Series(["a"], dtype=pl.Categorical), '"a"'),
        (pl.Series([float("nan")]), "null"),
        (AT, '"2026-01-05 01:00:00"'),
    ],
)
def test_columns_of_other_types_than_json_has(tmp_path: Path, column: Any, written: str) -> None:
    """What data warehouses write: decimals are numbers, bytes are text."""
    path = str(tmp_path / "r.parquet")
    pl.DataFrame({"ts": [10], "x": column}).write_parquet(path)
    (record,) = records(open_recording(path, BareSource("t", "ts", "ms")))
    assert record[-1] == f'{{"ts":10,"x":{written}}}'.encode()


@pytest.mark.parametrize("column", ["naive", "utc", "berlin"])
def test_times_of_parquet_are_event_times(tmp_path: Path, column: str) -> None:
    """Without a zone they are UTC."""
    path = str(tmp_path / "r.parquet")
    at = AT.cast(pl.Datetime("ns"))
    zones = {"utc": at.dt.replace_time_zone("UTC"), "berlin": at.dt.convert_time_zone("Europe/Berlin")}
    pl.DataFrame({"naive": at, **zones}).write_parquet(path)
    (record,) = records(open_recording(path, BareSource("t", column, "ms")))
    assert record[3] == 1_767_574_800_000


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    path = str(tmp_path / "r.parquet")
    pl.DataFrame({"ts": [10], "x": [b"\xff"]}).write_parquet(path)
    with pytest.raises(UnreadableInput, match=r"r\.parquet: a column of bytes holds what is no UTF-8 text"):
        records(open_recording(path, BareSource("t", "ts", "ms")))
