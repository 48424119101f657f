"""Structs for the wanted fields."""

from __future__ import annotations

import msgspec
import pytest

from streamwatchd.codecs.json_layout import build_layout, places

NUMBER = float | None


def test_only_wanted_fields_are_read() -> None:
    """Others are skipped whatever they hold; missing ones are None."""
    layout = build_layout({"a b": NUMBER, "o.r": str | None, "c": NUMBER})
    assert layout is not None
    found = [layout.decode(b'{"a b":1,"o":{"r":"x","z":[]},"more":{"a b":5}}'), layout.empty]
    assert {name: list(column) for name, column in layout.columns(found).items()} == {
        "a b": [1, None],
        "o.r": ["x", None],
        "c": [None, None],
    }
    with pytest.raises(msgspec.ValidationError):
        layout.decode(b'{"o":{"r":5}}')


def test_each_nested_value_comes_from_its_own_place() -> None:
    """Values and objects at every depth, in any order of names; the whole name comes before the path."""
    layout = build_layout({"o.p.q": NUMBER, "a": NUMBER, "o.r": NUMBER, "s.t": NUMBER, "o.p.u": NUMBER})
    assert layout is not None
    records = [
        b'{"a":1,"o":{"r":2,"p":{"q":3,"u":4}},"s":{"t":5}}',
        b'{"s.t":6,"s":{"t":7},"o":{"p":{"u":8}}}',
        b'{"o.p.q":9,"o.r":null,"o":{"r":10}}',
    ]
    assert {name: list(column) for name, column in layout.columns(list(map(layout.decode, records))).items()} == {
        "o.p.q": [3, None, 9],
        "a": [1, None, None],
        "o.r": [2, None, 10],
        "s.t": [5, 6, None],
        "o.p.u": [4, 8, None],
    }


def test_no_objects_have_empty_columns() -> None:
    """All fields are there, with no value."""
    layout = build_layout({"a": NUMBER, "o.p.q": NUMBER})
    assert layout is not None
    assert {name: list(column) for name, column in layout.columns([]).items()} == {"a": [], "o.p.q": []}


def test_places_of_names() -> None:
    """A name with dots may stand whole or nested."""
    assert places("a") == (("a",),)
    assert places("a.b.c") == (("a.b.c",), ("a", "b", "c"))


def test_a_name_that_is_value_and_object_has_no_struct() -> None:
    """The decoder then reads record by record."""
    assert build_layout({"a": NUMBER, "a.b": NUMBER}) is None
    assert build_layout({"x.a": NUMBER, "x.a.b": NUMBER}) is None
    assert build_layout({"a": NUMBER, "ab": NUMBER, "b.a": NUMBER}) is not None
