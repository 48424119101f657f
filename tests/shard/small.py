"""A small shard in place of the real one: cheap, and quick to show a loss, a doubling, or a wrong replay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast

import msgspec

from streamwatchd.batch import RawBatch
from streamwatchd.errors import StateMismatch
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.fake_disk import FakeDisk
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Record
from streamwatchd.ports.laps import Laps
from streamwatchd.ports.telemetry import Labels, Report
from streamwatchd.settings import Settings
from streamwatchd.shard.background import Inline
from streamwatchd.shard.control import Command, Have, Held, Saved, Stop, Told
from streamwatchd.shard.output import ExchangeRecord, Letters, Mark, Output, Sink, TaskId
from streamwatchd.shard.recovery import MakeShard
from streamwatchd.shard.shared import SharedStore
from streamwatchd.shard.start import Assignment, Ports
from streamwatchd.shard.stretch import Filled, PastLike
from streamwatchd.shard.version import BEGINNING, Content, Input, Version
from streamwatchd.shard.worker import Worker

MAX_DELAY_MS = 1_000
START_MS = 1_767_571_200_000


class SmallProgram(str):
    """A name in place of a compiled program; it has no models to be made ready."""

    plan = SimpleNamespace(models={})


class SmallShard:
    """Each record `{t, k}` gives an alert with its task's running count and the program that judged it, and a copy over
    the exchange; a merge task gives a KPI with how often that copy came, which must be once."""

    def __init__(self, content: Content, tasks: Iterable[TaskId], max_future_ms: int = 300_000) -> None:
        self._programs: list[tuple[int, str]] = [(BEGINNING, str(content.program))]
        self._max_future_ms = max_future_ms
        self._tasks = sorted(tasks)
        self._counts: Counter[TaskId] = Counter()
        self._seen: dict[TaskId, Counter[str]] = {task: Counter() for task in self._tasks if task.stage > 1}
        self._watermarks = dict.fromkeys(self._tasks, BEGINNING)
        self._filled: dict[TaskId, int] = {}
        self._max_event_time = BEGINNING
        self.laps = Laps()
        self._outputs: list[Output] = []
        self._exchanged: list[ExchangeRecord] = []

    def step(self, raw: RawBatch, now_ms: int) -> None:
        task = TaskId(1, raw.topic, raw.partition)
        for payload, offset in zip(raw.payloads, raw.offsets, strict=True):
            event = msgspec.json.decode(payload or b"")
            where = f"{raw.topic}/{raw.partition}/{offset}"
            if event["t"] > now_ms + self._max_future_ms:
                self._outputs.append(Output(Sink.DEAD_LETTERS, None, payload, (("offset", str(offset)),)))
                continue
            late = event["t"] <= self._watermarks[task]
            self._counts[task] += 1
            self._max_event_time = max(self._max_event_time, event["t"])
            self._watermarks[task] = max(self._watermarks[task], event["t"] - MAX_DELAY_MS)
            program = [name for at, name in self._programs if event["t"] >= at][-1]
            value: dict[str, object] = {
                "where": where, "count": self._counts[task], "program": program, "late": late,
            }  # fmt: skip
            value |= {"filled": self._filled[task]} if task in self._filled else {}
            self._outputs.append(Output(Sink.ALERTS, event["k"].encode(), value))
            self._exchanged.append(ExchangeRecord(2, len(event["k"]) % 2, where.encode()))

    def merge(self, stage: int, partition: int, payloads: list[bytes]) -> None:
        task = TaskId(stage, "", partition)
        for payload in payloads:
            self._seen[task][payload.decode()] += 1
            value: dict[str, object] = {"where": payload.decode(), "times": self._seen[task][payload.decode()]}
            self._outputs.append(Output(Sink.KPIS, None, value))

    def mark(self, mark: Mark) -> None:
        assert mark.task.stage > 1 or mark.watermark_ms > self._watermarks[mark.task]
        self._watermarks[mark.task] = mark.watermark_ms

    def take_letters(self) -> list[Letters]:
        return []

    def drain(self) -> tuple[list[Output], list[ExchangeRecord]]:
        outputs, self._outputs = self._outputs, []
        exchanged, self._exchanged = self._exchanged, []
        return outputs, exchanged

    def pasts(
        self, at_ms: int, program: object, tables: Mapping[str, object], tables_ms: Mapping[TaskId, int] = {}
    ) -> dict[TaskId, SmallPast]:
        return {task: SmallPast() for task in self._tasks if task.stage == 1} if "fills" in str(program) else {}

    def switch(
        self,
        at_ms: int,
        program: object,
        tables: Mapping[str, object],
        tasks: Iterable[TaskId] = (),
        pasts: Filled = MappingProxyType({}),
    ) -> None:
        assert at_ms > self._max_event_time
        for task, (past, from_ms) in pasts.items():
            assert isinstance(past, SmallPast)
            self._filled[task] = sum(time >= from_ms for time in past.times)
        for task in set(tasks) - set(self._tasks):
            self._tasks.append(task)
            self._watermarks[task] = BEGINNING
            self._seen[task] = Counter()
        self._programs.append((at_ms, str(program)))

    def forget_rows(self, before_ms: int) -> None:
        """It has no tables."""

    def max_event_time(self) -> int:
        return self._max_event_time

    def watermarks(self) -> dict[TaskId, int]:
        return dict(self._watermarks)

    def snapshot(self) -> dict[TaskId, bytes]:
        return {
            task: msgspec.json.encode(
                [
                    self._counts[task],
                    dict(self._seen.get(task, {})),
                    self._watermarks[task],
                    self._max_event_time,
                    self._filled.get(task),
                ]
            )
            for task in self._tasks
        }

    def restore(self, states: Mapping[TaskId, bytes]) -> None:
        for task, state in states.items():
            self._counts[task], seen, self._watermarks[task], newest, filled = msgspec.json.decode(state)
            self._filled |= {} if filled is None else {task: filled}
            self._max_event_time = max(self._max_event_time, newest)
            if task.stage > 1:
                self._seen[task] = Counter(seen)

    def counters(self) -> dict[tuple[str, Labels], int]:
        return {("events", ()): sum(self._counts.values())}

    def state_bytes(self, states: Mapping[TaskId, bytes]) -> dict[Labels, int]:
        return {}

    def take_times(self) -> list[int]:
        return []

    def work(self) -> Iterable[tuple[str, Labels, float]]:
        return ()


@dataclass(slots=True)
class SmallPast:
    """The event times of old records; a program with `fills` in its name asks for them, and tells how many it got."""

    reach_ms: int = 100
    tables_ms: int = BEGINNING
    times: list[int] = field(default_factory=list)

    def step(self, raw: RawBatch) -> None:
        self.times += [msgspec.json.decode(payload or b"")["t"] for payload in raw.payloads]

    def renew(self, newer: PastLike) -> bool:
        return True


def small_shards(job: object) -> MakeShard:
    """For worker processes."""
    return SmallShard


@dataclass
class TestLink:
    """The supervisor's end in a test: commands by turn of the loop; `Stop` once nothing has come for a while."""

    __test__ = False

    contents: Mapping[str, Content]
    script: dict[int, Sequence[Command]] = field(default_factory=dict)
    turns: int = 40
    turn: int = 0
    reports: list[Report] = field(default_factory=list)
    haves: list[Have] = field(default_factory=list)
    helds: list[Held] = field(default_factory=list)
    saveds: list[Saved] = field(default_factory=list)
    tolds: list[Told] = field(default_factory=list)
    works: list[str] = field(default_factory=list)

    def commands(self) -> Sequence[Command]:
        self.turn += 1
        return [*self.script.get(self.turn, ()), *([Stop()] if self.turn >= self.turns else [])]

    def have(self, have: Have) -> None:
        self.haves.append(have)

    def held(self, held: Held) -> None:
        self.helds.append(held)

    def saved(self, saved: Saved) -> None:
        self.saveds.append(saved)

    def told(self, told: Told) -> None:
        self.tolds.append(told)

    def content(self, digest: str) -> Content:
        if digest not in self.contents:
            raise StateMismatch(f"content {digest} is kept no more")
        return self.contents[digest]

    def report(self, report: Report) -> None:
        self.reports.append(report)

    def at_work(self, what: str) -> None:
        self.works.append(what)

    def close(self) -> None: ...


