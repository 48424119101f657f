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
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from types import TracebackType

PRODUCE = 0
FETCH = 1
METADATA = 3
OFFSET_FETCH = 9
FIND_COORDINATOR = 10
API_VERSIONS = 18
INIT_PRODUCER_ID = 22
ADD_PARTITIONS = 24
ADD_OFFSETS = 25
END_TXN = 26
TXN_OFFSET_COMMIT = 28

_FLEXIBLE_END_TXN = 3
"""From this version on the answer has a tagged header."""


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
    """`met`: a request has met it; `struck`: it is done. `late_code` is what the broker said to an EndTxn that came
    `TWICE`, for its late copy; None until then."""

    fault: Fault
    seconds: float = 0.0
    met: threading.Event = field(default_factory=threading.Event)
    struck: threading.Event = field(default_factory=threading.Event)
    late_code: int | None = None


@dataclass(frozen=True, slots=True)
class _Header:
    """Of a request: which call in which version, its number, and who asks."""

    api_key: int
    version: int
    number: int
    client: str

    @classmethod
    def of(cls, frame: bytes) -> _Header:
        api_key, version, number, length = struct.unpack_from(">hhih", frame, 4)
        return cls(api_key, version, number, frame[14 : 14 + max(0, length)].decode())


class Proxy:
    """Listens on a free port of the loopback; `target` is (host, port) of the broker and may be set later.

    Faults strike requests of `client` only, where one is named. `seen` counts requests by client, call and version.
    """

    def __init__(self, client: str = "") -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.target: tuple[str, int] | None = None
        self._plans: dict[int, deque[Plan]] = {}
        self._open: list[socket.socket] = []
        self._refuse = False
        self._client = client
        self.seen: Counter[tuple[str, int, int]] = Counter()
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

    def _next_plan(self, header: _Header) -> Plan | None:
        self.seen[header.client, header.api_key, header.version] += 1
        waiting = self._plans.get(header.api_key)
        return waiting.popleft() if waiting and self._client in ("", header.client) else None

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        _shut(self._listener)
        self.cut(refuse=True)


class _Link:
    """One connection: requests are read frame by frame, answers only until one of them is to be lost."""

    def __init__(
        self, client: socket.socket, broker: socket.socket, next_plan: Callable[[_Header], Plan | None]
    ) -> None:
        self._client = client
        self._broker = broker
        self._next_plan = next_plan
        self._deaf = False
        self._awaited: tuple[Plan, _Header] | None = None

    def requests(self) -> None:
        try:
            while frame := _frame(self._client):
                header = _Header.of(frame)
                plan = self._next_plan(header)
                if plan is None:
                    self._broker.sendall(frame)
                elif not self._strike(plan, frame, header):
                    break
        except OSError:
            pass
        self._close()

    def _strike(self, plan: Plan, frame: bytes, header: _Header) -> bool:
        """Do what is planned; False ends the connection."""
        plan.met.set()
        if plan.fault is Fault.TWICE and header.api_key == END_TXN:
            self._awaited = plan, header
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
                time.sleep(0.5)
            case Fault.LOSE_REQUEST:
                pass
        plan.struck.set()
        return plan.fault is Fault.DELAY

    def answers(self) -> None:
        try:
            while data := self._broker.recv(1 << 16):
                if self._deaf:
                    self._overhear(data)
                    continue
                self._client.sendall(data)
        except OSError:
            pass
        self._close()

    def _overhear(self, data: bytes) -> None:
        """What the broker says to a late copy: nobody else hears it."""
        if self._awaited is None:
            return
        plan, header = self._awaited
        at = data.find(struct.pack(">i", header.number))
        if at >= 0:
            tags = 1 if header.version >= _FLEXIBLE_END_TXN else 0
            plan.late_code = int(struct.unpack_from(">h", data, at + 8 + tags)[0])

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
