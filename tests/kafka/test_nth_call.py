"""Killed by the system at the n-th write, fsync or rename of a process, the daemon comes back with all it had.

`strace` counts the calls and kills, so the places are the system's and not ours; without it the failpoints of
tests/shard/test_crash_points.py have to do.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crashloop.calls import has_struck, obstacle, tracer
from tests.kafka.site import Site

pytestmark = pytest.mark.kafka

PLACES = os.environ.get("STREAMWATCHD_NTH_CALLS", "write:20 fsync:5 rename:5").split()


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
    site.wrapper = tracer(call, int(nth), report, tmp_path / "state")
    site.start()
    deadline = time.monotonic() + 60
    while not has_struck(report):
        assert time.monotonic() < deadline, "no process made so many calls"
        site.feed(60)
        time.sleep(0.2)
    kill_all(site)
    site.wrapper = []
    site.feed(60)
    site.start_and_wait()
    site.until_all_counted()


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
