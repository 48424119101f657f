"""Text → tree as written, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatchd.lang.parser import parse
from streamwatchd.lang.printer import print_expr
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


@given(st.text(alphabet="ab .5%()[]<>=!~'\"`{}&|,+-*/\\\n\tandornotinisovrxbyµ€", max_size=40))
def test_any_text_is_a_tree_or_a_problem_with_a_place(text: str) -> None:
    """Nothing typed into a rule can raise, and a problem lies in the text."""
    tree = parse(text)
    if isinstance(tree, Problem):
        assert 0 <= tree.start <= tree.end <= len(text)
        assert tree.message
        assert tree.hint or tree.label
