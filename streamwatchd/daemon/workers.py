"""The worker processes: start, watch, start again."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf
from multiprocessing.connection import Connection
from typing import Any
from uuid import uuid4

from streamwatchd.daemon.fencing import Fencing
from streamwatchd.daemon.logs import Log
from streamwatchd.daemon.process import NOT_RESTARTED, STACKS_SIGNAL, Job, work
from streamwatchd.ports.clock import Clock
from streamwatchd.ports.telemetry import BlackBox, Report
from streamwatchd.shard.control import Command

_LEAST_WAIT_S = 0.2
_MOST_WAIT_S = 30.0
_STEADY_S = 60.0
_HUNG_S = 12.0
_SLOW_START_S = 120.0
_CRASH_LOOP = 3
_FENCE_LOOK_S = 0.02
_CLAIMED = ("replaying", "running", "leaving")
"""Phases that come after a worker has claimed its shard."""

_OUT_OF_MEMORY = (
    "SIGKILL comes from the kernel when memory runs out (see `journalctl -k`), from an operator, or from us"
)
_CUT_SHORT = "nothing is lost: what it had not committed by the end of the stop is taken in by the next start"
_POISON = "the same records kill it again and again: take out the rule that can't bear them, or report the record"
_LOOPING = "it dies soon after each start: see worker_crashed in the log for the reason"

_spawn = multiprocessing.get_context("spawn")


@dataclass(slots=True)
class _Process:
    process: Any
    job: Job
    control: Connection
    reports: Connection
    started: float
    heard: float
    box: BlackBox
    report: Report | None = None
    notes: int = 0
    condemned: bool = False


class WorkerSlot:
    """The place of one shard: a process, or the wait for the next one. It is one tenure (see `shard.tenure`)."""

    def __init__(
        self,
        shard: int,
        job: Callable[[int], Job],
        clock: Clock,
        log: Log,
        *,
        may_end: bool = False,
        vouched: Callable[[Report], Report] = lambda report: report,
    ) -> None:
        """`job(shard)` says what to start now. `may_end`: an exit with 0 is the end of its work. `vouched` makes of a
        report what others than its worker know to be so."""
        self._may_end = may_end
        self._vouched = vouched
        self.shard = shard
        self._job = job
        self._clock = clock
        self._log = log
        self._fencing = Fencing(shard, clock, log)
        self._tenure = uuid4().hex[:12]
        self._begun = False
        self._running: _Process | None = None
        self._start_at: float | None = clock.monotonic()
        self._wait_s = _LEAST_WAIT_S
        self.restarts: Counter[str] = Counter()
        """By reason: the signal or the exit code, or `hung`."""
        self.losses = 0
        """Deaths in a row, each soon after the start."""
        self.died_at = ""
        """What the last worker that died was evaluating, if anything."""
        self.exit_code: int | None = None

    @property
    def phase(self) -> str:
        """What the worker does; `away` without a process."""
        if self._running is None:
            return "away"
        return self._running.report.phase if self._running.report else "starting"

    @property
    def report(self) -> Report | None:
        return self._running.report if self._running else None

    @property
    def pid(self) -> int | None:
        return self._running.process.pid if self._running else None

    @property
    def is_up(self) -> bool:
        return self._running is not None

    @property
    def is_given_up(self) -> bool:
        """It left for a reason that a restart does not cure."""
        return self._running is None and self._start_at is None

    @property
    def is_crash_looping(self) -> bool:
        return self.losses >= _CRASH_LOOP

    @property
    def rest_s(self) -> float:
        """How long nothing is due here but messages; endless where nothing ever is."""
        if self._running is not None or self._start_at is None:
            return inf
        return max(_FENCE_LOOK_S if self._fencing.is_on else 0.0, self._start_at - self._clock.monotonic())

    def start_if_due(self) -> bool:
        if self.rest_s > 0:
            return False
        near_control, far_control = _spawn.Pipe()
        near_reports, far_reports = _spawn.Pipe(duplex=False)
        memory = _spawn.RawArray("c", BlackBox.SIZE)
        job = self._job(self.shard)
        assignment = replace(job.assignment, losses=self.losses, tenure=self._tenure, begun=self._begun)
        job = replace(job, assignment=assignment)
        process = _spawn.Process(
            target=work,
            args=(job, far_control, far_reports, memory, os.getpid()),
            name=f"streamwatchd-shard-{self.shard}",
        )
        try:
            process.start()
        except OSError as error:
            self._wait_s = min(_MOST_WAIT_S, 2 * self._wait_s)
            self._start_at = self._clock.monotonic() + self._wait_s
            self._log.error("worker_not_started", shard=self.shard, reason=str(error))
            return False
        far_control.close()
        far_reports.close()
        now = self._clock.monotonic()
        self._running = _Process(process, job, near_control, near_reports, now, now, BlackBox(memory))
        self._log.info("worker_started", shard=self.shard, pid=process.pid)
        return True

    def waitables(self) -> list[Any]:
        running = self._running
        return [] if running is None else [running.control, running.reports, running.process.sentinel]

    def messages(self) -> Iterator[object]:
        """Reports (kept as well) and questions that have arrived."""
        running = self._running
        for connection in (running.reports, running.control) if running else ():
            try:
                while connection.poll():
                    message = connection.recv()
                    if isinstance(message, Report):
                        message = self._vouched(message)
                        self._take(message)
                    yield message
            except (EOFError, OSError):
                continue

    def _take(self, report: Report) -> None:
        assert self._running is not None
        running = self._running
        for note in report.notes[running.notes :]:
            self._log.info("worker_noted", shard=self.shard, note=note)
        self._say_troubles(running.report.troubles if running.report else {}, report.troubles)
        self._begun = self._begun or report.phase in _CLAIMED
        running.notes, running.report, running.heard = len(report.notes), report, self._clock.monotonic()

    def _say_troubles(self, before: Mapping[str, str], now: Mapping[str, str]) -> None:
        """Once, though the reason may name another file at every try."""
        for what in now.keys() - before.keys():
            self._log.warning("trouble_began", shard=self.shard, what=what, why=now[what])
        for what in before.keys() - now.keys():
            self._log.warning("trouble_ended", shard=self.shard, what=what)

    def tell(self, message: Command | object) -> None:
        if self._running is not None:
            try:
                self._running.control.send(message)
            except OSError:
                return

    def reap(self, stopping: bool) -> bool:
        """True when the process has ended since the last call; sets when to start the next one."""
        running = self._running
        if running is None or running.process.is_alive():
            return False
        running.process.join()
        code = running.process.exitcode
        stopping = stopping or (self._may_end and code == 0)
        running.control.close()
        running.reports.close()
        running.process.close()
        self._running, self.exit_code = None, code
        self.died_at = running.box.read() if code else ""
        how = signal.Signals(-code).name if code < 0 else str(code)
        if stopping or code in NOT_RESTARTED:
            self._start_at = None
        else:
            self._fencing.begin(running.job)
            self._plan_restart(running.started)
            self.restarts["hung" if running.condemned else how] += 1
        self._say_left(code, "hung" if running.condemned else how, stopping)
        return True

    def _plan_restart(self, started: float) -> None:
        now = self._clock.monotonic()
        steady = now - started > _STEADY_S
        self._wait_s = _LEAST_WAIT_S if steady else min(_MOST_WAIT_S, 2 * self._wait_s)
        self.losses = (0 if steady else self.losses) + 1
        self._start_at = now + self._wait_s

    def settle(self) -> bool:
        """True when the worker has just been at work for so long that the deaths before it count no more."""
        running = self._running
        if running is None or not self.losses or self._clock.monotonic() - running.started <= _STEADY_S:
            return False
        self.losses, self.died_at = 0, ""
        return True

    def _say_left(self, code: int, how: str, stopping: bool) -> None:
        if code == 0 and stopping:
            self._log.info("worker_left", shard=self.shard)
            return
        if code in NOT_RESTARTED:
            self._log.error("worker_given_up", shard=self.shard, exit=how)
            return
        at = {"at": self.died_at} if self.died_at else {}
        if stopping:
            self._log.warning("worker_cut_short", shard=self.shard, exit=how, **at, hint=_CUT_SHORT)
            return
        hint = {"hint": _OUT_OF_MEMORY} if how == signal.SIGKILL.name else {}
        wait_s = round(self._wait_s, 1)
        self._log.error("worker_lost", shard=self.shard, exit=how, restart_in_seconds=wait_s, **at, **hint)
        if self.is_crash_looping:
            killed = _OUT_OF_MEMORY if how == signal.SIGKILL.name else _LOOPING
            hint = {"hint": _POISON if self.died_at else killed}
            self._log.error("worker_crash_loop", shard=self.shard, losses=self.losses, exit=how, **at, **hint)

    def kill_if_hung(self) -> None:
        """No sign of life: its loop, or its disk, stands still. It says where, and is killed at the next call; the
        next start recovers."""
        running = self._running
        if running is None:
            return
        now = self._clock.monotonic()
        at_work = running.report is not None and running.report.phase == "running"
        limit_s = _HUNG_S if at_work else _SLOW_START_S
        if running.condemned:
            running.process.kill()
        elif now - running.heard > limit_s:
            at = {"at": running.box.read()} if running.box.read() else {}
            self._log.error("worker_hung", shard=self.shard, silent_seconds=round(now - running.heard), **at)
            running.condemned = True
            os.kill(running.process.pid, STACKS_SIGNAL)

    def kill(self) -> None:
        if self._running is not None:
            self._running.process.kill()
