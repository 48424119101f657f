"""A text that is no JSON for the struct of the wanted fields is none for a reader of any fields.

So a record can be refused as `bad_json` without being read again, and what is refused does not depend on what rules
read.
"""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatchd.codecs.json_layout import build_layout, decode_all

_LAYOUT = build_layout({"time": int | None, "host": str | None, "cpu": float | None, "a.b": bool | None})
_WHOLE = (
    b'{"time":1790000040000,"host":"h\\ud83d\\ude00","cpu":1e5,"a":{"b":true,"c":[1,{"x":null}]},"z":"\\u00e9"}',
    b'{"host":"\\ud800"}', b'{"cpu":1e400}', b'{"z":1e400}', b'{"z":"\xff"}', b"[1,2]", b'"x"', b"{}{}", b'{"cpu":-}',
)  # fmt: skip
_PIECES = st.sampled_from([bytes([byte]) for byte in b'{}[]",:\\u019eE+-.truefalsnN \xff\xc3\xa9\x00'])


@st.composite
def _spoilt(draw: st.DrawFn) -> bytes:
    text = draw(st.sampled_from(_WHOLE))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + b"".join(draw(st.lists(_PIECES, max_size=3))) + text[at + draw(st.integers(0, 3)) :]
    return text


@given(_spoilt())
def test_what_the_struct_calls_no_json_is_none(text: bytes) -> None:
    """The other way round does not hold: what has another type may be no JSON behind it, and is read again."""
    assert _LAYOUT is not None
    _objects, torn, _doubtful = decode_all([text], _LAYOUT)
    if torn:
        with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
            msgspec.json.decode(text)


def test_each_is_told_apart() -> None:
    """Torn, of another type, and good."""
    assert _LAYOUT is not None
    payloads = [b'{"cpu":1', b'{"cpu":"1"}', b'{"cpu":1}', None, b"\xff{}", b'{"host":"\xff"}', b'{"cpu":2}']
    objects, torn, doubtful = decode_all(payloads, _LAYOUT)
    assert (torn, doubtful) == ([0, 4], [1, 3, 5])
    assert list(_LAYOUT.columns(objects)["cpu"]) == [1.0, 2.0]
