"""The worker's end of its two pipes: reports out; commands, answers and contents both ways."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection

from streamwatchd.errors import ModelRejected, StateMismatch, Unavailable
from streamwatchd.models import open_model
from streamwatchd.ports.telemetry import BlackBox, PipeTelemetry, Report
from streamwatchd.shard.control import Command, Have, Held, Next, Saved, Stop, Told
from streamwatchd.shard.version import Content


@dataclass(frozen=True, slots=True)
class Need:
    """A worker asks for kept content."""

    digest: str


@dataclass(frozen=True, slots=True)
class Supply:
    """The answer; with `reason` and no content when there is none."""

    digest: str
    content: Content | None
    reason: str = ""


class Wire:
    """See `shard.control.Link`. A thread reads, so a command's unpacking does not hold up the loop."""

    def __init__(
        self,
        control: Connection,
        reports: Connection,
        abandon: Callable[[], None] = lambda: None,
        box: BlackBox | None = None,
        patient: bool = True,
        alone_s: float = 10.0,
    ) -> None:
        """`abandon` is called at a stop that comes before the worker first runs: clients that wait for a broker can't
        be interrupted, and a recovery may be killed at any point. Not `patient`: at any stop. Without a supervisor, who
        would end what takes too long, it is called after `alone_s`: a worker that hangs in a call to a disk holds the
        lock that its successor waits for."""
        self._alone_s = alone_s
        self._abandon = abandon
        self._patient = patient
        self._has_run = False
        self._control = control
        self._telemetry = PipeTelemetry(reports, box)
        self._commands: deque[Command] = deque()
        self._supplies: dict[str, Supply] = {}
        self._arrived = threading.Condition()
        self._sending = threading.Lock()
        self._closed = False
        threading.Thread(target=self._read, name="wire", daemon=True).start()

    def stop(self) -> None:
        """As if the supervisor had said so: for signals."""
        self._commands.append(Stop())
        if not (self._has_run and self._patient):
            self._abandon()

    def commands(self) -> Sequence[Command]:
        found = []
        while self._commands:
            found.append(self._commands.popleft())
        return found

    def have(self, have: Have) -> None:
        self._send(have)

    def held(self, held: Held) -> None:
        self._send(held)

    def saved(self, saved: Saved) -> None:
        self._send(saved)

    def told(self, told: Told) -> None:
        self._send(told)

    def content(self, digest: str) -> Content:
        with self._arrived:
            if digest not in self._supplies:
                self._send(Need(digest))
                self._arrived.wait_for(lambda: digest in self._supplies or self._closed)
            supply = self._supplies.get(digest)
        if supply is None:
            raise Unavailable("the supervisor is gone")
        if supply.content is None:
            raise StateMismatch(supply.reason)
        return supply.content

    def report(self, report: Report) -> None:
        self._has_run = self._has_run or report.phase == "running"
        self._telemetry.report(report)

    def at_work(self, what: str) -> None:
        self._telemetry.at_work(what)

    def close(self) -> None:
        self._telemetry.close()

    def _send(self, message: Have | Held | Saved | Told | Need) -> None:
        try:
            with self._sending:
                self._control.send(message)
        except OSError:
            self.stop()

    def _read(self) -> None:
        while True:
            try:
                message = self._control.recv()
            except (EOFError, OSError):
                with self._arrived:
                    self._closed = True
                    self._arrived.notify_all()
                self.stop()
                time.sleep(self._alone_s)
                self._abandon()
                return
            if isinstance(message, Supply):
                with self._arrived:
                    self._supplies[message.digest] = message
                    self._arrived.notify_all()
            elif isinstance(message, Next):
                self._keep(message.content)
                self._commands.append(message)
            elif isinstance(message, Stop):
                self.stop()
            else:
                self._commands.append(message)

    def _keep(self, content: Content) -> None:
        """In place of what was kept before: the worker has what it is at work with. Models are made ready here."""
        for model in content.program.plan.models.values():
            with suppress(ModelRejected):  # told where the rules were checked
                open_model(model)
        with self._arrived:
            self._supplies = {content.digest: Supply(content.digest, content)}
