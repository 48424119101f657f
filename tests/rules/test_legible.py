"""Expressions that can't be read, in bases that nobody extends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streamwatchd.rules.loader import Loaded

Check = Callable[..., Loaded]


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("where: ((", "SW1"),
        ("when: avg(cpu over) >", "SW1"),
        ("values: {a: avg(cpu over 5m}", "SW1"),
        ("levels: {major: 'cpu >'}", "SW1"),
        ("message: '{cpu'", "SW111"),
        ("message: '{cpu +}'", "SW1"),
        ("sequence: [cpu > 1, 'cpu >']", "SW1"),
        ("sequence: [cpu > 1, {api: 'cpu >'}]", "SW1"),
    ],
)
def test_what_cannot_be_read_is_told_where_the_base_stands(check: Check, word: str, code: str) -> None:
    """Once, in its line, with the name of the base."""
    (found,) = check(f"bases:\n  - alarm: idle\n    {word}\n").diagnostics
    assert found.span is not None
    assert (found.code.startswith(code), found.span.line, found.rule) == (True, 3, "idle")


def test_names_are_for_whoever_extends_it(check: Check) -> None:
    """Fields that nobody declares, and parameters that rules give."""
    words = "where: x == y\n    when: top > limit for 5m until top < 5\n    message: '{top} {{}}'\n    values: {v: ~}\n"
    assert check(f"bases:\n  - alarm: idle\n    {words}").diagnostics == ()
