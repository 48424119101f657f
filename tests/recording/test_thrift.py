"""Thrift's compact protocol."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatchd.recording.thrift import (
    BINARY,
    BYTE,
    DOUBLE,
    FALSE,
    I16,
    I32,
    I64,
    LIST,
    STRUCT,
    TRUE,
    Field,
    Items,
    Struct,
    read_struct,
    struct_bytes,
)

_SCALARS = {
    BYTE: st.integers(0, 255),
    I16: st.integers(-(2**15), 2**15 - 1),
    I32: st.integers(-(2**31), 2**31 - 1),
    I64: st.integers(-(2**63), 2**63 - 1),
    DOUBLE: st.binary(min_size=8, max_size=8),
    BINARY: st.binary(max_size=300),
}


def fields(inner: st.SearchStrategy[Struct] | None) -> st.SearchStrategy[Field]:
    found = [st.builds(Field, st.just(kind), values) for kind, values in _SCALARS.items()]
    found += [st.just(Field(TRUE, True)), st.just(Field(FALSE, False))]
    kinds = dict(_SCALARS)
    if inner is not None:
        found.append(st.builds(Field, st.just(STRUCT), inner))
        kinds[STRUCT] = inner  # type: ignore[assignment]
    for kind, values in kinds.items():
        items = st.builds(Items, st.just(kind), st.lists(values, max_size=20))
        found.append(st.builds(Field, st.just(LIST), items))
    return st.one_of(found)


def structs(inner: st.SearchStrategy[Struct] | None) -> st.SearchStrategy[Struct]:
    return st.dictionaries(st.integers(1, 200), fields(inner), max_size=5)


@given(structs(structs(structs(None))))
def test_what_is_written_is_read(struct: Struct) -> None:
    """Every type, fields far apart, long lists, structs in structs."""
    assert read_struct(struct_bytes(struct)) == struct


@pytest.mark.parametrize(
    ("struct", "written"),
    [
        ({}, "00"),
        ({1: Field(I32, 1)}, "15 02 00"),
        ({1: Field(I32, -1), 20: Field(I64, 300)}, "15 01 06 28 d8 04 00"),
        ({2: Field(TRUE, True), 3: Field(BINARY, b"ab")}, "21 18 02 61 62 00"),
        ({1: Field(LIST, Items(I32, [1, 2]))}, "19 25 02 04 00"),
        ({1: Field(LIST, Items(I32, [0] * 15))}, "19 f5 0f" + " 00" * 15 + " 00"),
    ],
)
def test_bytes_by_the_specification(struct: Struct, written: str) -> None:
    """Worked out by hand."""
    assert struct_bytes(struct) == bytes.fromhex(written)
    assert read_struct(bytes.fromhex(written)) == struct


@pytest.mark.parametrize("data", ["", "15", "15 02", "1b 00 00"])
def test_what_is_no_struct_is_an_error(data: str) -> None:
    """Cut off, or a map, which Parquet has none of."""
    with pytest.raises(ValueError, match=r"cut off|does not occur"):
        read_struct(bytes.fromhex(data))
