"""Owners: who may read what."""

from __future__ import annotations

from streamwatchd.shard.owner import Owner


def test_an_owner_says_who_it_is() -> None:
    """In the words of a message to an operator."""
    assert str(Owner("shop", 2, 5, 3)) == "shard 3 of 5 of shop, layout 2"


def test_another_layout_is_another_owner() -> None:
    """Shard 0 of 2 is not shard 0 of 5, nor what it was before the last change of layout."""
    assert len({Owner("a", 0, 2, 0), Owner("a", 0, 5, 0), Owner("a", 1, 2, 0), Owner("b", 0, 2, 0)}) == 4
