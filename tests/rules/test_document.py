"""Places of values, and of parts of their text."""

from __future__ import annotations

import pytest

from streamwatchd.rules.document import MAX_SHOWN, Document, Mapping, Scalar
from streamwatchd.rules.reader import parse


def scalar(text: str) -> tuple[Document, Scalar]:
    document = parse("f.yaml", text.encode())
    assert isinstance(document.top, Mapping)
    node = document.top.entries[0][1]
    assert isinstance(node, Scalar)
    return document, node


@pytest.mark.parametrize(
    "text",
    [
        "when: cpu > WORD\n",
        "when: 'cpu > WORD'\n",
        "when: 'it''s > WORD'\n",
        'when: "cpu > WORD"\n',
        'when: "a\\tb\\x41\\u00e9 > WORD"\n',
        'when: "a\\\n   b > WORD"\n',
        "when: cpu >\n  5 and\n  WORD\n",
        "when: |\n  cpu > 5\n  and WORD\n",
        "when: >-\n  cpu > 5\n  and WORD\n",
        "when: >\n\n  cpu\n\n  > WORD\n",
        "when: |2\n    cpu\n    WORD\n",
        "é: ü > WORD\n",
        "when: &a cpu > WORD\n",
        "\ufeffwhen: cpu > WORD\n",
        "when: cpu > WORD # note\r\nx: 1\r\n",
    ],
)
def test_a_part_of_a_scalar_is_found_in_the_file(text: str) -> None:
    """In every style of scalar: quoted, folded, block."""
    document, found = scalar(text)
    at = found.text.index("WORD")
    span = document.within(found, at, at + 4)
    assert document.line(span.line)[span.column - 1 : span.end_column - 1] == "WORD"


def test_a_place_past_the_end_is_just_behind_the_text() -> None:
    """Where something is missing."""
    document, found = scalar("when: cpu >\n")
    span = document.within(found, 5, 5)
    assert (span.line, span.column) == (1, 12)


def test_a_span_is_cut_to_its_first_line() -> None:
    """Carets never run over."""
    span = Document("f", "ab\ncd\n").span(1, 5)
    assert (span.line, span.column, span.end_line, span.end_column) == (1, 2, 1, 3)


def test_a_long_line_is_shown_cut_and_without_carets_past_the_cut() -> None:
    """A terminal stays readable."""
    document = Document("f", "x" * 10_000)
    assert len(document.shown_line(document.span(5, 6))) == MAX_SHOWN
    assert document.shown_line(document.span(5_000, 5_001)) == ""
