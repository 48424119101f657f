"""Files in canonical form: comments and layout stay, expressions get one spelling."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.rules import rule_spec
from streamwatchd.rules.formatting import formatted, same_tree
from streamwatchd.rules.reader import parse
from streamwatchd.rules.written import SHARED_NAME

ROOT = Path(__file__).parents[2]


def text_of(text: str) -> str:
    """Formatted, and formatted again without a change."""
    document = parse("a.yaml", text.encode())
    assert document.top is not None, document.diagnostics
    found = formatted(document, rule_spec.FILE)
    again = parse("a.yaml", found.encode())
    assert same_tree(document.top, again.top)
    assert formatted(again, rule_spec.FILE) == found
    return found


RULE = "source: web\nrules:\n  - alarm: a\n    when: {when}\n"


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ('error_rate > 5% AND service = "billing"', 'error_rate > 5% and service == "billing"'),
        ("((a > 1)) OR (b<2 and NOT (c))", "a > 1 or b < 2 and not c"),
        ("avg( x  over 5m )>3 FOR 2m UNTIL avg(x over 5m)<2", "avg(x over 5m) > 3 for 2m until avg(x over 5m) < 2"),
        ("s = 'x'   # why", 's == "x"  # why'),
        ("s = 'x'      # why", 's == "x"     # why'),
        ("'s = \"a: b\"'", "'s == \"a: b\"'"),
        ('"a=1 and b = 2"', '"a == 1 and b == 2"'),
        ("'a=1'", "'a == 1'"),
        ("a > 1", "a > 1"),
        ('"`odd name` = 1"', '"`odd name` == 1"'),
    ],
)
def test_expressions_have_one_spelling(when: str, expected: str) -> None:
    """Words, operators, parentheses; a comment behind stays in its column where there is room."""
    assert text_of(RULE.format(when=when)) == RULE.format(when=expected)


@pytest.mark.parametrize("line", ["a=1 AND b = 2 # fmt: skip", "'a=1'  # why; fmt: skip  # and more # fmt: skip"])
def test_a_line_that_says_so_keeps_its_spelling(line: str) -> None:
    """Where the words are meant; the next line is not spared."""
    text = f"source: web\nrules:\n  - alarm: a\n    when: {line}\n    where: %s\n"
    assert text_of(text % "c=1") == text % "c == 1"


def test_in_braces_the_whole_line_is_spared() -> None:
    """A line has one comment."""
    text = "source: web\nrules:\n  - {alarm: a, when: a=1, where: b=2}  # fmt: skip\n  - {alarm: b, when: a=1}\n"
    assert text_of(text) == text.replace("b, when: a=1", "b, when: a == 1")


def test_the_rest_stays_as_it_is() -> None:
    """Messages, names, block texts with their blanks, comments, order; only blanks at line ends and empty lines go."""
    text = (
        "# top   \n\n\n\nsource: web\r\nrules:\n  - {alarm: a, by: [x,y], when: a=1, severity: major}   \n"
        '  - alarm: b\n    by: shop\n    message: "{a} AND  b"\n    when: |\n      a=1\n\n\n      and b=2\n'
        "    values: {n: 'count(where s in (1,2) over 1m)'}\n\n\n"
    )
    assert text_of(text) == (
        "# top\n\nsource: web\nrules:\n  - {alarm: a, by: [x,y], when: a == 1, severity: major}\n"
        '  - alarm: b\n    by: shop\n    message: "{a} AND  b"\n    when: |\n      a=1\n\n\n      and b=2\n'
        "    values: {n: 'count(where s in (1, 2) over 1m)'}\n"
    )


def test_in_braces_a_comma_that_was_quoted_stays_quoted() -> None:
    """A plain value would be cut there."""
    text = "source: web\nrules: [{alarm: a, when: 's in (1,2)'}]\n"
    assert text_of(text) == "source: web\nrules: [{alarm: a, when: 's in (1, 2)'}]\n"


@pytest.mark.parametrize("path", sorted((ROOT / "rules.d").glob("*.yaml")), ids=lambda path: path.name)
def test_what_we_ship_is_formatted(path: Path) -> None:
    """Formatting changes nothing of it, the line of the mission that is written in operators' words included."""
    form = rule_spec.SHARED_FILE if path.name == SHARED_NAME else rule_spec.FILE
    form = None if path.name.endswith("_test.yaml") else form
    before = path.read_text()
    assert formatted(parse(str(path), before.encode()), form) == before


def test_operators_words_ship() -> None:
    """As the mission has them."""
    assert 'when: error_rate > 5% AND service = "billing"' in (ROOT / "rules.d" / "services.yaml").read_text()


_FOLDERS = (ROOT / "tests" / "cases" / "errors", ROOT / "tests" / "corpus")
MANY = sorted(path for folder in _FOLDERS for path in folder.rglob("*.yaml") if path.is_file())


def test_no_file_says_something_else_when_formatted() -> None:
    """Every file of ours that is YAML, good or bad; formatted twice it is the same text."""
    tried = 0
    for path in MANY:
        document = parse(str(path), path.read_bytes())
        if document.top is None or any(each.is_error for each in document.diagnostics):
            continue
        found = formatted(document, rule_spec.FILE)
        again = parse(str(path), found.encode())
        assert same_tree(document.top, again.top), path
        assert formatted(again, rule_spec.FILE) == found, path
        tried += 1
    assert tried > 100
