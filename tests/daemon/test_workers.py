"""One place for a worker: its back-off, its end, its silence. Workers at work are in test_supervisor."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from streamwatchd.daemon.process import Job
from streamwatchd.daemon.workers import WorkerSlot
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.librdkafka import Librdkafka
from streamwatchd.shard.control import Stop
from streamwatchd.shard.start import Assignment
from tests.daemon.project import ListLog
from tests.shard.small import FIRST, SETTINGS, small_shards


class Setting:
    """A slot whose worker finds no broker: it waits, and does as it is told."""

    def __init__(self, folder: Path) -> None:
        settings = replace(SETTINGS, state_dir=folder)
        nobody = Librdkafka({"bootstrap.servers": "127.0.0.1:1"})
        job = Job(settings, Assignment(0, 1, {"in": 1}, (FIRST,)), nobody, small_shards)
        self.clock, self.log = ManualClock(), ListLog()
        self.slot = WorkerSlot(0, lambda shard: job, self.clock, self.log)

    def start(self) -> int:
        assert self.slot.start_if_due()
        return int(self.log.lines[-1][2]["pid"])

    def until_gone(self, stopping: bool = False) -> None:
        deadline = time.monotonic() + 20
        while not self.slot.reap(stopping):
            list(self.slot.messages())
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    setting = Setting(tmp_path)
    yield setting
    setting.slot.kill()
    while setting.slot.is_up:
        setting.slot.reap(stopping=True)


def test_restarts_wait_longer_each_time(setting: Setting) -> None:
    """A crash loop costs little, and is counted and logged."""
    for wait_s in (0.4, 0.8):
        os.kill(setting.start(), signal.SIGKILL)
        setting.until_gone()
        lost = setting.log.lines[-1][2]
        assert (lost["exit"], lost["restart_in_seconds"]) == ("SIGKILL", wait_s)
        assert "memory" in lost["hint"]
        assert not setting.slot.start_if_due()
        setting.clock.advance(round(wait_s * 1000))
    assert setting.slot.restarts == {"SIGKILL": 2}
    assert setting.slot.phase == "away"


def test_a_long_steady_run_resets_the_wait(setting: Setting) -> None:
    """A death after an hour is no crash loop."""
    setting.slot._wait_s = 20.0
    pid = setting.start()
    setting.clock.advance(3_600_000)
    os.kill(pid, signal.SIGKILL)
    setting.until_gone()
    assert setting.log.lines[-1][2]["restart_in_seconds"] == 0.2


def test_a_silent_worker_is_killed(setting: Setting) -> None:
    """No report for long: the loop stands still. It is asked for its stacks, then killed."""
    setting.start()
    for _ in range(2):
        setting.clock.advance(200_000)
        setting.slot.kill_if_hung()
    setting.until_gone()
    assert setting.log.events().count("worker_hung") == 1
    assert setting.slot.restarts == {"hung": 1}


def test_a_crash_loop_is_said(setting: Setting) -> None:
    """Three deaths in a row, each soon after the start; a steady run ends it."""
    for _ in range(3):
        setting.clock.advance(31_000)
        os.kill(setting.start(), signal.SIGSEGV)
        setting.until_gone()
    assert setting.slot.is_crash_looping
    assert setting.log.events().count("worker_crash_loop") == 1
    assert setting.log.lines[-1][2]["losses"] == 3
    setting.clock.advance(31_000)
    pid = setting.start()
    assert not setting.slot.settle()
    setting.clock.advance(61_000)
    assert setting.slot.settle()
    assert not setting.slot.is_crash_looping
    assert not setting.slot.settle()
    os.kill(pid, signal.SIGKILL)
    setting.until_gone()
    assert not setting.slot.is_crash_looping


def test_it_stops_when_told_while_it_waits(setting: Setting) -> None:
    """No broker, no lease on life: the stop comes through."""
    setting.start()
    setting.slot.tell(Stop())
    setting.until_gone(stopping=True)
    assert setting.slot.exit_code == 0
    assert setting.slot.is_given_up


def test_a_trouble_is_logged_when_it_begins_and_when_it_ends(setting: Setting) -> None:
    """Not at every try, though each names another file."""
    setting.slot._say_troubles({}, {"snapshot": "write 1: No space left on device"})
    setting.slot._say_troubles({"snapshot": "write 1"}, {"snapshot": "write 2"})
    setting.slot._say_troubles({"snapshot": "write 2"}, {})
    assert setting.log.events() == ["trouble_began", "trouble_ended"]
    assert setting.log.lines[0][2]["why"] == "write 1: No space left on device"
