"""`length`. Characters."""

from __future__ import annotations

import pytest

from tests.functions.columns import Plain, call


@pytest.mark.parametrize(
    ("columns", "result"),
    [
        ([["café", "", None, "😀"]], [4.0, 0.0, None, 1.0]),
    ],
)
def test_length(columns: list[list[Plain]], result: list[Plain]) -> None:
    """Characters. Nulls and edges included."""
    assert call("length", *columns) == result
