"""Text → tree as written, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatchd.lang import contains_aggregate, syntax
from streamwatchd.lang.parser import parse, parse_condition
from streamwatchd.lang.printer import print_condition, print_expr
from streamwatchd.lang.problem import Problem

CANONICAL = [
    ("cpu>85%AND service=billing", "cpu > 85% and service == billing"),
    ("a OR b And c", "a or b and c"),
    ("(a or b) and c", "(a or b) and c"),
    ("a and (b and c)", "a and b and c"),
    ("NOT a", "not a"),
    ("not (a and b)", "not (a and b)"),
    ("a <> 'b'", 'a != "b"'),
    ("a Is Not Null", "a is not null"),
    ("a NOT IN (1, 'b', c,)", 'a not in (1, "b", c)'),
    ("1 - (2 - 3) - 4", "1 - (2 - 3) - 4"),
    ("(1 - 2) * -3", "(1 - 2) * -3"),
    ("(a == b) == c", "(a == b) == c"),
    ("+a", "a"),
    ("- -a", "--a"),
    ("sum(cpu over 5m) > 60% * sum(cpu over 5m by node)", "sum(cpu over 5m) > 60% * sum(cpu over 5m by node)"),
    ("sum(x by [a, b] ago 1h over 5m where c)", "sum(x where c over 5m ago 1h by a b)"),
    ("sum(x by a, b)", "sum(x by a b)"),
    ("count()", "count()"),
    ("count(WHERE status>=500)", "count(where status >= 500)"),
    ("p99.9(x over 1h30m)", "p99.9(x over 1h30m)"),
    ("predict(x over 1h in 4h) > 5", "predict(x over 1h in 4h) > 5"),
    ("x/s > 5/s", "x / s > 5/s"),
    ("`in` > 5 and `x` > 3", "`in` > 5 and `x` > 3"),
    ("x ~ 'a\\.b'", 'x ~ "a\\.b"'),
    ("x == 'it\\'s'", 'x == "it\'s"'),
    ('x == "say \\"hi\\""', 'x == "say \\"hi\\""'),
    ("temp > 5°C and λ > 2µs", "temp > 5°C and λ > 2µs"),
    (" a\n  and\tb ", "a and b"),
]


@pytest.mark.parametrize(("text", "canonical"), CANONICAL)
def test_canonical_text(text: str, canonical: str) -> None:
    """The printer writes one form, which reads back as the same tree."""
    tree = parse(text)
    assert not isinstance(tree, Problem), tree
    assert print_expr(tree) == canonical
    assert parse(canonical) == tree


@pytest.mark.parametrize("text", ["a", "a for 5m", "a until b", "a until b for 2m", "a > 5 for 5m until a < 3 for 2m"])
def test_conditions_print_as_they_are_read(text: str) -> None:
    """All four shapes of the clause."""
    tree = parse_condition(text)
    assert not isinstance(tree, Problem)
    assert print_condition(tree) == text


@pytest.mark.parametrize("text", [text for text, _ in CANONICAL])
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


@pytest.mark.parametrize(
    ("text", "found"),
    [("cpu > 5", False), ("abs(cpu) > 5", False), ("1 + abs(avg(cpu))", True), ("p95(x)", True), ("count() > 3", True)],
)
def test_an_aggregate_is_found_anywhere(text: str, found: bool) -> None:
    """Whether a rule is judged on windows or on single events."""
    tree = parse(text)
    assert not isinstance(tree, Problem)
    assert contains_aggregate(tree) == found


names = st.sampled_from(["cpu", "error_rate", "devices.role", "in", "over", "p99.9", "AND", "weird-name", "ß"])
numbers = st.sampled_from(["0", "1", "2.5", ".5", "1e3", "85%", "400ms", "1h30m", "10MiB/s", "5/s", "1_000", "2dB"])
durations = st.none() | st.sampled_from(["500ms", "5m", "1h30m", "7d"]).map(syntax.Number)
keys = st.lists(names.map(lambda name: _name(name)), max_size=3).map(tuple)


def _name(name: str) -> syntax.Name:
    return syntax.Name(
        name, quoted=(not name.replace(".", "").isalnum() and "-" in name) or name in ("in", "over", "AND")
    )


def _flat(kind: type[syntax.And] | type[syntax.Or], args: list[syntax.Expr]) -> syntax.Expr:
    return kind(tuple(part for arg in args for part in (arg.args if isinstance(arg, kind) else (arg,))))


leaves = st.one_of(
    names.map(_name),
    numbers.map(syntax.Number),
    st.text(max_size=8).map(syntax.String),
    st.sampled_from([True, False, None]).map(syntax.Constant),
)


def _branches(inner: st.SearchStrategy[syntax.Expr]) -> st.SearchStrategy[syntax.Expr]:
    several = st.lists(inner, min_size=2, max_size=3)
    operators = st.sampled_from(["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">="])
    functions = st.sampled_from(["avg", "count", "p99.9", "coalesce", "firing"])
    arguments = st.lists(inner, max_size=2).map(tuple)
    calls = st.builds(syntax.Call, functions, arguments, st.none() | inner, durations, durations, st.none(), keys)
    return st.one_of(
        st.builds(syntax.Binary, operators, inner, inner),
        st.builds(syntax.Match, inner, inner),
        st.builds(syntax.In, inner, several.map(tuple), st.booleans()),
        st.builds(syntax.IsNull, inner, st.booleans()),
        st.builds(syntax.Negate, inner),
        st.builds(syntax.Not, inner),
        several.map(lambda args: _flat(syntax.And, args)),
        several.map(lambda args: _flat(syntax.Or, args)),
        calls,
    )


@given(st.recursive(leaves, _branches, max_leaves=12))
def test_printed_trees_read_back(tree: syntax.Expr) -> None:
    """`parse(print(e)) == e` for any tree."""
    assert parse(print_expr(tree)) == tree


@given(st.text(alphabet="ab .5%()[]<>=!~'\"`{}&|,+-*/\\\n\tandornotinisovrxbyµ€", max_size=40))
def test_any_text_is_a_tree_or_a_problem_with_a_place(text: str) -> None:
    """Nothing typed into a rule can raise, and a problem lies in the text."""
    tree = parse(text)
    if isinstance(tree, Problem):
        assert 0 <= tree.start <= tree.end <= len(text)
        assert tree.message
        assert tree.hint or tree.label
