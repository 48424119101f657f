"""The control socket: what is answered, to whom, and that nobody can hold it up."""

from __future__ import annotations

import grp
import os
import socket
import stat
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from streamwatchd.cli.control import ask
from streamwatchd.control import MOST_REQUEST_BYTES, CommandRefused, Refused, Request, address_of, decode_answer
from streamwatchd.daemon import control
from streamwatchd.daemon.control import MOST_AT_ONCE, ControlPort
from streamwatchd.errors import Unavailable, UnreadableInput
from tests.daemon.project import ListLog

release = threading.Event()
arrived = threading.Semaphore(0)


def run(request: Request, say: Callable[[str], None]) -> Mapping[str, Any]:
    match request.command:
        case "echo":
            say("half way")
            return dict(request.arguments)
        case "wait":
            arrived.release()
            release.wait(20)
            return {}
        case "refuse":
            raise CommandRefused("not now; try tomorrow", "busy")
        case "large":
            return {"text": "x" * (17 << 20)}
    raise ValueError("broken")


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Path]:
    release.clear()
    path = tmp_path / "control.sock"
    with closing(ControlPort(path, "", run, ListLog(), patience_s=0.5)):
        yield path
        release.set()


def raw(path: Path, data: bytes) -> Refused:
    """What comes back for bytes that no swctl sends."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(10)
        wire.connect(str(path))
        wire.sendall(data)
        line = wire.makefile("rb").readline()
    answer = decode_answer(line)
    assert isinstance(answer, Refused)
    return answer


def test_a_command_is_answered(port: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What it says on the way goes to standard error."""
    assert ask(port, "echo", {"a": [1, "zwei"]}) == {"a": [1, "zwei"]}
    assert "half way" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "words"),
    [("refuse", "try tomorrow"), ("broken", "a bug"), ("large", "more than 16,777,216 bytes")],
)
def test_what_fails_says_why(port: Path, command: str, words: str) -> None:
    """And the next command is answered."""
    with pytest.raises(CommandRefused, match=words):
        ask(port, command)
    assert ask(port, "echo") == {}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"hello\n", "bad_request"),
        (b'{"arguments": {}}\n', "bad_request"),
        (b'{"command": "echo", "protocol": 99}\n', "protocol"),
        (b"x" * (MOST_REQUEST_BYTES + 70_000), "bad_request"),
        (b'{"command"', "bad_request"),
    ],
)
def test_bytes_that_are_no_request_are_refused(port: Path, data: bytes, code: str) -> None:
    """Too long, not JSON, of another version, or never finished: a sentence, and the line is free again."""
    assert raw(port, data).code == code
    assert ask(port, "echo") == {}


def test_more_than_a_few_at_once_are_turned_away(port: Path) -> None:
    """At once, with a word; the others go on."""
    results: list[object] = []
    threads = [threading.Thread(target=lambda: results.append(ask(port, "wait"))) for _ in range(MOST_AT_ONCE)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert arrived.acquire(timeout=10)
    assert _code(port) == "busy"
    release.set()
    for thread in threads:
        thread.join(10)
    assert results == [{}] * MOST_AT_ONCE
    while _code(port):  # the last place is free a moment after its answer
        threading.Event().wait(0.01)


def _code(path: Path) -> str:
    """Empty when it is answered."""
    try:
        ask(path, "echo")
    except CommandRefused as error:
        return error.code
    return ""


def test_the_socket_is_its_owners(port: Path) -> None:
    """Nobody else can even connect."""
    assert stat.S_IMODE(port.stat().st_mode) == 0o600


def test_other_users_are_refused(tmp_path: Path) -> None:
    """By the kernel's word on who asks, whatever the mode of the file; a member of the group may ask."""
    group = grp.getgrgid(os.getgid()).gr_name
    with closing(ControlPort(tmp_path / "a.sock", "", run, ListLog())) as closed:
        with pytest.raises(CommandRefused, match="user 4711 may not ask"):
            closed._admit(_wire(4711, os.getgid()))
        closed._admit(_wire(0, 0))
    with closing(ControlPort(tmp_path / "b.sock", group, run, ListLog())) as shared:
        shared._admit(_wire(4711, os.getgid()))
        with pytest.raises(CommandRefused, match="user 4711 may not ask"):
            shared._admit(_wire(4711, os.getgid() + 1))
        assert stat.S_IMODE((tmp_path / "b.sock").stat().st_mode) == 0o660


def _wire(uid: int, gid: int) -> Any:
    class Wire:
        def getsockopt(self, level: int, name: int, size: int) -> bytes:
            return struct.pack("3i", 1, uid, gid) if name == socket.SO_PEERCRED else b""

    return Wire()


def test_groups_of_the_peer_are_the_kernels(tmp_path: Path) -> None:
    """Supplementary groups count, as they do for the file's mode."""
    near, far = socket.socketpair(socket.AF_UNIX)
    with near, far:
        assert set(control._groups(near)) == set(os.getgroups())


def test_a_dead_daemons_socket_is_taken_over(tmp_path: Path) -> None:
    """A living one's is not, and neither is a file."""
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with closing(ControlPort(path, "", run, ListLog())):
        assert ask(path, "echo") == {}
        with pytest.raises(Unavailable, match="another daemon"):
            ControlPort(path, "", run, ListLog())
    assert not path.exists()
    path.write_text("mine")
    with pytest.raises(Unavailable, match="no socket"):
        ControlPort(path, "", run, ListLog())
    assert path.read_text() == "mine"


def test_a_path_too_long_for_a_socket_works(tmp_path: Path) -> None:
    """sockaddr_un holds 107 bytes; state folders may lie deeper."""
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    path = folder / "control.sock"
    with closing(ControlPort(path, "", run, ListLog())):
        assert ask(path, "echo") == {}
        with address_of(path) as address:
            assert len(address) < 107


def test_a_group_that_is_not_there_is_said(tmp_path: Path) -> None:
    """Before anything listens."""
    with pytest.raises(Unavailable, match="no group `nobody-has-this`"):
        ControlPort(tmp_path / "control.sock", "nobody-has-this", run, ListLog())


def test_no_daemon_is_said_with_the_path(tmp_path: Path) -> None:
    """Also where a dead one's socket is left."""
    path = tmp_path / "control.sock"
    with pytest.raises(UnreadableInput, match="no daemon listens at"):
        ask(path, "status")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with pytest.raises(UnreadableInput, match="no daemon listens at"):
        ask(path, "status")
