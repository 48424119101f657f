"""`least`. The smallest."""

from __future__ import annotations

import pytest

from tests.functions.columns import Plain, call


@pytest.mark.parametrize(
    ("columns", "result"),
    [
        ([[3.0, None, None], [1.0, 2.0, None], [2.0, 5.0, None]], [1.0, 2.0, None]),
    ],
)
def test_least(columns: list[list[Plain]], result: list[Plain]) -> None:
    """The smallest. Nulls and edges included."""
    assert call("least", *columns) == result
