"""`round`. Rounding."""

from __future__ import annotations

import pytest

from tests.functions.columns import Plain, call


@pytest.mark.parametrize(
    ("columns", "result"),
    [
        ([[2.5, -2.5, 0.49999, 1e300, None]], [3.0, -3.0, 0.0, 1e300, None]),
        ([[3.14159, 2.675, 1250.0, -0.125], [2.0, 2.0, -2.0, 2.0]], [3.14, 2.68, 1300.0, -0.13]),
        ([[4503599627370497.0, 0.1], [2.0, 20.0]], [4503599627370497.0, 0.1]),
    ],
)
def test_round(columns: list[list[Plain]], result: list[Plain]) -> None:
    """Rounding. Nulls and edges included."""
    assert call("round", *columns) == result
