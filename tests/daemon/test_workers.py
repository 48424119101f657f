"""One place for a worker: its back-off, its end, its silence. Workers at work are in test_supervisor."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import ClassVar

import pytest

from streamwatchd.daemon.process import Job
from streamwatchd.daemon.workers import WorkerSlot
from streamwatchd.errors import Unavailable
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.librdkafka import Librdkafka
from streamwatchd.shard.control import Stop
from streamwatchd.shard.start import Assignment
from tests.daemon.project import ListLog
from tests.shard.small import FIRST, SETTINGS, small_shards


class Nobody(Librdkafka):
    """No broker answers; a fence takes as long as `fences` is clear, and goes wrong where `refused` says so."""

    asked: ClassVar[list[str]] = []
    fences: ClassVar[threading.Event] = threading.Event()
    refused: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__({"bootstrap.servers": "127.0.0.1:1"})

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return Nobody, ()

    def fence(self, transactional_id: str) -> None:
        Nobody.asked.append(transactional_id)
        assert self.fences.wait(20)
        if self.refused:
            raise Unavailable(self.refused)


class Setting:
    """A slot whose worker finds no broker: it waits, and does as it is told."""

    def __init__(self, folder: Path) -> None:
        settings = replace(SETTINGS, state_dir=folder)
        self.job = Job(settings, Assignment(0, 1, {"in": 1}, (FIRST,)), Nobody(), small_shards)
        self.clock, self.log = ManualClock(), ListLog()
        self.slot = WorkerSlot(0, lambda shard: self.job, self.clock, self.log)
        Nobody.asked, Nobody.refused = [], ""
        Nobody.fences.set()

    def start(self) -> int:
        self.until(self.slot.start_if_due)
        return int([each["pid"] for _, name, each in self.log.lines if name == "worker_started"][-1])

    def until(self, wanted: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not wanted():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def said(self, name: str) -> dict[str, object]:
        """The last line of that name."""
        self.until(lambda: name in self.log.events())
        return [each for _, event, each in self.log.lines if event == name][-1]

    def until_gone(self, stopping: bool = False) -> None:
        def gone() -> bool:
            list(self.slot.messages())
            return self.slot.reap(stopping)

        self.until(gone)


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
        lost = setting.said("worker_lost")
        assert (lost["exit"], lost["restart_in_seconds"]) == ("SIGKILL", wait_s)
        assert "memory" in str(lost["hint"])
        assert not setting.slot.start_if_due()
        setting.clock.advance(round(wait_s * 1000))
    assert setting.slot.restarts == {"SIGKILL": 2}
    assert setting.slot.phase == "away"


def test_one_that_is_killed_at_the_end_of_a_stop_is_no_loss(setting: Setting) -> None:
    """It is not started again, and this is no error."""
    os.kill(setting.start(), signal.SIGKILL)
    setting.until_gone(stopping=True)
    assert setting.said("worker_cut_short")["exit"] == "SIGKILL"
    assert "worker_lost" not in setting.log.events()
    assert not setting.slot.start_if_due()


def test_a_long_steady_run_resets_the_wait(setting: Setting) -> None:
    """A death after an hour is no crash loop."""
    setting.slot._wait_s = 20.0
    pid = setting.start()
    setting.clock.advance(3_600_000)
    os.kill(pid, signal.SIGKILL)
    setting.until_gone()
    assert setting.said("worker_lost")["restart_in_seconds"] == 0.2


def test_a_dead_workers_transaction_is_ended_before_its_successor_starts(setting: Setting) -> None:
    """At once, under the shard's own id; the successor waits for it, however long ago it was due."""
    Nobody.fences.clear()
    os.kill(setting.start(), signal.SIGKILL)
    setting.until_gone()
    setting.until(lambda: Nobody.asked == [f"{setting.job.settings.app}.0.0"])
    setting.clock.advance(5_000)
    assert not setting.slot.start_if_due()
    assert 0 < setting.slot.rest_s < 0.1
    Nobody.fences.set()
    setting.start()
    assert setting.said("transaction_ended")["shard"] == 0


def test_a_fence_that_fails_or_never_ends_holds_up_no_successor_for_long(setting: Setting) -> None:
    """It is said where brokers do not answer; a client that never comes back is not waited for."""
    Nobody.refused = "no broker answers"
    os.kill(setting.start(), signal.SIGKILL)
    setting.until_gone()
    assert setting.said("transaction_left_open")["reason"] == "no broker answers"
    setting.clock.advance(1_000)
    Nobody.fences.clear()
    os.kill(setting.start(), signal.SIGKILL)
    setting.until_gone()
    setting.clock.advance(9_000)
    assert not setting.slot.start_if_due()
    setting.clock.advance(2_000)
    setting.start()
    Nobody.fences.set()


def test_only_who_writes_in_transactions_and_comes_again_is_fenced(setting: Setting) -> None:
    """Not with `at_least_once`, and not where nobody is to come after."""
    setting.job = replace(setting.job, settings=replace(setting.job.settings, delivery="at_least_once"))
    os.kill(setting.start(), signal.SIGKILL)
    setting.until_gone()
    assert setting.slot.rest_s == pytest.approx(0.4)
    setting.clock.advance(1_000)
    setting.job = replace(setting.job, settings=replace(setting.job.settings, delivery="exactly_once"))
    os.kill(setting.start(), signal.SIGKILL)
    setting.until_gone(stopping=True)
    assert setting.slot.rest_s == inf
    assert Nobody.asked == []


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
    assert setting.said("worker_crash_loop")["losses"] == 3
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
