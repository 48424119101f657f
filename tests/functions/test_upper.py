"""`upper`. Capitals."""

from __future__ import annotations

import pytest

from tests.functions.columns import Plain, call


@pytest.mark.parametrize(
    ("columns", "result"),
    [
        ([["Core-a", "straße", None, "x"]], ["CORE-A", "STRASSE", None, "X"]),
    ],
)
def test_upper(columns: list[list[Plain]], result: list[Plain]) -> None:
    """Capitals. Nulls and edges included."""
    assert call("upper", *columns) == result
