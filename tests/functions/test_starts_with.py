"""`starts_with`. Beginnings."""

from __future__ import annotations

import pytest

from tests.functions.columns import Plain, call


@pytest.mark.parametrize(
    ("columns", "result"),
    [
        ([["core-1", "edge-1", None, "core"], ["core", "core", "core", None]], [True, False, None, None]),
        ([["a", "a"], ["", "A"]], [True, False]),
    ],
)
def test_starts_with(columns: list[list[Plain]], result: list[Plain]) -> None:
    """Beginnings. Nulls and edges included."""
    assert call("starts_with", *columns) == result
