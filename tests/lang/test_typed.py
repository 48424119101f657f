"""The typed tree."""

from __future__ import annotations

from streamwatchd.lang.scope import Scope
from streamwatchd.lang.typed import Field, children, conjunction, conjuncts, walk
from tests.lang.meaning import PERCENT, meaning


def test_walking_finds_every_node(row: Scope) -> None:
    """Parents first, left to right."""
    names = [node.name for node in walk(meaning("cpu > 1 and abs(mem) > cpu", row)) if isinstance(node, Field)]
    assert names == ["cpu", "mem", "cpu"]
    assert children(Field("cpu", PERCENT)) == ()


def test_conjuncts_and_back(row: Scope) -> None:
    """An `and` is its parts; nothing is nothing."""
    both = meaning("cpu > 1 and mem > 2", row)
    assert len(conjuncts(both)) == 2
    assert conjunction(conjuncts(both)) == both
    assert conjuncts(None) == ()
    assert conjunction(()) is None
    assert conjunction(conjuncts(both)[:1]) == meaning("cpu > 1", row)
