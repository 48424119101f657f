"""A proxy in front of a broker that loses or delays chosen requests: what a bad network does, at a chosen instant.

The broker must advertise the proxy's address (`server.start(..., properties=advertise(port))`). Each fault strikes the
next request of its kind, once.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from types import TracebackType

END_TXN = 26
TXN_OFFSET_COMMIT = 28
PRODUCE = 0
FETCH = 1


class Fault(Enum):
    LOSE_REQUEST = auto()
    """The connection breaks before the broker has the request."""
    LOSE_ANSWER = auto()
    """The broker has it; the connection breaks before the answer is through."""
    DELAY = auto()
    """The request waits `seconds` on its way."""
    TWICE = auto()
    """The connection breaks, and the request arrives at the broker only `seconds` later."""


@dataclass(slots=True)
class Plan:
    fault: Fault
    seconds: float = 0.0
    struck: threading.Event = field(default_factory=threading.Event)


class Proxy:
    """Listens on a free port of the loopback; `target` is (host, port) of the broker and may be set later."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.target: tuple[str, int] | None = None
        self._plans: dict[int, deque[Plan]] = {}
        self._open: list[socket.socket] = []
        self._refuse = False
        threading.Thread(target=self._accept, daemon=True).start()

    def plan(self, api_key: int, fault: Fault, seconds: float = 0.0) -> Plan:
        plan = Plan(fault, seconds)
        self._plans.setdefault(api_key, deque()).append(plan)
        return plan

    def cut(self, *, refuse: bool = False) -> None:
        """Break every connection; with `refuse` no new one is made until `heal`."""
        self._refuse = refuse
        for each in self._open:
            _shut(each)
        self._open.clear()

    def heal(self) -> None:
        self._refuse = False

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._refuse or self.target is None:
                client.close()
                continue
            try:
                broker = socket.create_connection(self.target)
            except OSError:
                client.close()
                continue
            self._open += [client, broker]
            link = _Link(client, broker, self._next_plan)
            threading.Thread(target=link.requests, daemon=True).start()
            threading.Thread(target=link.answers, daemon=True).start()

    def _next_plan(self, api_key: int) -> Plan | None:
        waiting = self._plans.get(api_key)
        return waiting.popleft() if waiting else None

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        _shut(self._listener)
        self.cut(refuse=True)


class _Link:
    """One connection: requests are read frame by frame, answers only until one of them is to be lost."""

    def __init__(self, client: socket.socket, broker: socket.socket, next_plan: Callable[[int], Plan | None]) -> None:
        self._client = client
        self._broker = broker
        self._next_plan = next_plan
        self._deaf = False

    def requests(self) -> None:
        try:
            while frame := _frame(self._client):
                plan = self._next_plan(struct.unpack_from(">h", frame, 4)[0])
                if plan is None:
                    self._broker.sendall(frame)
                elif not self._strike(plan, frame):
                    break
        except OSError:
            pass
        self._close()

    def _strike(self, plan: Plan, frame: bytes) -> bool:
        """Do what is planned; False ends the connection."""
        self._deaf = plan.fault in (Fault.LOSE_ANSWER, Fault.TWICE)
        match plan.fault:
            case Fault.DELAY:
                time.sleep(plan.seconds)
                self._broker.sendall(frame)
            case Fault.LOSE_ANSWER:
                self._broker.sendall(frame)
                # Give the broker time to act on it before its connection goes.
                time.sleep(0.2)
            case Fault.TWICE:
                _shut(self._client)
                time.sleep(plan.seconds)
                self._broker.sendall(frame)
                time.sleep(0.2)
            case Fault.LOSE_REQUEST:
                pass
        plan.struck.set()
        return plan.fault is Fault.DELAY

    def answers(self) -> None:
        try:
            while data := self._broker.recv(1 << 16):
                if self._deaf:
                    continue
                self._client.sendall(data)
        except OSError:
            pass
        self._close()

    def _close(self) -> None:
        _shut(self._client)
        _shut(self._broker)


def _frame(source: socket.socket) -> bytes:
    """One request with its length prefix, or nothing at the end of the stream."""
    size = _exactly(source, 4)
    return size + _exactly(source, struct.unpack(">i", size)[0]) if size else b""


def _exactly(source: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = source.recv(count - len(data))
        if not piece:
            return b""
        data += piece
    return data


def _shut(each: socket.socket) -> None:
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()


def advertise(port: int) -> dict[str, str]:
    """Broker properties that send every client through the proxy at `port`."""
    return {"advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}"}
