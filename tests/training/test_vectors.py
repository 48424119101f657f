"""A rule that runs nowhere is told; what the daemon would see is shown by tests/testing/test_vectors.py."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from streamwatchd.errors import UnreadableInput
from streamwatchd.training.vectors import vectors_of


def test_a_rule_that_does_not_run_is_told() -> None:
    driver: Any = SimpleNamespace(shards=[])
    with pytest.raises(UnreadableInput, match="no anomaly rule `odd` runs"):
        vectors_of([], driver, SimpleNamespace(), "odd", lambda events: None)  # type: ignore[arg-type]
