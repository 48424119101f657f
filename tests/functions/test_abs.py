"""`abs`. A number without its sign."""

from __future__ import annotations

import pytest

from tests.functions.columns import Plain, call


@pytest.mark.parametrize(
    ("columns", "result"),
    [
        ([[-3.0, 0.0, None, 2.5]], [3.0, 0.0, None, 2.5]),
    ],
)
def test_abs(columns: list[list[Plain]], result: list[Plain]) -> None:
    """A number without its sign. Nulls and edges included."""
    assert call("abs", *columns) == result
