"""Comparisons."""

from __future__ import annotations

from streamwatchd.lang import check
from streamwatchd.lang.scope import Scope
from streamwatchd.lang.typed import (
    STRING,
    Compare,
    Field,
)
from tests.lang.meaning import literal, meaning


def test_a_bare_word_is_text_unless_something_declared_has_its_name(row: Scope, open_row: Scope) -> None:
    """`service = host` compares two fields, `service = billing` a field with a text."""
    assert meaning("service == host", row) == Compare("==", Field("service", STRING), Field("host", STRING))
    assert literal("service == billing", row) == "billing"
    assert literal("service == host", open_row) == "host"


def test_a_ratio_above_one_is_only_doubted_where_it_is_a_share(row: Scope, kpi: Scope) -> None:
    """A quotient of two sums may well be 2."""
    assert [problem.code for problem in check("error_rate > 5", row).problems] == ["SW224"]
    assert not check("error_rate > 1", row).problems
    assert not check("sum(octets) / sum(octets ago 1h) > 2", kpi).problems


def test_spaces_make_a_subtraction(open_row: Scope) -> None:
    """`x == a - 1` computes, `x == a-1` is a text without its quotes."""
    assert not check("x == a - 1", open_row).failed
    assert [problem.code for problem in check("x == a-1", open_row).problems] == ["SW227"]
    assert not check("x > a-1", open_row).failed
