"""Death at the n-th write, fsync or rename: `strace` counts the calls of each thread and kills the whole process.

The places are the system's and not ours. Where there is no strace, or it may not attach, failpoints of the disk port
stand for them: before a file is written, before its fsync, before its rename.

Of writes only those to files of the state folder count: a worker writes to its pipes far more often.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from streamwatchd.ports.disk import TEMPORARY

CALLS = {"write": "write,pwrite64", "fsync": "fsync,fdatasync", "rename": "?rename,?renameat,?renameat2"}
NUMBERS = {"write": (1, 2, 3, 4, 5, 9, 15, 30), "fsync": (1, 1, 2, 3, 4, 6), "rename": (1, 1, 2, 3)}
"""Which call of its kind it may be; a snapshot makes two fsyncs and one rename."""
POINTS = {"write": "disk.writing", "fsync": "disk.written", "rename": "disk.synced"}
_EPOCHS_AHEAD, _MOST_SHARDS = 400, 5
_PROBE = "import os, time\nf = os.open('.', os.O_RDONLY)\nwhile True: os.fsync(f); time.sleep(0.01)"


def tracer(call: str, nth: int, report: Path, state: Path) -> list[str]:
    """The command that runs what follows it, or with `-p` attaches, and kills at the n-th such call; at the n-th write
    to a file of the folder `state`."""
    calls = CALLS[call]
    what = ["-e", f"trace={calls}", "-e", f"inject={calls}:signal=KILL:when={nth}"]
    only = [part for path in files_to_come(state) for part in ("-P", str(path))] if call == "write" else []
    return ["strace", "-f", "-y", "-qq", "-o", str(report), *what, *only]


def files_to_come(state: Path) -> list[Path]:
    """What may be written next in a state folder: `strace -P` takes names and no pattern. Snapshots and journals of the
    next epochs of each shard, and what is there already, also under its temporary name. Not the rules of a version that
    is not there yet, as their name is a hash."""
    there = [path for path in state.rglob("*") if path.is_file()]
    found = {path for each in there for path in (each, each.with_name(each.name + TEMPORARY))}
    shards = [path for path in state.rglob("shard-*") if path.is_dir()]
    for shard in shards or [state / f"shard-{number}" for number in range(_MOST_SHARDS)]:
        numbers = [int(number) for path in shard.glob("*") for number in re.findall(r"\d{20}", path.name)]
        for epoch in range(max(numbers, default=0), max(numbers, default=0) + _EPOCHS_AHEAD):
            found |= {shard / f"{epoch:020d}.snapshot{TEMPORARY}", shard / f"journal-{epoch:020d}.log"}
    return sorted(found)


def has_struck(report: Path) -> bool:
    return report.exists() and "killed by SIGKILL" in report.read_text()


@functools.cache
def obstacle() -> str:
    """Why nothing can be killed at a call here, or nothing."""
    if shutil.which("strace") is None:
        return "no strace: apt-get install strace"
    with subprocess.Popen([sys.executable, "-c", _PROBE]) as probe:
        with Trace(probe.pid, "fsync", 2, Path(os.devnull), Path(os.devnull)) as trace:
            deadline = time.monotonic() + 10
            while probe.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
        killed = probe.poll() == -signal.SIGKILL
        probe.kill()
    return "" if killed else f"strace can't kill here: {trace.said[-200:]}"


class Trace:
    """Attached to a process that makes no threads just now, until it dies, or until the end of the block."""

    def __init__(self, pid: int, call: str, nth: int, report: Path, state: Path) -> None:
        self._pid = pid
        command = [*tracer(call, nth, report, state), "-p", str(pid)]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.said = ""

    def __enter__(self) -> Trace:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            _, self.said = self._process.communicate(timeout=3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        tell(self._pid, signal.SIGCONT)


def let_go(pids: Iterable[int]) -> None:
    """End the tracers of these, which go on; one that hangs is killed."""
    pids = list(pids)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for each in {_tracer_of(pid) for pid in pids} - {0}:
            tell(each, number)
        deadline = time.monotonic() + 3
        while any(map(_tracer_of, pids)) and time.monotonic() < deadline:
            time.sleep(0.02)
    for pid in pids:
        tell(pid, signal.SIGCONT)


def _tracer_of(pid: int) -> int:
    """0 without one."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return int(status.partition("TracerPid:")[2].split()[0])


def tell(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
