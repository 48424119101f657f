"""Python once per distinct string."""

from __future__ import annotations

import numpy as np

from streamwatchd.batch import Dictionary, Strings
from streamwatchd.functions._textual import mapped, measured, paired


def test_each_distinct_string_is_looked_at_once() -> None:
    """A million equal rows cost one call, and dictionary entries that no row has cost none."""
    column = Strings(np.zeros(1_000_000, np.int32), Dictionary(["a", "unused"]))
    seen: list[str] = []

    def note(text: str) -> float:
        seen.append(text)
        return 1.0

    assert measured(column, note).sum() == 1_000_000
    mapped(column, lambda text: seen.append(text) or text)  # type: ignore[func-returns-value]
    paired(column, column, lambda one, other: bool(seen.append(one + other)))  # type: ignore[func-returns-value]
    assert seen == ["a", "a", "aa"]


def test_results_join_the_dictionary() -> None:
    """Codes that were given before keep their meaning."""
    column = Strings(np.array([0, -1, 1], np.int32), Dictionary(["A", "b"]))
    result = mapped(column, str.lower)
    assert result.dictionary is column.dictionary
    assert result.dictionary.names == ["A", "b", "a"]
    assert result.to_list() == ["a", None, "b"]
