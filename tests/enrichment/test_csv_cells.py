"""Tables in CSV."""

from __future__ import annotations

import pytest

from streamwatchd.enrichment.reader import read_table
from tests.enrichment.files import problems, values


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"\nx\n", 1, "the file has no header line"),
        (b"k,,v\n", 1, "column 2 has no name"),
        (b"k,v,v\n", 1, "column `v` is there twice"),
        (b"k;v\n1;2\n", 1, "cells are separated by `;`"),
        (b"k,v\na,1\nb\n", 3, "the line has 1 cell, the header 2"),
        (b"k,v\na,1,2\n", 2, "the line has 3 cells, the header 2"),
        (b'k,v\na,"one\ntwo"\nb\n', 4, "the line has 1 cell, the header 2"),
        (b'k,v\na,"torn', 2, "the file is not CSV: a quote is never closed"),
        (b"k,v\na,1\nb,\xff\n", 3, "the file is not UTF-8"),
        (b"k,v\na,1\nb,2\na,3\n", 4, "the key `a` stands in line 2 already"),
        (b"k,v\na,1\n,2\n", 3, "the key `k` is empty"),
    ],
)
def test_a_bad_file_is_refused_with_line_and_reason(content: bytes, line: int, message: str) -> None:
    """In the user's words, with the line of the file; quoted line ends count."""
    first = problems("t.csv", content)[0]
    assert (first.line, first.message[: len(message)]) == (line, message)


def test_quotes_hold_separators_quotes_and_line_ends() -> None:
    """As RFC 4180 has it; blank lines are skipped, both line ends are read."""
    content = b'k,v\r\n"a,b","say ""hi"""\r\n\r\nc,"two\nlines"\n'
    assert values(read_table("t.csv", content, "t")) == {"a,b": {"v": 'say "hi"'}, "c": {"v": "two\nlines"}}
