"""Internal records come back as they went in, and nothing else goes in."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatchd.packing import pack, unpack, weight

SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS | st.binary(), lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(0, 9), inner)
)


@given(VALUES)
def test_values_come_back_as_they_went_in(value: object) -> None:
    """Scalars, lists and mappings with any scalar keys, nested as one likes."""
    assert unpack(pack(value)) == value


@pytest.mark.parametrize("dtype", ["i1", "i4", "i8", "u8", "f8", "?", "U3"])
@pytest.mark.parametrize("size", [0, 1, 7])
def test_arrays_keep_type_and_values(dtype: str, size: int) -> None:
    """Also empty ones; what comes back may be written to."""
    array = np.arange(size).astype(dtype)
    back = unpack(pack({"column": array}))["column"]
    assert back.dtype == array.dtype
    assert back.tolist() == array.tolist()
    assert back.flags.writeable


@given(VALUES)
def test_weight_is_about_the_bytes(value: object) -> None:
    """Of values without long lists; a list of equal items weighs in proportion."""
    assert len(pack(value)) / 10 - 20 <= weight(value) <= 10 * len(pack(value)) + 20
    assert weight([value] * 1_000) == pytest.approx(1_000 * weight(value), rel=0.01, abs=10)


def test_a_strided_array_is_packed_by_its_values() -> None:
    """A view that skips entries in memory."""
    assert unpack(pack(np.arange(10)[::3])).tolist() == [0, 3, 6, 9]


def test_tuples_become_lists() -> None:
    """The one thing that changes its kind."""
    assert unpack(pack((1, (2, "x")))) == [1, [2, "x"]]


@pytest.mark.parametrize("value", [object(), print, np.zeros((2, 2)), np.float32(1)])
def test_other_things_are_refused(value: object) -> None:
    """Objects, functions, tables of two dimensions, numpy scalars: a bug shows where it is made."""
    with pytest.raises(TypeError):
        pack(value)


@pytest.mark.parametrize("data", [b"", b"\x92\x01", pack([1, np.arange(4)])[:-1], pack(1) + b"x"])
def test_torn_bytes_are_noticed(data: bytes) -> None:
    """Cut anywhere, or with something behind the end."""
    with pytest.raises(msgspec.DecodeError):
        unpack(data)
