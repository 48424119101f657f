"""Keys as text."""

from __future__ import annotations

import pytest

from streamwatchd.enrichment.cells import key_text
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


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5.0, "5"),
        (-0.5, "-0.5"),
        (2.0**53, "9007199254740992"),
        (1e15, "1000000000000000"),
        (1e16, "1e+16"),
        (True, "true"),
    ],
)
def test_numbers_have_one_text(value: float, text: str) -> None:
    """Whole numbers without a point, up to where floats print with an exponent."""
    assert key_text(value) == text
