"""Keys as text."""

from __future__ import annotations

from streamwatchd.enrichment.reader import read_table
from streamwatchd.lang.typed import NUMBER
from tests.enrichment.files import parquet


def test_keys_are_text() -> None:
    """As written in CSV; numbers of JSON in their shortest form; a key declared a number is one in CSV, too."""
    assert list(read_table("t.csv", b"k\n1.0\n007\n", "t").data.rows) == ["007", "1.0"]
    assert list(read_table("t.csv", b"k\n1.0\n007\n", "t", declared={"k": NUMBER}).data.rows) == ["1", "7"]
    keys = b'[{"k":1.0},{"k":-2.5},{"k":"x"},{"k":true},{"k":10000000000}]'
    assert list(read_table("t.json", keys, "t").data.rows) == ["-2.5", "1", "10000000000", "true", "x"]
    assert list(read_table("t.parquet", parquet(k=[3, 20, 1]), "t").data.rows) == ["1", "20", "3"]
