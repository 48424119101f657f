"""`lower`. Small letters."""

from __future__ import annotations

import pytest

from tests.functions.columns import Plain, call


@pytest.mark.parametrize(
    ("columns", "result"),
    [
        ([["Core-A", "ÉTÉ", None, "core-a", "CORE-A"]], ["core-a", "été", None, "core-a", "core-a"]),
    ],
)
def test_lower(columns: list[list[Plain]], result: list[Plain]) -> None:
    """Small letters. Nulls and edges included."""
    assert call("lower", *columns) == result
