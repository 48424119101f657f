"""`contains`. Parts."""

from __future__ import annotations

import pytest

from tests.functions.columns import Plain, call


@pytest.mark.parametrize(
    ("columns", "result"),
    [
        ([["link down", "up", None], ["down", "down", "down"]], [True, False, None]),
        ([["a.c", "abc"], ["a.c", "a.c"]], [True, False]),
    ],
)
def test_contains(columns: list[list[Plain]], result: list[Plain]) -> None:
    """Parts. Nulls and edges included."""
    assert call("contains", *columns) == result
