"""A daemon without processes, for commands."""

from __future__ import annotations

import queue
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from streamwatchd.control import Request
from streamwatchd.daemon import commands
from streamwatchd.daemon.commands.context import Context
from streamwatchd.daemon.contents import Bundle, ContentStore
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.rates import Rates
from streamwatchd.daemon.reloader import Outcome, Refusals
from streamwatchd.daemon.supervisor import Asked
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.fake_disk import FakeDisk
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.telemetry import Report
from tests.daemon.project import ListLog
from tests.shard.small import SETTINGS, START_MS, content


@dataclass
class Slot:
    shard: int
    report: Report | None
    phase: str = "running"
    pid: int = 77
    restarts: Counter[str] = field(default_factory=Counter)


@dataclass
class Changes:
    wanted: Any = None
    postponed_for: str = ""


@dataclass
class Supervisor:
    """`turn` does what was asked, as the real one's does."""

    slots: list[Slot]
    changes: Changes = field(default_factory=Changes)
    rates: Rates = field(default_factory=Rates)
    inbox: queue.SimpleQueue[Asked] = field(default_factory=queue.SimpleQueue)

    def ask(self, job: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        self.inbox.put(Asked(job, future))
        return future

    def turn(self) -> None:
        while not self.inbox.empty():
            self.inbox.get().run()


@dataclass
class Reloader:
    """`on_force` is what the reload does."""

    answer: Outcome = field(default_factory=lambda: Outcome("v1", ()))
    on_force: Callable[[], None] = lambda: None
    forced: int = 0
    last_good: Mapping[str, bytes] = field(default_factory=dict)

    def force(self) -> int:
        self.forced += 1
        self.on_force()
        return self.forced

    def outcome(self, number: int, timeout_s: float) -> Outcome | None:
        return self.answer


def report(shard: int, **fields: Any) -> Report:
    """Shard n reads partition n of `in`, at offset 40."""
    position = ("position_offset", (("partition", str(shard)), ("topic", "in")))
    given: dict[str, Any] = {
        "phase": "running",
        "epoch": 9,
        "gauges": {position: 40, ("version_number", ()): 0},
        "watermarks_ms": {(1, "in", shard): START_MS + 1_000 * shard},
    }
    return Report(shard=shard, at_ms=START_MS, **{**given, **fields})


class Setting:
    def __init__(self, shards: int = 2, *, working: bool = True) -> None:
        self.clock, self.kafka, self.metrics, self.log = (
            ManualClock(START_MS),
            FakeKafka({"in": 2}),
            Metrics(),
            ListLog(),
        )
        self.store = ContentStore(FakeDisk(), Path("/state"))
        self.store.add(content("v0"), Bundle(b"", {}, {}))
        self.refusals = Refusals(self.log, self.metrics)
        self.reloader = Reloader()
        self.supervisor = Supervisor([Slot(shard, report(shard)) for shard in range(shards)])
        for slot in self.supervisor.slots:
            assert slot.report is not None
            self.metrics.take(slot.report)
        self.context = Context(
            settings=replace(SETTINGS, shards=shards, kafka={"bootstrap.servers": "kafka-1:9092"}),
            started_ms=START_MS - 5_000,
            supervisor=cast(Any, self.supervisor if working else None),
            reloader=cast(Any, self.reloader if working else None),
            store=self.store,
            refusals=self.refusals,
            metrics=self.metrics,
            kafka=self.kafka,
            disk=FakeDisk(),
            clock=self.clock,
            log=self.log,
            wake=self.supervisor.turn,
        )
        self.said: list[str] = []

    def run(self, command: str, **arguments: Any) -> Mapping[str, Any]:
        return commands.run(self.context, Request(command, arguments), self.said.append)
