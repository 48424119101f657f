"""The process that changes the number of shards, on an embedded broker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from streamwatchd.daemon.moving import Moving, after, assignment_of
from streamwatchd.daemon.process import EXIT_MISMATCH
from streamwatchd.ports.clock import SystemClock
from streamwatchd.ports.embedded import EmbeddedBroker
from streamwatchd.shard.move import Order
from streamwatchd.shard.owner import Layout
from tests.daemon.test_supervisor import Setting


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as broker:
        yield broker


def moving(setting: Setting, before: Layout, shards: int, stopped: bool = False) -> Moving:
    setting.settings = replace(setting.settings, shards=shards)
    order = Order(before, after(before, setting.settings), setting.partitions, setting.store.versions)
    job = replace(setting.job(assignment_of(order)), order=order)
    return Moving(job, setting.store, SystemClock(), setting.log, lambda: stopped)


def test_a_process_moves_the_shards_and_leaves(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """Then the workers of the new layout go on, counts and all."""
    setting = Setting(broker, tmp_path)
    setting.put_in_force("v0")
    setting.until_running()
    setting.feed(20)
    setting.until(lambda: setting.records() == 20)
    assert setting.leave() == 0
    assert moving(setting, Layout(0, 1), 3).run() is None
    assert "shards_moved" in setting.log.events()
    setting.supervisor = setting.fresh(generation=1)
    setting.until_running()
    reports = [slot.report for slot in setting.supervisor.slots]
    assert sum(each.counters.get(("events_total", ()), 0) for each in reports if each) == 20
    assert setting.leave() == 0


def test_one_that_must_not_go_on_says_so(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """Another layout is in force than the one it is told to move: its exit code is the daemon's."""
    setting = Setting(broker, tmp_path)
    setting.put_in_force("v0")
    setting.until_running()
    assert setting.leave() == 0
    assert moving(setting, Layout(0, 1), 2).run() is None
    assert moving(setting, Layout(0, 1), 3).run() == EXIT_MISMATCH


def test_told_to_stop_it_leaves_everything_as_it_is(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """The next start goes on with it."""
    setting = Setting(broker, tmp_path)
    setting.put_in_force("v0")
    assert moving(setting, Layout(0, 1), 2, stopped=True).run() == 0
