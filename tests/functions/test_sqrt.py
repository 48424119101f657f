"""`sqrt`. The square root."""

from __future__ import annotations

import pytest

from tests.functions.columns import Plain, call


@pytest.mark.parametrize(
    ("columns", "result"),
    [
        ([[9.0, 0.0, -1.0, None]], [3.0, 0.0, None, None]),
    ],
)
def test_sqrt(columns: list[list[Plain]], result: list[Plain]) -> None:
    """The square root. Nulls and edges included."""
    assert call("sqrt", *columns) == result
