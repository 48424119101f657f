"""`floor`. The whole number below."""

from __future__ import annotations

import pytest

from tests.functions.columns import Plain, call


@pytest.mark.parametrize(
    ("columns", "result"),
    [
        ([[2.7, -2.1, 3.0, None]], [2.0, -3.0, 3.0, None]),
    ],
)
def test_floor(columns: list[list[Plain]], result: list[Plain]) -> None:
    """The whole number below. Nulls and edges included."""
    assert call("floor", *columns) == result
