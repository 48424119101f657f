"""Trees as written."""

from __future__ import annotations

import pytest

from streamwatchd.lang import syntax
from streamwatchd.lang.parser import parse
from streamwatchd.lang.problem import Problem


@pytest.mark.parametrize(
    "text",
    [
        "a and not b or c",
        "sum(x where `c` over 5m ago 1h by [a, b]) > -60% * y",
        "x not in (a, 'b', 3)",
        "x ~ 'a' and y is not null",
        "(( a )) + 1",
    ],
)
def test_every_node_knows_its_place(text: str) -> None:
    """Places lie in the text, and those of children in those of their parents."""
    tree = parse(text)
    assert not isinstance(tree, Problem)
    for node in syntax.walk(tree):
        assert 0 <= node.start < node.end <= len(text)
        for child in syntax.children(node):
            assert node.start <= child.start
            assert child.end <= node.end
        if isinstance(node, syntax.Number):
            assert text[node.start : node.end] == node.text
        if isinstance(node, syntax.Name):
            assert text[node.start : node.end].strip("`") == node.name


def test_depth_counts_levels() -> None:
    """A name is one level, an `and` of a thousand two."""
    for text, levels in (("a", 1), (" and ".join("a" * 1000), 2), ("((a))", 1), ("-a + 1", 3)):
        tree = parse(text)
        assert not isinstance(tree, Problem)
        assert syntax.depth(tree) == levels
