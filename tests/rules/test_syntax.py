"""YAML's own refusals, in the words of somebody who writes rules. The texts are in tests/cases/errors."""

from __future__ import annotations

import pytest
import yaml

from streamwatchd.rules import codes
from streamwatchd.rules.reader import parse
from streamwatchd.rules.syntax import quoted


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("when: a: b\n", codes.COLON_CUT),
        ("- message: a: b\n", codes.COLON_CUT),
        ("x: {a: b: c}\n", codes.COLON_CUT),
        ("x: {a: [b c}\n", codes.SYNTAX),
        ("when: > 5\n", codes.LEADING_INDICATOR),
        ("when: | 5\n", codes.LEADING_INDICATOR),
        ("- > 5\n", codes.LEADING_INDICATOR),
        ("when: `x`\n", codes.LEADING_INDICATOR),
        ('when: "a" == b\n', codes.QUOTED_PART),
        ("when: 'a' == b\n", codes.QUOTED_PART),
        ("when: [a] in b\n", codes.LEADING_INDICATOR),
        ("a:\n\t- b\n", codes.TAB),
        ("a: 'b\n", codes.CUT_SHORT),
        ("a: {b: [c\n", codes.CUT_SHORT),
        ("a: 1\n b: 2\n", codes.SYNTAX),
        ('a: "\\q"\n', codes.SYNTAX),
        ("%YAML 3.0\n---\na: 1\n", codes.SYNTAX),
    ],
)
def test_each_refusal_has_the_code_of_its_cause(text: str, code: str) -> None:
    """And a way out."""
    first = parse("f", text.encode()).diagnostics[0]
    assert first.code == code
    assert first.hint


@pytest.mark.parametrize("text", ["plain", "it's", 'say "x"', 'it\'s "x" \\ y', "a: b # c", "> 5"])
def test_quoting_gives_the_text_back(text: str) -> None:
    """What a hint proposes is right."""
    assert yaml.safe_load(quoted(text)) == text