def content(name: str, topics: Sequence[str] = ("in",), stages: int = 2, idle_after_ms: int = 30_000) -> Content:
    inputs = tuple(Input(topic, idle_after_ms, MAX_DELAY_MS) for topic in topics)
    return Content(name, cast(Any, SmallProgram(name)), {}, inputs, stages)


FIRST = Version(0, BEGINNING, "v0")
SETTINGS = Settings(
    config_path=Path("/p/streamwatchd.yaml"),
    state_dir=Path("/state"),
    shards=1,
    exchange_partitions=2,
    batch_records=7,
    snapshot_every_ms=300,
)


class World:
    """A broker, a disk and a clock that outlive workers."""

    def __init__(self, partitions: int = 2, settings: Settings = SETTINGS) -> None:
        self.clock = ManualClock(START_MS)
        self.settings = settings
        topics = settings.topics
        names = {topics.alerts: 1, topics.kpis: 1, topics.dead_letters: 1, topics.late: 1, topics.journal: 4}
        counts = {"in": partitions, **names, f"{topics.exchange}.2": 2}
        self.kafka = FakeKafka(counts, clock=self.clock)
        self.disk = FakeDisk(self.kafka.faults)
        self.remote = FakeDisk()
        self.shared: SharedStore | None = None
        self.partitions = {"in": partitions}
        self.contents = {"v0": content("v0")}
        self.versions: tuple[Version, ...] = (FIRST,)
        self.sent = 0

    def share(self) -> World:
        """With a shared snapshot store."""
        self.shared = SharedStore(self.remote, Path("/shared"), self.settings.app)
        return self

    def move(self) -> None:
        """To another host: the state folder stays behind."""
        self.disk = FakeDisk(self.kafka.faults)

    def feed(self, count: int, step_ms: int = 10, partition: int | None = None, *, stamped: bool = False) -> None:
        """Events with times that follow one another, round the partitions; `stamped`: so are their records."""
        writer = self.kafka.plain_writer()
        for _ in range(count):
            number = self.sent % self.partitions["in"] if partition is None else partition
            event = {"t": START_MS + self.sent * step_ms, "k": "k" * (self.sent % 5)}
            stamp = START_MS + self.sent * step_ms if stamped else None
            writer.send([Record("in", msgspec.json.encode(event), partition=number, timestamp_ms=stamp)])
            self.sent += 1

    def worker(
        self, link: TestLink, shard: int = 0, tenure: str = "", make_shard: type[SmallShard] = SmallShard
    ) -> Worker:
        assignment = Assignment(shard, self.settings.shards, self.partitions, self.versions, tenure=tenure)
        ports = Ports(self.kafka, self.disk, self.clock, link, lambda name: Inline(), self.shared)
        return Worker(self.settings, assignment, ports, make_shard)

    def run(
        self, shard: int = 0, turns: int = 40, script: dict[int, Sequence[Command]] | None = None, tenure: str = ""
    ) -> TestLink:
        link = TestLink(self.contents, script or {}, turns)
        self.worker(link, shard, tenure).run()
        return link

    def alerts(self) -> list[dict[str, Any]]:
        return self.values(self.settings.topics.alerts)

    def kpis(self) -> list[dict[str, Any]]:
        return self.values(self.settings.topics.kpis)

    def values(self, topic: str) -> list[dict[str, Any]]:
        found = [msgspec.json.decode(record.value or b"") for record in self.kafka.records(topic)]
        return [{name: value for name, value in each.items() if name != "emitted_at"} for each in found]
