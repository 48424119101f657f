"""`ln`. The natural logarithm."""

from __future__ import annotations

import pytest

from tests.functions.columns import Plain, call


@pytest.mark.parametrize(
    ("columns", "result"),
    [
        ([[1.0, 0.0, -1.0, None]], [0.0, None, None, None]),
    ],
)
def test_ln(columns: list[list[Plain]], result: list[Plain]) -> None:
    """The natural logarithm. Nulls and edges included."""
    assert call("ln", *columns) == result
