"""`exp`. e to the power."""

from __future__ import annotations

import pytest

from tests.functions.columns import Plain, call


@pytest.mark.parametrize(
    ("columns", "result"),
    [
        ([[0.0, 1000.0, -1000.0, None]], [1.0, None, 0.0, None]),
    ],
)
def test_exp(columns: list[list[Plain]], result: list[Plain]) -> None:
    """e to the power. Nulls and edges included."""
    assert call("exp", *columns) == result
