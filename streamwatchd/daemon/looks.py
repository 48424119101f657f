"""What is looked at in Kafka now and then while the daemon runs: by one thread, through one connection."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from streamwatchd.daemon.logs import Log
from streamwatchd.errors import StreamwatchdError
from streamwatchd.ports.kafka import Admin, Kafka

Look = Callable[[Admin], None]
"""Raises StreamwatchdError where nothing can be seen now: the next look will tell."""


@dataclass(slots=True)
class _Due:
    look: Look
    every_s: float
    next_s: float
    failed: str = ""
    """Why the last one did, as it was logged."""


class Looks:
    """From `start` to `close`; each look is had for the first time after `every_s` seconds.

    One that waits for brokers holds up the others: what must be seen soon has `Looks` of its own.
    """

    def __init__(self, kafka: Kafka, log: Log) -> None:
        self._kafka, self._log = kafka, log
        self._due: list[_Due] = []
        self._closed = threading.Event()

    def start(self, every_s: Mapping[Look, float]) -> None:
        """`every_s` says how many seconds lie between two looks of one kind."""
        now = time.monotonic()
        self._due = [_Due(look, seconds, now + seconds) for look, seconds in every_s.items()]
        threading.Thread(target=self._run, name="looks", daemon=True).start()

    def _run(self) -> None:
        admin = self._kafka.admin()
        while not self._closed.wait(max(0.0, min(each.next_s for each in self._due) - time.monotonic())):
            for each in self._due:
                if each.next_s <= time.monotonic():
                    self._have(each, admin)
        admin.close()

    def _have(self, due: _Due, admin: Admin) -> None:
        try:
            due.look(admin)
            due.failed = ""
        except StreamwatchdError:  # brokers or disk are away
            pass
        except Exception as error:  # the others go on, and so does this one
            reason = f"{type(error).__name__}: {error}"
            if reason != due.failed:
                self._log.error("look_failed", look=getattr(due.look, "__qualname__", ""), reason=reason)
            due.failed = reason
        due.next_s = time.monotonic() + due.every_s

    def close(self) -> None:
        self._closed.set()
