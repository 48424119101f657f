"""Nodes against declared forms."""

from __future__ import annotations

import pytest

from streamwatchd import fields as forms
from streamwatchd.rules import codes
from streamwatchd.rules.form import Findings, Read, read, share_of
from streamwatchd.rules.reader import parse

RECORD = forms.Record(
    "a thing",
    (
        forms.Field("name", forms.Name(), "", "x", required=True),
        forms.Field("text", forms.Text("a word", "[a-z]+"), ""),
        forms.Field("wait", forms.Duration(1_000, 60_000), "", "5s"),
        forms.Field("count", forms.Integer(1, 9), ""),
        forms.Field("share", forms.Share(), ""),
        forms.Field("yes", forms.Truth(), ""),
        forms.Field("kind", forms.Choice(("red", "green", "null")), ""),
        forms.Field("any", forms.Anything(), ""),
        forms.Field("raw", forms.Raw("whatever"), ""),
        forms.Field("many", forms.ListOf(forms.Integer(1, 9)), ""),
        forms.Field("some", forms.ListOf(forms.Name(), or_one=True), ""),
        forms.Field("map", forms.MapOf(forms.Truth(), forms.Name()), ""),
        forms.Field("either", forms.Either((forms.Choice(("a", "b")), forms.MapOf(forms.Anything()))), ""),
        forms.Field("soon", forms.Truth(), "", later=True),
    ),
)


def reading(text: str) -> tuple[Read, list[str]]:
    document = parse("f", f"name: n\n{text}\n".encode())
    assert document.top is not None
    findings = Findings(document)
    return read(document.top, RECORD, findings), [found.code for found in findings.problems]


@pytest.mark.parametrize(
    "text",
    [
        "text: abc", "wait: 1m", "wait: 1s500ms", "count: 9", "share: 10%", "share: 0.5", "yes: true", "kind: red",
        "kind: null", "any: null", "any: 5", "raw: [{a: [1]}]", "many: [1, 2]", "some: x",
        "some: [x, y]", "map: {a: true, b: false}", "map: {}", "either: a", "either: {x: 1}",
    ],
)  # fmt: skip
def test_values_of_the_right_form(text: str) -> None:
    """Are handed out."""
    found, problems = reading(text)
    assert problems == []
    assert text.partition(":")[0] in found


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("text: ABC", codes.WRONG_TYPE), ("text: [a]", codes.WRONG_TYPE), ("text:", codes.WRONG_TYPE),
        ("wait: 5", codes.BAD_DURATION), ("wait: soon", codes.BAD_DURATION), ("wait: 1ms", codes.OUT_OF_RANGE),
        ("wait: 2m", codes.OUT_OF_RANGE), ("wait: -5s", codes.BAD_DURATION), ("count: 10", codes.OUT_OF_RANGE),
        ("count: 1.5", codes.WRONG_TYPE), ("count: '5'", codes.WRONG_TYPE), ("count: true", codes.WRONG_TYPE),
        ("share: 101%", codes.BAD_SHARE), ("share: 0", codes.BAD_SHARE), ("share: some", codes.BAD_SHARE),
        ("yes: 'true'", codes.WRONG_TYPE), ("kind: blue", codes.BAD_CHOICE), ("many: []", codes.WRONG_TYPE),
        ("many: 5", codes.WRONG_TYPE), ("many: [1, x]", codes.WRONG_TYPE), ("some: [a-b]", codes.BAD_NAME),
        ("map: [a]", codes.WRONG_TYPE), ("map: {a: 1}", codes.WRONG_TYPE), ("map: {a b: true}", codes.BAD_NAME),
        ("either: [a]", codes.WRONG_TYPE), ("either: c", codes.BAD_CHOICE), ("nmae: x", codes.UNKNOWN_FIELD),
        ("soon: true", codes.NOT_SUPPORTED_YET),
    ],
)  # fmt: skip
def test_values_of_the_wrong_form(text: str, code: str) -> None:
    """Are reported once and left out."""
    found, problems = reading(text)
    assert problems == [code]
    assert text.partition(":")[0] not in found


def test_getters_give_the_value_or_the_default() -> None:
    """Typed."""
    found, _ = reading("wait: 5s\ncount: 3\nshare: 25%\nyes: true\nsome: [a, b]")
    assert (found.duration("wait"), found.integer("count", 1), found.share("share", 1.0)) == (5_000, 3, 0.25)
    assert (found.truth("yes"), [each.text for each in found.scalars("some")]) == (True, ["a", "b"])
    assert (found.duration("no", 7), found.text("no", "x"), found.scalars("no")) == (7, "x", ())


def test_a_share_is_not_nan() -> None:
    """Nor infinite."""
    document = parse("f", b"a: [nan%, .inf, 1e999]\n")
    assert document.top is not None
    for item in document.top.entries[0][1].items:  # type: ignore[union-attr]
        assert share_of(item) is None  # type: ignore[arg-type]
