"""Any bytes → a document."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatchd.diagnostics import Diagnostic, render
from streamwatchd.rules import codes, reader
from streamwatchd.rules.document import Mapping, Scalar, Sequence
from streamwatchd.rules.drafts import draft
from streamwatchd.rules.reader import parse, read_bytes


def test_the_tree_has_values_and_places() -> None:
    """Keys in order, quoted text as text."""
    document = parse("f", b"a: 1\nb: ['1', x]\n")
    assert document.diagnostics == ()
    assert document.top is not None
    (a, one), (b, both) = document.top.entries
    assert (a.text, b.text) == ("a", "b")
    assert isinstance(one, Scalar)
    assert (one.value, str(one.span)) == (1, "f:1:4")
    assert isinstance(both, Sequence)
    assert [item.value for item in both.items if isinstance(item, Scalar)] == ["1", "x"]


def test_a_hundred_thousand_levels_are_one_finding() -> None:
    """No recursion, no crash of the C library."""
    for text in (b"[" * 100_000, b"{a: " * 100_000, b"- " * 100_000, b"? " * 100_000):
        assert codes.TOO_DEEP in [each.code for each in parse("f", text).diagnostics]


def test_aliases_repeat_a_value_within_bounds() -> None:
    """They are useful; bombs are not."""
    good = parse("f", b"a: &a [1, 2]\nb: [*a, *a]\n")
    assert good.diagnostics == ()
    assert isinstance(good.top, Mapping)
    bomb = b"a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]\n" + b"".join(
        b"a%d: &a%d [%s]\n" % (i, i, b", ".join([b"*a%d" % (i - 1)] * 9)) for i in range(1, 12)
    )
    assert [each.code for each in parse("f", bomb).diagnostics] == [codes.ALIASES]


def test_all_duplicate_keys_are_told_at_once() -> None:
    """At every level."""
    found = parse("f", b"a: 1\na: 2\nb: {c: 1, c: 2}\n").diagnostics
    assert [(each.code, each.span and each.span.line) for each in found] == [
        (codes.DUPLICATE_KEY, 2),
        (codes.DUPLICATE_KEY, 3),
    ]


@pytest.mark.parametrize("kind", ["folder", "missing"])
def test_what_is_no_file_is_a_finding(tmp_path: Path, kind: str) -> None:
    """Not an exception."""
    path = tmp_path if kind == "folder" else tmp_path / "no.yaml"
    found = read_bytes(path)
    assert isinstance(found, Diagnostic)
    assert found.code == (codes.NOT_A_FILE if kind == "folder" else codes.UNREADABLE)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Opening one without a writer would hang."""
    import os

    os.mkfifo(tmp_path / "pipe.yaml")
    assert isinstance(read_bytes(tmp_path / "pipe.yaml"), Diagnostic)


def test_the_slow_parser_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyYAML was built without its C library."""
    text = b"a: &a [1, '2', {b: 012}]\nc: *a\nd: |\n  x\n  y\n"
    fast = parse("f", text)
    monkeypatch.setattr(reader, "_LOADER", reader.yaml.SafeLoader)
    parse.cache_clear()
    assert parse("f", text) == fast


WORDS = "rules: when: - | > >5 % @ ! !!str --- ... ? & * &a *a [ ] { } : , # ' \" \\ é << on 012 a"
SPACES = [" ", "  ", "\n", "\t", ": ", " #", "- ", "\u2028", "\r", "\x85"]
YAML_PIECES = st.lists(st.sampled_from([*WORDS.split(), *SPACES]), max_size=25).map(
    lambda parts: "".join(parts).encode()
)


@given(st.binary(max_size=80) | YAML_PIECES)
def test_any_bytes_give_a_document_that_can_be_shown(content: bytes) -> None:
    """With a tree or with an error, never with an exception."""
    document = draft(parse("f", content)).document
    for found in document.diagnostics:
        assert found.code in codes.TITLES
        assert render(found)
    assert document.top is not None or any(found.is_error for found in document.diagnostics)
