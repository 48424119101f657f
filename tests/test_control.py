"""The lines of the control socket."""

from __future__ import annotations

import socket

import pytest

from streamwatchd.control import (
    Answer,
    CommandRefused,
    Done,
    Refused,
    Request,
    Say,
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
    read_line,
)


@pytest.mark.parametrize("answer", [Say("half"), Done({"a": [1, None, "ü"]}), Refused("no", "busy")])
def test_answers_come_back_as_they_were_sent(answer: Answer) -> None:
    """One line each."""
    line = encode_answer(answer)
    assert (line.count(b"\n"), line[-1:]) == (1, b"\n")
    assert decode_answer(line) == answer


def test_requests_come_back_as_they_were_sent() -> None:
    """With the version of the protocol."""
    request = Request("lag", {"a": "line\nbreak"})
    line = encode_request(request)
    assert line.count(b"\n") == 1
    assert decode_request(line) == request


@pytest.mark.parametrize("line", [b"", b"[]", b"{}", b'{"done": 3}', b"\xff"])
def test_what_is_no_answer_is_refused(line: bytes) -> None:
    """As one of another protocol."""
    with pytest.raises(CommandRefused) as refused:
        decode_answer(line)
    assert refused.value.code == "protocol"


def test_lines_are_read_however_they_are_cut() -> None:
    """What comes beyond a line waits for the next call."""
    near, far = socket.socketpair()
    buffer = bytearray()
    with near, far:
        far.sendall(b"on")
        far.sendall(b"e\ntwo\nthr")
        assert read_line(near, buffer, 100, 5) == b"one"
        assert read_line(near, buffer, 100, 5) == b"two"
        with pytest.raises(TimeoutError):
            read_line(near, buffer, 100, 0.01)
        far.close()
        with pytest.raises(ConnectionError):
            read_line(near, buffer, 100, 5)
