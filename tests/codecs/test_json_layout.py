"""Structs for the wanted fields."""

from __future__ import annotations

import msgspec
import pytest

from streamwatchd.codecs.json_layout import build_layout, places

NUMBER = float | None


def test_only_wanted_fields_are_read() -> None:
    """Others are skipped whatever they hold; missing ones are None; nested ones have getters of their own."""
    layout = build_layout({"a b": NUMBER, "o.p.q": NUMBER, "o.r": str | None})
    assert layout is not None
    found = layout.decode(b'{"a b":1,"o":{"p":{"q":2,"z":[]},"r":"x"},"more":{"a b":5}}')
    assert [[getter(found) for getter in getters] for getters in layout.getters.values()] == [
        [1],
        [None, 2],
        [None, "x"],
    ]
    assert [[getter(layout.empty) for getter in getters] for getters in layout.getters.values()] == [
        [None],
        [None, None],
        [None, None],
    ]
    with pytest.raises(msgspec.ValidationError):
        layout.decode(b'{"o":{"r":5}}')


def test_places_of_names() -> None:
    """A name with dots may stand whole or nested."""
    assert places("a") == (("a",),)
    assert places("a.b.c") == (("a.b.c",), ("a", "b", "c"))


def test_a_name_that_is_value_and_object_has_no_struct() -> None:
    """The decoder then reads record by record."""
    assert build_layout({"a": NUMBER, "a.b": NUMBER}) is None
    assert build_layout({"x.a": NUMBER, "x.a.b": NUMBER}) is None
    assert build_layout({"a": NUMBER, "ab": NUMBER, "b.a": NUMBER}) is not None
