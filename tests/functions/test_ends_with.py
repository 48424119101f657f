"""`ends_with`. Ends."""

from __future__ import annotations

import pytest

from tests.functions.columns import Plain, call


@pytest.mark.parametrize(
    ("columns", "result"),
    [
        ([["core-1", "core-2", None], ["-1", "-1", "-1"]], [True, False, None]),
    ],
)
def test_ends_with(columns: list[list[Plain]], result: list[Plain]) -> None:
    """Ends. Nulls and edges included."""
    assert call("ends_with", *columns) == result
