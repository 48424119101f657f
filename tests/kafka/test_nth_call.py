"""Killed by the system at the n-th write, fsync or rename of a process, the daemon comes back with all it had.

`strace` counts the calls and kills, so the places are the system's and not ours; without it the failpoints of
tests/shard/test_crash_points.py have to do.
"""

from __future__ import annotations

import functools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kafka.site import Site

pytestmark = pytest.mark.kafka

CALLS = {"write": "write,pwrite64", "fsync": "fsync,fdatasync", "rename": "?rename,?renameat,?renameat2"}
PROBE = "import os; f = os.open('.', os.O_RDONLY); os.fsync(f)"
PLACES = os.environ.get("STREAMWATCHD_NTH_CALLS", "write:60 fsync:5 rename:5").split()


@functools.cache
def obstacle() -> str:
    """Why the system can't kill at a call here, or nothing."""
    if shutil.which("strace") is None:
        return "no strace: apt-get install strace"
    done = subprocess.run([*tracer("fsync", 1, Path(os.devnull)), sys.executable, "-c", PROBE], capture_output=True)
    if done.returncode not in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return f"strace can't kill here: {done.stderr.decode()[-200:]}"
    return ""


def tracer(call: str, nth: int, report: Path) -> list[str]:
    calls = CALLS[call]
    return [
        "strace",
        "-f",
        "-qq",
        "-o",
        str(report),
        "-e",
        f"trace={calls}",
        "-e",
        f"inject={calls}:signal=KILL:when={nth}",
    ]


@pytest.fixture
def site(kafka: str, tmp_path: Path) -> Iterator[Site]:
    if problem := obstacle():
        pytest.skip(problem)
    made = Site(kafka, tmp_path, snapshot_every="300ms")
    yield made
    made.end()


@pytest.mark.parametrize("place", PLACES)
def test_killed_at_the_nth_call_nothing_is_lost_or_doubled(site: Site, place: str, tmp_path: Path) -> None:
    """Whichever process it is that makes so many of them first."""
    call, nth = place.split(":")
    report = tmp_path / "strace"
    site.wrapper = tracer(call, int(nth), report)
    site.start()
    deadline = time.monotonic() + 60
    while not killed(report):
        assert time.monotonic() < deadline, "no process made so many calls"
        site.feed(60)
        time.sleep(0.2)
    kill_all(site)
    site.wrapper = []
    site.feed(60)
    site.start_and_wait()
    site.until_all_counted()


def killed(report: Path) -> bool:
    return report.exists() and "killed by SIGKILL" in report.read_text()


def kill_all(site: Site) -> None:
    """The tracer's child is the supervisor; its workers go with it, and the tracer last."""
    assert site.process is not None
    for pid in children(site.process.pid):
        for worker in children(pid):
            kill(worker)
        kill(pid)
    site.process.wait(30)


def children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
