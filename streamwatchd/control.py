"""What `swctl` and a running daemon say to each other over the control socket: one JSON object a line, in UTF-8.

swctl  ▶ {"protocol": 1, "command": "status", "arguments": {}}
daemon ▶ {"say": "…"}     as often as it likes while it works; also a sign of life
daemon ▶ {"done": {…}}    or {"refused": "why and what to do", "code": "busy"}; then it hangs up
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from streamwatchd.errors import StreamwatchdError

PROTOCOL = 1
SOCKET_NAME = "control.sock"
"""In the state folder, unless the settings say otherwise."""
MOST_REQUEST_BYTES = 65_536
MOST_ANSWER_BYTES = 16 << 20
_LONGEST_ADDRESS = 107
"""Bytes of a path in sockaddr_un (unix(7)), without the final NUL."""
_PIECE = 65_536


class CommandRefused(StreamwatchdError):
    """The daemon can't or won't do what a command asks; the text says why, and the way out.

    `code` is busy, denied, protocol, bad_request, unknown_command, not_ready or failed.
    """

    def __init__(self, reason: str, code: str = "failed") -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class Request:
    command: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    protocol: int = PROTOCOL


@dataclass(frozen=True, slots=True)
class Say:
    """How far it has come."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    reason: str
    code: str


Answer = Say | Done | Refused


def encode_request(request: Request) -> bytes:
    return msgspec.json.encode(request) + b"\n"


def decode_request(line: bytes) -> Request:
    """Raises CommandRefused for what is no request, or one of another protocol."""
    try:
        request = msgspec.json.decode(line, type=Request)
    except msgspec.DecodeError as error:
        raise CommandRefused(f"this is no request: {error}", "bad_request") from error
    if request.protocol != PROTOCOL:
        raise CommandRefused(
            f"the daemon speaks protocol {PROTOCOL}, this swctl {request.protocol}: use the swctl of the same version",
            "protocol",
        )
    return request


def encode_answer(answer: Answer) -> bytes:
    match answer:
        case Say(text):
            line = msgspec.json.encode({"say": text})
        case Done(result):
            line = msgspec.json.encode({"done": result})
        case Refused(reason, code):
            line = msgspec.json.encode({"refused": reason, "code": code})
    return line + b"\n"


def decode_answer(line: bytes) -> Answer:
    """Raises CommandRefused for anything else."""
    try:
        raw = msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise CommandRefused(f"the daemon's answer can't be read: {error}", "protocol") from error
    match raw:
        case {"say": str(text)}:
            return Say(text)
        case {"done": dict(result)}:
            return Done(result)
        case {"refused": str(reason), **rest}:
            return Refused(reason, str(rest.get("code", "failed")))
    raise CommandRefused("the daemon's answer is none of this protocol", "protocol")


def read_line(wire: socket.socket, buffer: bytearray, most_bytes: int, patience_s: float) -> bytes:
    """The next line, without its end; what came beyond it stays in `buffer`.

    Raises TimeoutError when it is not there after `patience_s`, ConnectionError when the other side hangs up before,
    CommandRefused when it is longer than `most_bytes`.
    """
    deadline = time.monotonic() + patience_s
    searched = 0
    while (end := buffer.find(b"\n", searched)) < 0:
        searched = len(buffer)
        if searched > most_bytes:
            raise CommandRefused(f"a line of more than {most_bytes:,} bytes", "bad_request")
        wire.settimeout(max(0.001, deadline - time.monotonic()))
        piece = wire.recv(_PIECE)
        if not piece:
            raise ConnectionError("the other side hung up")
        buffer += piece
    line = bytes(buffer[:end])
    del buffer[: end + 1]
    return line


@contextmanager
def address_of(path: Path) -> Iterator[str]:
    """An address for `bind` and `connect`: paths too long for one go by way of the folder's descriptor (proc(5))."""
    if len(os.fsencode(path)) <= _LONGEST_ADDRESS:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
