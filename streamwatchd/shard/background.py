"""Work beside the loop: the loop goes on decoding while an epoch commits or a snapshot is written."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol


class Background(Protocol):
    """At most one job at a time."""

    @property
    def busy(self) -> bool: ...

    def start(self, job: Callable[[], None]) -> None:
        """Raises RuntimeError while `busy`."""

    def settle(self, timeout_s: float) -> bool:
        """Wait for the job; True when none runs (any more). Raises what the job raised, once."""


class Inline:
    """Runs the job at once, in the caller's thread: for simulation, where every call has its place in the order."""

    busy = False

    def start(self, job: Callable[[], None]) -> None:
        job()

    def settle(self, timeout_s: float) -> bool:
        return True


class Thread:
    """Runs jobs in one thread of its own."""

    def __init__(self, name: str) -> None:
        self._job: Callable[[], None] | None = None
        self._error: BaseException | None = None
        self._wanted = threading.Semaphore(0)
        self._done = threading.Event()
        self._done.set()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    @property
    def busy(self) -> bool:
        return not self._done.is_set()

    def start(self, job: Callable[[], None]) -> None:
        if self.busy:
            raise RuntimeError("a job is running")
        self._done.clear()
        self._job = job
        self._wanted.release()

    def settle(self, timeout_s: float) -> bool:
        settled = self._done.wait(timeout_s)
        if settled and self._error is not None:
            error, self._error = self._error, None
            raise error
        return settled

    def _run(self) -> None:
        while True:
            self._wanted.acquire()
            job, self._job = self._job, None
            try:
                if job is not None:
                    job()
            except BaseException as error:  # it is raised again where the loop waits
                self._error = error
            del job
            self._done.set()
