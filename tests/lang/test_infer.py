"""Kinds of undeclared fields, from their uses."""

from __future__ import annotations

import pytest

from streamwatchd.functions import signatures
from streamwatchd.lang import check
from streamwatchd.lang.scope import Scope
from streamwatchd.lang.typed import (
    BOOL,
    Kind,
)
from tests.lang.meaning import PLAIN


@pytest.mark.parametrize(
    ("text", "infers"),
    [
        ("status >= 500", {"status": Kind.NUMBER}),
        ("service = billing", {"service": Kind.STRING}),
        ("enabled and not broken", {"enabled": Kind.BOOL, "broken": Kind.BOOL}),
        ("a == `b` and `b` ~ 'x'", {"a": Kind.STRING, "b": Kind.STRING}),
        ("coalesce(a, b) > 5", {"a": Kind.NUMBER, "b": Kind.NUMBER}),
        ("event in (up, down)", {"event": Kind.STRING}),
        ("x + y > 1 or lower(z) == 'a'", {"x": Kind.NUMBER, "y": Kind.NUMBER, "z": Kind.STRING}),
        ("x is null", {"x": None}),
        ("error == true", {"error": Kind.BOOL}),
    ],
)
def test_uses_tell_the_kind_of_an_undeclared_field(open_row: Scope, text: str, infers: dict[str, Kind | None]) -> None:
    """A source needs no declarations to be used."""
    checked = check(text, open_row, BOOL.kind, signatures())
    assert checked.infers == infers
    assert not checked.failed


def test_the_kind_of_a_field_reaches_through_aggregates(open_alarm: Scope) -> None:
    """`last(x) == "up"` makes x text, `ratio(c)` makes c true or false."""
    checked = check("last(x over 5m) == up and ratio(c over 5m) > 1% and count(where y > 1 over 5m) > 3", open_alarm)
    assert checked.infers == {"x": Kind.STRING, "c": Kind.BOOL, "y": Kind.NUMBER}


def test_kinds_known_from_other_expressions_are_used(open_row: Scope) -> None:
    """A second round of checks knows what the first one inferred."""
    scope = open_row.with_inferred({"x": PLAIN})
    assert not check("x is null", scope).problems
    assert [problem.code for problem in check("x == 'a'", scope).problems] == ["SW207"]
    assert check("x > 5", scope).infers == {}


def test_a_conflict_is_reported_once(open_row: Scope) -> None:
    """At the second use; the field is left out of what is inferred."""
    checked = check("x > 5 and x == 'a' and x == 'b' and y > 1", open_row)
    assert [problem.code for problem in checked.problems] == ["SW206"]
    assert checked.infers == {"y": Kind.NUMBER}
