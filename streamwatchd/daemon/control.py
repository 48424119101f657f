"""The control socket: who may ask, how many at a time, how long; `commands/` has the answers.

Every connection has a thread and a deadline. Nothing here is waited for by the supervisor.
"""

from __future__ import annotations

import contextlib
import grp
import os
import socket
import stat
import struct
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from streamwatchd.control import (
    MOST_ANSWER_BYTES,
    MOST_REQUEST_BYTES,
    Answer,
    CommandRefused,
    Done,
    Refused,
    Request,
    Say,
    address_of,
    decode_request,
    encode_answer,
    read_line,
)
from streamwatchd.daemon.logs import Log
from streamwatchd.errors import StreamwatchdError, Unavailable

MOST_AT_ONCE = 8
_PATIENCE_S = 5.0
_SO_PEERGROUPS = 59
"""asm-generic/socket.h; the socket module does not name it."""
_MOST_BYTES = 1_024

Run = Callable[[Request, Callable[[str], None]], Mapping[str, Any]]
"""Does a command, saying how far it is; raises CommandRefused."""


class _HungUp(Exception):
    """The caller is gone in the middle of a command."""


class ControlPort:
    """Listens from the beginning until `close`."""

    def __init__(self, path: Path, group: str, run: Run, log: Log, patience_s: float = _PATIENCE_S) -> None:
        """`group` may use the socket besides root and the daemon's own user; empty is nobody.

        Raises Unavailable when the socket can't be had.
        """
        self._path = path
        self._run = run
        self._log = log
        self._patience_s = patience_s
        self._gid = _gid(group)
        self._places = threading.Semaphore(MOST_AT_ONCE)
        self._closed = False
        self._listener = self._listen()
        threading.Thread(target=self._accept, name="control", daemon=True).start()

    def _listen(self) -> socket.socket:
        _clear_away(self._path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # Before bind, so that the path never has a wider mode than this.
            os.fchmod(listener.fileno(), 0o600 if self._gid is None else 0o660)
            with address_of(self._path) as address:
                listener.bind(address)
            if self._gid is not None:
                os.chown(self._path, -1, self._gid)
                self._path.chmod(0o660)
            listener.listen(2 * MOST_AT_ONCE)
        except OSError as error:
            listener.close()
            raise Unavailable(f"can't listen on the control socket {self._path}: {error}") from error
        return listener

    def _accept(self) -> None:
        while not self._closed:
            try:
                wire, _ = self._listener.accept()
            except OSError:
                if not self._closed:
                    self._log.warning("control_accept_failed", exc_info=True)
                    threading.Event().wait(1)
                continue
            if not self._places.acquire(blocking=False):
                self._turn_away(wire, Refused(f"{MOST_AT_ONCE} commands are at work; try again later", "busy"))
                continue
            threading.Thread(target=self._serve, args=(wire,), name="command", daemon=True).start()

    def _turn_away(self, wire: socket.socket, answer: Answer) -> None:
        with wire, contextlib.suppress(OSError):
            wire.settimeout(0)
            wire.send(encode_answer(answer))

    def _serve(self, wire: socket.socket) -> None:
        try:
            with wire, contextlib.suppress(OSError):
                self._send(wire, self._answer(wire))
        finally:
            self._places.release()

    def _answer(self, wire: socket.socket) -> Answer:
        """Raises OSError when the caller is gone."""
        try:
            self._admit(wire)
            request = decode_request(read_line(wire, bytearray(), MOST_REQUEST_BYTES, self._patience_s))
        except TimeoutError:
            return Refused(f"no request within {self._patience_s:.0f} s", "bad_request")
        except CommandRefused as error:
            return Refused(str(error), error.code)
        return self._do(request, wire)

    def _do(self, request: Request, wire: socket.socket) -> Answer:
        def say(text: str) -> None:
            try:
                self._send(wire, Say(text))
            except OSError as error:
                raise _HungUp from error

        try:
            return Done(self._run(request, say))
        except _HungUp as error:
            raise ConnectionError from error
        except CommandRefused as error:
            return Refused(str(error), error.code)
        except StreamwatchdError as error:
            return Refused(str(error), "failed")
        except Exception as error:
            self._log.error("command_crashed", command=request.command, exc_info=True)
            return Refused(f"a bug: {error!r}; the daemon's log has the traceback", "failed")

    def _admit(self, wire: socket.socket) -> None:
        """Raises CommandRefused for a user who may not ask."""
        _, uid, gid = struct.unpack("3i", wire.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid in (0, os.geteuid()) or (self._gid is not None and self._gid in {gid, *_groups(wire)}):
            return
        raise CommandRefused(
            f"user {uid} may not ask; root, user {os.geteuid()} and the group of `control_group` may", "denied"
        )

    def _send(self, wire: socket.socket, answer: Answer) -> None:
        line = encode_answer(answer)
        if len(line) > MOST_ANSWER_BYTES:
            line = encode_answer(Refused(f"the answer has more than {MOST_ANSWER_BYTES:,} bytes", "failed"))
        wire.settimeout(self._patience_s)
        wire.sendall(line)

    def close(self) -> None:
        self._closed = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with contextlib.suppress(OSError):
            self._path.unlink()


def _gid(group: str) -> int | None:
    if not group:
        return None
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise Unavailable(f"there is no group `{group}` on this machine (`control_group`)") from None


def _groups(wire: socket.socket) -> tuple[int, ...]:
    """The peer's supplementary groups; none where it has more than Python's getsockopt can take."""
    try:
        raw = wire.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _MOST_BYTES)
    except OSError:
        return ()
    return struct.unpack(f"{len(raw) // 4}I", raw)


def _clear_away(path: Path) -> None:
    """A socket that nobody listens to is left from a daemon that was killed."""
    try:
        is_socket = stat.S_ISSOCK(path.lstat().st_mode)
    except FileNotFoundError:
        return
    except OSError as error:
        raise Unavailable(f"can't look at the control socket {path}: {error}") from error
    if not is_socket:
        raise Unavailable(f"{path} is there and is no socket; name another path with `control_socket`")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, address_of(path) as address:
        probe.settimeout(1)
        try:
            probe.connect(address)
        except ConnectionRefusedError:
            path.unlink()
            return
        except OSError as error:
            raise Unavailable(f"can't try the control socket {path}: {error}") from error
    raise Unavailable(f"another daemon listens on the control socket {path}")
