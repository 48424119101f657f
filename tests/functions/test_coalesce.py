"""`coalesce`. The first that is there."""

from __future__ import annotations

import pytest

from tests.functions.columns import Plain, call


@pytest.mark.parametrize(
    ("columns", "result"),
    [
        ([[1.0, None, None], [5.0, 6.0, None], [7.0, 8.0, 9.0]], [1.0, 6.0, 9.0]),
        ([["a", None, None], ["x", "b", None]], ["a", "b", None]),
        ([[True, None, False], [False, True, True]], [True, True, False]),
    ],
)
def test_coalesce(columns: list[list[Plain]], result: list[Plain]) -> None:
    """The first that is there. Nulls and edges included."""
    assert call("coalesce", *columns) == result
