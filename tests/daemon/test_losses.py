"""Workers that hang, and records that kill: found, named and lived with, while the other shard goes on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from streamwatchd.batch import RawBatch
from streamwatchd.daemon import workers
from streamwatchd.daemon.process import Job
from streamwatchd.ports.embedded import EmbeddedBroker
from streamwatchd.ports.kafka import Record
from streamwatchd.shard.assignor import owner
from streamwatchd.shard.recovery import MakeShard
from tests.daemon.test_supervisor import Setting
from tests.shard.small import START_MS, SmallShard


class DelicateShard(SmallShard):
    """Some records are more than it can bear."""

    def step(self, raw: RawBatch, now_ms: int) -> None:
        keys = {msgspec.json.decode(payload or b"")["k"] for payload in raw.payloads}
        if "kill" in keys:
            os.kill(os.getpid(), signal.SIGSEGV)
        while "hang" in keys:
            time.sleep(0.01)
        super().step(raw, now_ms)


def delicate_shards(job: object) -> MakeShard:
    return DelicateShard


class Delicate(Setting):
    """Two shards, each with a partition of its own to send to."""

    patience_s = 120.0

    def __init__(self, broker: EmbeddedBroker, folder: Path) -> None:
        super().__init__(broker, folder, shards=2)
        self.settings = replace(self.settings, batch_records=1_000)
        self.supervisor = self.fresh()
        self.put_in_force("v0")
        self.until_running()
        self.owned = {owner(self.topic, p, 2): p for p in range(EmbeddedBroker.PARTITIONS)}

    def job(self, assignment: object) -> Job:
        return Job(self.settings, assignment, self.kafka, delicate_shards)  # type: ignore[arg-type]

    def send(self, shard: int, *keys: str) -> None:
        writer = self.kafka.plain_writer()
        events = [{"t": START_MS + n, "k": key} for n, key in enumerate(keys)]
        writer.send(Record(self.topic, msgspec.json.encode(each), partition=self.owned[shard]) for each in events)
        writer.flush(10)

    def seen(self, shard: int) -> float:
        report = self.supervisor.slots[shard].report
        return report.counters.get(("events_total", ()), 0) if report else 0

    def said(self, event: str) -> list[dict[str, object]]:
        return [fields for _, name, fields in self.log.lines if name == event]


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as broker:
        yield broker


@pytest.fixture
def setting(broker: EmbeddedBroker, tmp_path: Path) -> Iterator[Delicate]:
    setting = Delicate(broker, tmp_path)
    yield setting
    for slot in setting.supervisor.slots:
        slot.kill()
    setting.leave()


def test_a_stopped_worker_is_killed_and_comes_back(setting: Delicate, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGSTOP: no sign of life for a few seconds. The other shard takes records meanwhile."""
    monkeypatch.setattr(workers, "_HUNG_S", 3.0)
    os.kill(setting.pid(0), signal.SIGSTOP)
    setting.send(1, "a", "b")
    setting.until(lambda: setting.seen(1) == 2)
    setting.until(lambda: setting.supervisor.slots[0].restarts == {"hung": 1})
    setting.until_running()
    setting.send(0, "a")
    setting.until(lambda: setting.seen(0) == 1)
    assert not setting.supervisor.slots[1].restarts


def test_an_endless_evaluation_is_ended_and_named(setting: Delicate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log says in which records the worker hung."""
    monkeypatch.setattr(workers, "_HUNG_S", 3.0)
    setting.send(0, "a", "hang")
    setting.until(lambda: setting.supervisor.slots[0].restarts["hung"] == 1)
    assert str(setting.said("worker_hung")[0]["at"]).startswith(f"{setting.topic}[{setting.owned[0]}] offsets 0 to 1,")


def test_a_record_that_kills_is_found_and_the_others_go_on(setting: Delicate) -> None:
    """Each start takes fewer records at a time until the log names the very one; starts come ever more rarely."""
    setting.send(0, *["a"] * 30, "kill", *["b"] * 30)
    there = f"{setting.topic}[{setting.owned[0]}] offsets 30 to 30,"
    setting.until(lambda: any(str(each.get("at", "")).startswith(there) for each in setting.said("worker_crash_loop")))
    waits = [each["restart_in_seconds"] for each in setting.said("worker_lost")]
    assert waits == sorted(waits)
    good, health = setting.supervisor.health()
    assert not good
    assert health["shards"]["0"]["died_at"].startswith(there)
    setting.send(1, "a", "b", "c")
    setting.until(lambda: setting.seen(1) == 3)
    assert not setting.supervisor.slots[1].restarts
