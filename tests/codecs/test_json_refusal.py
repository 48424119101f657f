"""What is refused without being read: the depth of brackets, found by whatever short cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatchd.codecs.json_refusal import MAX_DEPTH, outer_refusal, refusal, suspects

_LARGE = 10_000


def _is_too_deep(text: bytes) -> bool:
    depth, quoted, escaped = 0, False, False
    for mark in text.decode():
        if quoted:
            quoted, escaped = mark != '"' or escaped, mark == "\\" and not escaped
        else:
            quoted = mark == '"'
            depth += (mark in "{[") - (mark in "}]")
        if depth > MAX_DEPTH:
            return True
    return False


@given(
    st.lists(st.tuples(st.sampled_from(['{"a":', '{"":', "[", '{"{":', '"]"', '"\\"[', "}", '"']), st.integers(1, 66)))
)
def test_depth_is_that_of_a_reader_of_every_character(parts: list[tuple[str, int]]) -> None:
    """Brackets in names and texts do not count, quotes that are torn or escaped show where those end."""
    text = "".join(part * count for part, count in parts).encode() or b"{"
    assert refusal(text, _LARGE) == ("too_deep" if _is_too_deep(text) else "")


@pytest.mark.parametrize("name", [b"a", b"", b"a long name", b"{"])
def test_nested_objects_are_too_deep_from_65_on(name: bytes) -> None:
    """Also where a name looks like a bracket, and beyond the first bytes."""
    opening = b'{"' + name + b'":'
    assert refusal(opening * 65, _LARGE) == "too_deep"
    assert refusal(opening * 64, _LARGE) == ""


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b" [1]", "not_an_object"), (b"[1", "bad_json"), (b" {1", ""), (None, "empty"), (b"\xff", "bad_utf8"),
        (b"1" * 11, "too_large"),
    ],
)  # fmt: skip
def test_what_is_no_object(payload: bytes | None, reason: str) -> None:
    """What begins as an object has to be read."""
    assert outer_refusal(payload, 10) == reason


def test_suspects_are_looked_for_together() -> None:
    """None where all together keep the limits, else those that may break one."""
    good, deep, large, text = b'{"a":1}', b"[" * 65, b" " * 21, "{é}".encode()
    assert suspects([good, text, good], 20) == []
    assert suspects([good, deep[:66], good], 100) == [1]
    assert suspects([good, large, good], 20) == [1]
    assert suspects([good, b"\xff", text], 20) == [1, 2]
