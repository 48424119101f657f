"""Columns: dictionary codes, nulls, and taking rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatchd.batch import Column, Dictionary, Frame, Integers, Strings, key_text, take, to_values

TEXTS = st.lists(st.none() | st.sampled_from(["a", "b", "", "ü", "null"]))


@given(st.lists(TEXTS))
def test_codes_are_dense_and_never_change(batches: list[list[str | None]]) -> None:
    """Batch after batch: a string keeps the code of its first appearance, null is −1."""
    dictionary = Dictionary()
    for batch in batches:
        before = list(dictionary.names)
        codes = dictionary.encode(batch).tolist()
        assert dictionary.names[: len(before)] == before
        assert [dictionary.names[code] if code >= 0 else None for code in codes] == batch
    assert len(set(dictionary.names)) == len(dictionary.names)


def test_a_dictionary_starts_with_the_names_it_is_given() -> None:
    """In their order; a name twice counts once."""
    assert Dictionary(["x", "y", "x"]).encode(["y", "x", None, "z"]).tolist() == [1, 0, -1, 2]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (np.array([1.5, np.nan, -0.0]), [1.5, None, 0.0]),
        (np.array([0, 1, 2], np.int8), [False, None, True]),
        (Strings(np.array([1, -1, 0], np.int32), Dictionary(["a", "b"])), ["b", None, "a"]),
    ],
)
def test_values_of_each_kind_of_column(column: Column, values: list[object]) -> None:
    """Null is NaN, 1 and −1; people see None."""
    assert to_values(column) == values
    assert to_values(take(column, np.array([2, 0]))) == [values[2], values[0]]
    assert to_values(take(column, np.array([False, True, False]))) == [None]


def test_taking_rows_of_a_frame_keeps_columns_and_positions_together() -> None:
    """And forgets what was computed for the whole."""
    frame = Frame(np.array([10, 20, 30]), {"x": np.array([1.0, 2.0, 3.0])}, np.array([4, 6, 9]))
    frame.memo["node"] = "result"
    taken = frame.take(np.array([True, False, True]))
    assert (taken.time.tolist(), to_values(taken.columns["x"])) == ([10, 30], [1.0, 3.0])
    assert taken.position is not None
    assert taken.position.tolist() == [4, 9]
    assert not taken.memo


def test_a_frame_without_positions_stays_without() -> None:
    """Derived rows come from no record."""
    assert Frame(np.array([1, 2]), {}).take(np.array([0])).position is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5.0, "5"),
        (5, "5"),
        (5.5, "5.5"),
        (-0.5, "-0.5"),
        (2.0**53, "9007199254740992"),
        (1e15, "1000000000000000"),
        (1e16, "1e+16"),
        (True, "true"),
        (False, "false"),
        ("5.0", "5.0"),
        (None, None),
    ],
)
def test_keys_have_one_text(value: float | str | bool | None, text: str | None) -> None:
    """Whole numbers without a point (a CSV file says 5, not 5.0), up to where floats print with an exponent."""
    assert key_text(value) == text


def test_integers_are_a_sequence_of_pythons_own() -> None:
    """Also those of a slice; and an array for what wants one, which may then be changed."""
    integers = Integers(np.array([3, 1, 2]))
    assert [type(each) for each in (integers[0], integers[-1], *integers)] == [int] * 5
    assert (list(integers), list(integers[1:]), len(integers)) == ([3, 1, 2], [1, 2], 3)
    np.array(integers, np.int64)[0] = 9
    assert np.asarray(integers, np.float64).tolist() == [3.0, 1.0, 2.0]
    with pytest.raises(IndexError):
        integers[3]
