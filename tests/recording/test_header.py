"""Headers as JSON."""

from __future__ import annotations

import pytest

from streamwatchd.errors import UnreadableInput
from streamwatchd.recording import Header
from streamwatchd.recording.header import header_bytes, read_header


@pytest.mark.parametrize("header", [Header(), Header({"t": 2}, {"web": {"topic": "t", "time": "ts", "шаг": None}})])
def test_what_is_written_is_read(header: Header) -> None:
    """On one line."""
    assert read_header("r", header_bytes(header)) == header
    assert b"\n" not in header_bytes(header)


@pytest.mark.parametrize("text", [b"", b"no JSON", b"\xff", b"[1]", b'{"ts":1}', b'{"recording":1,"ts":1}'])
def test_what_is_none_is_none(text: bytes) -> None:
    """A bare event may have a field of that name, too."""
    assert read_header("r", text) is None


def test_what_can_not_be_read_is_told_with_its_place() -> None:
    """A later format, or nonsense."""
    with pytest.raises(UnreadableInput, match=r"^r:1: recordings of format 2 are not known here"):
        read_header("r:1", b'{"recording":2}')
    with pytest.raises(UnreadableInput, match=r"^r:1: the header can't be read: "):
        read_header("r:1", b'{"recording":1,"topics":{"t":"many"}}')
