"""The real engine over a project, on a broker and a disk in memory: what a daemon leaves in its state folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from streamwatchd.compiler import compile_project
from streamwatchd.daemon.contents import Bundle, ContentStore, content_of
from streamwatchd.daemon.process import Job, real_shards
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.fake_disk import FakeDisk
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.faults import Faults, Killed
from streamwatchd.ports.kafka import Record
from streamwatchd.settings import Settings
from streamwatchd.shard.background import Inline
from streamwatchd.shard.control import Change, Command, Hold
from streamwatchd.shard.start import Assignment, Ports
from streamwatchd.shard.version import Content, Version
from streamwatchd.shard.worker import Worker
from tests.shard.small import TestLink
from tests.state.traffic import PARTITIONS, START_MS

STATE = Path("/state")
PROJECT = Path(__file__).parents[1] / "cases" / "state" / "project"
SINKS = ("alerts", "kpis", "late", "dead_letters")


class StoreLink(TestLink):
    """Knows the contents that are kept on disk."""

    def __init__(
        self, store: ContentStore, script: dict[int, Sequence[Command]], turns: int, *, dies: bool = False
    ) -> None:
        """`dies`: instead of the stop there is a death."""
        super().__init__({}, script, turns)
        self._store = store
        self._dies = dies

    def commands(self) -> Sequence[Command]:
        if self._dies and self.turn + 1 >= self.turns:
            raise Killed
        return super().commands()

    def content(self, digest: str) -> Content:
        return self._store.content(digest)


class World:
    """What outlives workers; `project` has the rules of the first version."""

    def __init__(self, project: Path = PROJECT / "before") -> None:
        self.clock = ManualClock(START_MS + 10_000_000)
        self.faults = Faults()
        self.disk = FakeDisk(self.faults)
        self.settings = _settings(project)
        topics = self.settings.topics
        names = {topics.alerts: 1, topics.kpis: 1, topics.dead_letters: 1, topics.late: 1, topics.journal: 1}
        counts = {**PARTITIONS, **names, f"{topics.exchange}.2": self.settings.exchange_partitions}
        self.kafka = FakeKafka(counts, clock=self.clock, faults=self.faults)

    def store(self) -> ContentStore:
        return ContentStore(self.disk, STATE)

    def begin(self, project: Path = PROJECT / "before") -> None:
        """The first version."""
        content, bundle = _compiled(project)
        self.store().add(content, bundle)

    def feed(self, records: Iterable[Record]) -> None:
        self.kafka.plain_writer().send(records)

    def run(
        self, turns: int = 60, script: dict[int, Sequence[Command]] | None = None, *, dies: bool = False
    ) -> StoreLink:
        """A worker from its start to a stop in good order, or to its death."""
        store = self.store()
        link = StoreLink(store, script or {}, turns, dies=dies)
        assignment = Assignment(0, 1, PARTITIONS, store.versions)
        ports = Ports(self.kafka, self.disk, self.clock, link, lambda name: Inline())
        make = real_shards(Job(self.settings, assignment, self.kafka, real_shards))
        Worker(self.settings, assignment, ports, make).run()
        return link

    def change(self, project: Path, at_ms: int, *, dies: bool = False) -> StoreLink:
        """A worker's run in which another version comes in force at `at_ms`; to its end, or to its death."""
        store = self.store()
        content, bundle = _compiled(project)
        version: Version = store.add(content, bundle, at_ms)
        return self.run(script={10: [Hold(1)], 11: [Change(version)]}, dies=dies)

    def run_and_kill(self, turns: int = 60) -> None:
        """It dies where it would have stopped, and so leaves epochs behind the last snapshot in the journal."""
        self.settings = replace(self.settings, snapshot_every_ms=10**9)
        with suppress(Killed):
            self.run(turns, dies=True)
        self.disk.kill_process()
        self.settings = replace(self.settings, snapshot_every_ms=10_000)

    def outputs(self) -> dict[str, list[dict[str, Any]]]:
        """What read_committed consumers see, without what differs from run to run."""
        return {sink: [_plain(record) for record in self.kafka.records(self._topic(sink))] for sink in SINKS}

    def _topic(self, sink: str) -> str:
        return str(getattr(self.settings.topics, sink))


def _plain(record: Record) -> dict[str, Any]:
    if record.headers:
        texts = dict(record.headers)
        return texts | {"payload": (record.value or b"").decode()}
    found = msgspec.json.decode(record.value or b"{}")
    return {name: value for name, value in found.items() if name not in ("emitted_at", "replayed", "evidence")}


def _settings(project: Path) -> Settings:
    settings = compile_project(project / "streamwatchd.yaml").loaded.settings
    assert settings is not None
    return replace(settings, state_dir=STATE, batch_records=500, commit_every_ms=200)


def _compiled(project: Path) -> tuple[Content, Bundle]:
    config = project / "streamwatchd.yaml"
    compiled = compile_project(config)
    problems = [found.message for found in compiled.loaded.diagnostics if found.is_error]
    assert not problems, problems
    content, settings = content_of(compiled), compiled.loaded.settings
    assert content is not None
    assert settings is not None
    return content, Bundle.of(compiled.loaded.files, settings, config.read_bytes())
