"""Recordings in Parquet."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from streamwatchd.batch import RawBatch
from streamwatchd.errors import UnreadableInput
from streamwatchd.recording import BareSource, Header, RecordingWriter, open_recording
from streamwatchd.recording.parquet_writer import ROWS
from tests.recording.files import of_batch, records

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


def written(path: Path, count: int, size: int = 2) -> RawBatch:
    """A recording of so many records with payloads of so many bytes."""
    payloads: list[bytes | None] = [b"x" * size] * count
    batch = RawBatch("t", 0, payloads, range(count), range(count))
    with RecordingWriter(str(path), Header({"t": 1})) as writer:
        writer.write(batch)
    return batch


def test_many_row_groups_are_read_one_after_the_other(tmp_path: Path) -> None:
    """Each row once, in order, and no more of them at once than a row group has."""
    batch = written(tmp_path / "r.parquet", 2 * ROWS + 5)
    with open_recording(str(tmp_path / "r.parquet")) as recording:
        batches = [item for item in recording if isinstance(item, RawBatch)]
    assert [row for each in batches for row in of_batch(each)] == of_batch(batch)
    assert [len(each) for each in batches] == [256, *(256 << n for n in range(8)), ROWS, 5]


def test_large_payloads_are_read_in_fewer_rows(tmp_path: Path) -> None:
    """So that memory is bounded by bytes too."""
    written(tmp_path / "r.parquet", 4_000, 40_000)
    with open_recording(str(tmp_path / "r.parquet")) as recording:
        sizes = [len(item) for item in recording]  # type: ignore[arg-type]
    assert sum(sizes) == 4_000
    assert max(sizes) < 2048


@pytest.mark.parametrize(
    "columns",
    [
        {"topic": None},
        {"topic": ""},
        {"partition": None},
        {"partition": -1},
        {"offset": None},
        {"mark_watermark_ms": 5, "mark_stage": None},
    ],
)
def test_a_row_that_is_neither_record_nor_mark_is_told(tmp_path: Path, columns: dict[str, Any]) -> None:
    """With its number."""
    path = str(tmp_path / "r.parquet")
    row = {"topic": "t", "partition": 0, "offset": 7, "value": b"{}", "mark_stage": 1, "mark_watermark_ms": None}
    pl.DataFrame([row, row | columns]).write_parquet(path)
    with pytest.raises(UnreadableInput, match=r"r\.parquet: row 2 is no record and no mark"):
        records(open_recording(path, chunk=1))


def test_a_header_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    """Of a later format, for one."""
    path = str(tmp_path / "r.parquet")
    columns = {"topic": ["t"], "partition": [0], "offset": [0], "value": ["{}"]}
    pl.DataFrame(columns).write_parquet(path, metadata={"streamwatchd.recording": '{"recording":2}'})
    with pytest.raises(UnreadableInput, match=r"r\.parquet: recordings of format 2 are not known here"):
        open_recording(path)


def test_a_file_that_is_cut_off_is_told_with_the_way_out(tmp_path: Path) -> None:
    """Wherever it was cut."""
    path = tmp_path / "r.parquet"
    written(path, 100)
    whole = path.read_bytes()
    for length in {0, 4, 12, *range(50, len(whole), 97), len(whole) - 1}:
        path.write_bytes(whole[:length])
        with pytest.raises(
            UnreadableInput, match=r"r\.parquet: it has no end, or .* killed leaves such a one; record again"
        ):
            open_recording(str(path))


@pytest.mark.parametrize("seed", range(5))
def test_a_damaged_file_is_read_or_told(tmp_path: Path, seed: int) -> None:
    """Bytes that are others never end in anything but the family of errors for that."""
    path = tmp_path / "r.parquet"
    written(path, 1000)
    whole = path.read_bytes()
    rng = np.random.default_rng(seed)
    told = []
    for _ in range(60):
        damaged = bytearray(whole)
        for at in rng.integers(4, len(whole) - 8, 3).tolist():
            damaged[at] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        try:
            records(open_recording(str(path), BareSource("t")))
        except UnreadableInput as error:
            told.append(str(error))
    assert sum("it is damaged (" in each and "take another copy" in each for each in told) > 20


def test_a_name_with_signs_of_patterns_is_a_name(tmp_path: Path) -> None:
    """`[1]` is no choice of letters."""
    batch = written(tmp_path / "r[1]*.parquet", 3)
    assert records(open_recording(str(tmp_path / "r[1]*.parquet"))) == of_batch(batch)
