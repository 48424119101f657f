"""What is killed or stopped, and when: a SIGKILL at any instant, again during recovery, while a snapshot is written, at
the n-th write, fsync or rename; and a host that is lost with its disk."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import re
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from streamwatchd.failpoints import FIRED, POINTS, VARIABLE
from tests.crashloop.calls import CALLS, NUMBERS, Trace, has_struck, let_go, obstacle, tracer
from tests.crashloop.calls import POINTS as DISK_POINTS
from tests.kafka.process import Process

STRIKES = {
    "worker": 30, "workers": 10, "again": 15, "supervisor": 15, "everything": 15, "writing": 10, "deciding": 6,
    "zombie": 6, "moved": 8, "lost": 5, "failpoint": 16, "call": 14, "worker_pauses": 4, "supervisor_pauses": 3,
    "write": 0, "fsync": 0, "rename": 0,
}  # fmt: skip
"""Kinds of blows and how often each comes; `call` is a write, an fsync or a rename."""
_WORKERS_IN_A_ROW = 4
"""A worker that dies again and again waits longer each time; a new supervisor begins with short waits."""


class Daemon(Process):
    """A process that is struck and started again; `kills` counts strikes, `killed` processes."""

    def __init__(self, config: Path, port: int, log: Path, state: Path) -> None:
        super().__init__(config, port, log)
        self.state = state
        self.kills = self.killed = 0
        self.known: set[int] = set()
        """Every process that was ever seen."""

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        super().start()
        self.known.add(self.pid)

    def is_up(self) -> bool:
        assert self.process is not None
        return self.process.poll() is None

    def workers(self) -> list[int]:
        """Those that are there; none where the supervisor is not."""
        try:
            found = super().workers()
        except OSError:
            return []
        self.known.update(found)
        return found

    def kill(self, *pids: int) -> None:
        """At once, one strike."""
        alive = [pid for pid in pids if _is_ours(pid)]
        for pid in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.kills += bool(alive)
        self.killed += len(alive)
        if self.process is not None and self.pid in pids:
            self.process.wait()

    def kill_everything(self) -> None:
        self.kill(self.pid, *self.workers())

    def tell(self, number: int, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            if _is_ours(pid):
                os.kill(pid, number)

    def end(self) -> None:
        """Nothing of it is left, orphans included."""
        self.workers()
        for pid in self.known:
            self.tell(signal.SIGKILL, pid)
        super().end()


def _is_ours(pid: int) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"spawn_main" in command or b"streamwatchd" in command


class Blows:
    """Draws and strikes. `edit` makes a change to the project."""

    def __init__(
        self, daemon: Daemon, rng: random.Random, edit: Callable[[], None], strikes: Mapping[str, int] = STRIKES
    ) -> None:
        self._daemon = daemon
        self._rng = rng
        self._edit = edit
        self._strikes = strikes
        self._numbers = itertools.cycle((5, 1, 2, 3))
        self._in_a_row = 0
        self._armed: Path | None = None
        self.struck: list[str] = []
        self.fired: set[str] = set()
        """Failpoints that struck."""
        self.calls: list[str] = []
        """Calls that were the last of a process: `write of a worker`."""

    def strike(self) -> None:
        """One blow; the daemon is up or on its way up afterwards."""
        kind = self._rng.choices(list(self._strikes), list(self._strikes.values()))[0]
        if self._in_a_row >= _WORKERS_IN_A_ROW:
            kind = self._rng.choice(("supervisor", "everything"))
        if kind in ("supervisor", "everything", "deciding", "zombie", "failpoint", "moved", "lost"):
            self._in_a_row = 0
        elif not kind.endswith("_pauses"):
            self._in_a_row += 2 if kind == "again" else 1
        self.struck.append(kind)
        getattr(self, f"_{kind}")()

    def rest(self) -> None:
        """Until the next blow: mostly it has come up again before, now and then it has not."""
        if self._rng.random() < 0.6:
            self._until_healthy()
        time.sleep(self._rng.uniform(0.0, 1.5))

    def revive(self) -> None:
        """On a slow machine a failpoint may kill the supervisor long after it was set: one more kill, and a start."""
        if self._armed is not None and not self._daemon.is_up() and list(self._armed.iterdir()):
            self._armed = None
            self._daemon.kills += 1
            self._daemon.killed += 1
            self._daemon.start()

    def _until_healthy(self) -> None:
        def is_healthy() -> bool:
            self.revive()
            return self._daemon.health()[0] == 200

        self._daemon.until(is_healthy, 120)

    def _some(self, count: int) -> list[int]:
        workers = self._daemon.workers()
        return self._rng.sample(workers, min(count, len(workers)))

    def _worker(self) -> None:
        self._daemon.kill(*self._some(1))

    def _workers(self) -> None:
        self._daemon.kill(*self._some(self._rng.choice((2, 99))))

    def _again(self) -> None:
        """Its successor too, on its way up."""
        for pid in self._some(1):
            before = set(self._daemon.workers())
            self._daemon.kill(pid)
            successor = _wait(partial(self._others, before), 5.0)
            time.sleep(self._rng.uniform(0.0, 2.0))
            self._daemon.kill(*successor)

    def _others(self, known: set[int]) -> set[int]:
        return set(self._daemon.workers()) - known

    def _supervisor(self) -> None:
        self._daemon.workers()
        self._daemon.kill(self._daemon.pid)
        time.sleep(self._rng.choice((0.0, 0.0, 0.3, 1.0)))
        self._daemon.start()

    def _everything(self) -> None:
        self._daemon.kill_everything()
        self._daemon.start()
        if self._rng.random() < 0.2:
            time.sleep(self._rng.uniform(0.0, 3.0))
            self._daemon.kill_everything()
            self._daemon.start()

    def _lost(self) -> None:
        """The host dies, its disk with it: all there is now is what Kafka has."""
        self._daemon.kill_everything()
        shutil.rmtree(self._daemon.state, ignore_errors=True)
        self._daemon.start()

    def _writing(self) -> None:
        """While a file of the state is half written: all workers, or everything."""
        _wait(lambda: list(self._daemon.state.rglob("*.tmp")), 3.0, 0.0005)
        if self._rng.random() < 0.5:
            self._workers()
        else:
            self._everything()

    def _deciding(self) -> None:
        """A change of rules is on disk, and perhaps some worker has heard of it."""
        versions = self._daemon.state / "versions"
        _wait(versions.exists, 30.0)  # it may have been lost just before
        before = versions.stat().st_mtime_ns
        self._edit()
        _wait(lambda: versions.stat().st_mtime_ns != before, 3.0, 0.0005)
        time.sleep(self._rng.choice((0.0, 0.0, 0.005, 0.05)))
        self._rng.choice((self._supervisor, self._everything, self._workers))()

    def _zombie(self) -> None:
        """A worker stands still, its supervisor dies, another one is at work; then the worker goes on."""
        for pid in self._some(1):
            self._daemon.tell(signal.SIGSTOP, pid)
            self._supervisor()
            time.sleep(self._rng.uniform(0.5, 4.0))
            self._daemon.tell(signal.SIGCONT, pid)

    def _moved(self) -> None:
        """Another number of shards, and mostly a death in the middle of the move, or at one of its points."""
        self._daemon.kill_everything()
        text = self._daemon.config.read_text()
        number = next(self._numbers)
        self._daemon.config.write_text(re.sub(r"(?m)^shards: \d+", f"shards: {number}", text))
        if self._rng.random() < 0.4:
            point = self._rng.choice([each for each in POINTS if each.startswith(("move.", "epoch.", "snapshot."))])
            self._daemon.environment = {
                VARIABLE: f"{point}=kill@{self._rng.choice((1, 1, 2, 3))}", FIRED: str(self._fired_folder()),
            }  # fmt: skip
        self._daemon.start()
        self._daemon.environment = {}
        if self._rng.random() < 0.8:
            _wait(lambda: bool(self._daemon.workers()), 20.0)
            time.sleep(self._rng.uniform(0.0, 2.5))
            self._daemon.kill_everything()
            self._daemon.start()

    def _failpoint(self) -> None:
        """At a named place in the code, at the n-th pass of some process that starts now."""
        point, nth = self._rng.choice(list(POINTS)), self._rng.choice((1, 1, 2, 3, 5, 9))
        actions = ["kill"] * 5 + [f"kill_in:{self._rng.randrange(30)}"] * 3 + ["delay:1500"]
        action = self._rng.choice(actions)
        if point.startswith("disk.") and self._rng.random() < 0.4:
            self._reach(point, "(shard-)", "raise", nth)
        else:
            self._reach(point, "", action, nth)

    def _reach(self, point: str, detail: str, action: str, nth: int) -> bool:
        """Start everything anew with this armed; whether it struck in time."""
        fired = self._fired_folder()
        text = f"{point}{detail}={action}@{nth}"
        self.struck[-1] = f"{self.struck[-1].split()[0]} {text}"
        self._daemon.environment = {VARIABLE: text, FIRED: str(fired)}
        self._everything()
        self._daemon.environment = {}
        if point.startswith("version."):
            self._armed = fired
            self._until_healthy()
            if self._armed is None:  # it struck as an edit from before was put in force
                self.fired.add(point)
                return True
            self._armed = None
            self._edit()
        _wait(lambda: list(fired.iterdir()), 10.0)
        struck = bool(list(fired.iterdir()))
        if struck:
            self.fired.add(point)
            self._daemon.kills += action.startswith("kill")
            self._daemon.killed += action.startswith("kill")
            time.sleep(0.1)
        else:
            self._armed = fired
        if not self._daemon.is_up():
            self._daemon.start()
        return struck

    def _call(self) -> None:
        self._at(self._rng.choice(list(CALLS)))

    def _write(self) -> None:
        self._at("write")

    def _fsync(self) -> None:
        self._at("fsync")

    def _rename(self) -> None:
        self._at("rename")

    def _at(self, call: str) -> None:
        """At the n-th write to the state folder, fsync or rename: of a worker, of the supervisor that has an edit to
        put down, or of whichever process makes so many first after a start of everything. At failpoints it is any."""
        whose = self._rng.choice(("worker", "worker", "supervisor", "start")) if not obstacle() else "failpoint"
        nth = self._rng.choice(NUMBERS[call])
        self.struck[-1] = f"call {call}@{nth} {whose}"
        if obstacle():
            struck = self._reach(DISK_POINTS[call], "", "kill", nth)
        elif whose == "worker":
            self._until_healthy()
            struck = any(self._trace(pid, call, nth, lambda: None) for pid in self._some(1))
        elif whose == "supervisor":
            self._until_healthy()
            struck = self._trace(self._daemon.pid, call, nth, self._edit)
        else:
            struck = self._start_traced(call, nth)
        if struck:
            self.calls.append(f"{call} of {'a worker' if whose == 'worker' else f'the {whose}'}")

    def _trace(self, pid: int, call: str, nth: int, prompt: Callable[[], None]) -> bool:
        """Wait for the call after `prompt`; the supervisor is up again afterwards."""
        report = self._report()
        with Trace(pid, call, nth, report, self._daemon.state):
            _wait(report.exists, 5.0)
            prompt()
            _wait(lambda: has_struck(report), 12.0)
        return self._count_call(pid, has_struck(report))

    def _start_traced(self, call: str, nth: int) -> bool:
        """Everything, with all that it starts; the tracer is no parent of it."""
        report = self._report()
        self._daemon.kill_everything()
        self._daemon.wrapper = [*tracer(call, nth, report, self._daemon.state), "-D"]
        self._daemon.start()
        self._daemon.wrapper = []
        pid = self._daemon.pid
        _wait(lambda: has_struck(report), 12.0)
        let_go([pid, *self._daemon.workers()])
        return self._count_call(pid, has_struck(report))

    def _report(self) -> Path:
        return self._daemon.state.parent / f"strace-{len(self.struck)}"

    def _count_call(self, pid: int, struck: bool) -> bool:
        self._daemon.kills += struck
        self._daemon.killed += struck
        if struck:
            _wait(lambda: not _is_ours(pid), 0.5)
        if not _is_ours(self._daemon.pid):
            assert self._daemon.process is not None
            self._daemon.process.wait(30)  # the death of a process is told to its tracer first
        if not self._daemon.is_up():
            self._in_a_row = 0
            self._daemon.start()
        return struck

    def _fired_folder(self) -> Path:
        """So that a failpoint kills once, and not each process that is started again."""
        folder = self._daemon.state.parent / f"fired-{len(self.struck)}"
        folder.mkdir()
        return folder

    def _worker_pauses(self) -> None:
        for pid in self._some(1):
            self._pause(pid)

    def _supervisor_pauses(self) -> None:
        self._pause(self._daemon.pid)

    def _pause(self, pid: int) -> None:
        self._daemon.tell(signal.SIGSTOP, pid)
        time.sleep(self._rng.uniform(0.2, 3.0))
        self._daemon.tell(signal.SIGCONT, pid)


def _wait(wanted: Callable[[], list[int] | set[int] | list[Path] | bool], seconds: float, step: float = 0.02) -> list:
    """What `wanted` gave first, or nothing at the time-out; files may come and go while it looks."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if found := wanted():
                return list(found) if isinstance(found, list | set) else []
        time.sleep(step)
    return []
