"""Hosts that share shards: heard, silent, taken over; on files and a clock in memory."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from streamwatchd.daemon import hosts as hosts_module
from streamwatchd.daemon.hosts import Hosts, host_name
from streamwatchd.daemon.orders import Order
from streamwatchd.errors import Unavailable
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.fake_disk import FakeDisk, broken
from streamwatchd.shard.idle import Standing
from streamwatchd.shard.shared import SharedStore
from tests.daemon.project import ListLog
from tests.shard.small import SETTINGS

TASK = (1, "in", 0)


class Room:
    """Hosts a, b, … on one store."""

    def __init__(self, count: int = 2) -> None:
        self.clock, self.files = ManualClock(), FakeDisk()
        store = SharedStore(self.files, Path("/shared"), "app")
        self.taken: list[tuple[str, tuple[int, ...]]] = []
        self.hosts = []
        for number in range(count):
            settings = replace(SETTINGS, state_dir=Path(f"/state-{number}"), take_over_after_ms=30_000)
            host = Hosts(store, settings, self.clock, ListLog())
            host.take_over = lambda shards, silent, name=host.name: self.taken.append((name, shards))  # type: ignore[misc]
            host.say([2 * number, 2 * number + 1], {TASK: Standing(100 + number, idle=True)})
            self.hosts.append(host)

    def pass_time(self, seconds: int, *hosts: Hosts) -> None:
        for _ in range(0, seconds, 2):
            self.clock.sleep(2)
            for each in hosts:
                each.beat()


def test_a_host_that_beats_keeps_its_shards() -> None:
    """And says how far its partitions are, for the pace of idle ones."""
    room = Room()
    room.pass_time(120, *room.hosts)
    assert room.taken == []
    assert room.hosts[0].heard[room.hosts[1].name].shards == (2, 3)
    assert room.hosts[0].standings() == {TASK: Standing(101, idle=True)}


def test_one_that_falls_silent_is_taken_over() -> None:
    """By our own clock, after the lease; its partitions are not idle to us meanwhile."""
    room = Room()
    first, second = room.hosts
    room.pass_time(10, first, second)
    room.pass_time(28, second)
    assert room.taken == []
    assert second.standings() == {TASK: Standing(100, idle=False)}
    room.pass_time(4, second)
    assert room.taken[0] == (second.name, (0, 1))


def test_what_another_host_took_over_already_is_left_to_it() -> None:
    """Two hosts watch; whoever has the shards says so."""
    room = Room(3)
    first, second, third = room.hosts
    room.pass_time(10, first, second, third)
    second.say([0, 1, 2, 3], {})
    room.pass_time(60, second, third)
    assert room.taken == []


def test_a_store_that_is_down_says_nothing_of_a_host() -> None:
    """After it has come back every host has its whole lease again."""
    room = Room()
    first, second = room.hosts
    room.pass_time(10, first, second)
    room.files.faults.at(1, broken, point="disk.list")
    room.clock.sleep(300)
    with pytest.raises(Unavailable):
        second.beat()
    second._forgive()
    room.pass_time(20, second)
    assert room.taken == []


def test_one_that_leaves_is_not_taken_over() -> None:
    """A planned stop is no death."""
    room = Room()
    first, second = room.hosts
    room.pass_time(10, first, second)
    first.close()
    room.pass_time(120, second)
    assert room.taken == []


def test_without_a_lease_only_a_command_takes_over() -> None:
    """Silence alone is no reason."""
    room = Room()
    first, second = room.hosts
    second._lease_s = 0.0
    room.pass_time(10, first, second)
    room.pass_time(600, second)
    assert room.taken == []


def test_two_daemons_of_one_machine_are_two_hosts() -> None:
    """By their state folders."""
    other = replace(SETTINGS, state_dir=Path("/elsewhere"))
    assert host_name(SETTINGS) != host_name(other)


def test_what_is_to_be_written_does_not_wait_for_the_next_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    """All shards hold still for a change until its end is written."""
    monkeypatch.setattr(hosts_module, "_BEAT_S", 3_600.0)
    room = Room(count=1)
    (host,) = room.hosts
    written = threading.Event()
    host.follow()
    try:
        host.orders.give(Order(host.name, 1, "digest", over=True), done=written.set)
        assert written.wait(20)
    finally:
        host.close()
