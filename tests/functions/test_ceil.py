"""`ceil`. The whole number above."""

from __future__ import annotations

import pytest

from tests.functions.columns import Plain, call


@pytest.mark.parametrize(
    ("columns", "result"),
    [
        ([[2.1, -2.7, 3.0, None]], [3.0, -2.0, 3.0, None]),
    ],
)
def test_ceil(columns: list[list[Plain]], result: list[Plain]) -> None:
    """The whole number above. Nulls and edges included."""
    assert call("ceil", *columns) == result
