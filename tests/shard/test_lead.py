"""Who waits for whom while partitions catch up, and what that bounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import msgspec
import pytest

from streamwatchd.batch import RawBatch
from streamwatchd.daemon.contents import content_of
from streamwatchd.ports.kafka import Partition, Record, Taken
from streamwatchd.shard.background import Inline
from streamwatchd.shard.control import Paces
from streamwatchd.shard.lead import Lead
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.recovery import ShardLike
from streamwatchd.shard.shard import Shard
from streamwatchd.shard.start import Assignment, Ports
from streamwatchd.shard.task import MergeTask
from streamwatchd.shard.version import BEGINNING, Content
from streamwatchd.shard.worker import Worker
from tests.operators.bench import compiled
from tests.shard.small import SETTINGS, START_MS, TestLink, World

A, B = Partition("in", 0), Partition("in", 1)
HOUR = 3_600_000
DAY = 24 * HOUR
NOBODY: frozenset[Partition] = frozenset()


def test_one_far_ahead_is_held_until_the_slowest_has_come_half_of_the_way() -> None:
    """Not at every batch: to pause and resume costs a fetch."""
    lead = Lead([A, B], HOUR)
    assert lead.choose({A: HOUR + 1, B: 1}, None, 0.0) == (NOBODY, NOBODY)
    assert lead.choose({A: HOUR + 2, B: 1}, None, 0.0) == ({A}, NOBODY)
    assert lead.choose({A: HOUR + 2, B: HOUR // 2}, None, 0.0) == (NOBODY, NOBODY)
    assert lead.choose({A: HOUR + 2, B: HOUR // 2 + 2}, None, 0.0) == (NOBODY, {A})


def test_the_slowest_of_other_workers_counts() -> None:
    """As the supervisor says it."""
    lead = Lead([A], HOUR)
    assert lead.choose({A: 3 * HOUR}, 1, 0.0) == ({A}, NOBODY)
    assert lead.choose({A: 3 * HOUR}, None, 0.0) == (NOBODY, {A})


def test_who_has_read_to_the_end_neither_waits_nor_holds_up() -> None:
    """Live alarms go on beside one that catches up; a partition whose producers stamp old times stops nobody."""
    lead = Lead([A, B], HOUR)
    lead.note(Taken([], frozenset([A])), now=5.0)
    assert lead.choose({A: DAY, B: 1}, None, 6.0) == (NOBODY, NOBODY)
    lead = Lead([A, B], HOUR)
    lead.note(Taken([], frozenset([B])), now=5.0)
    assert lead.choose({A: DAY, B: 1}, None, 6.0) == (NOBODY, NOBODY)


def test_one_that_falls_behind_again_counts_after_a_while() -> None:
    """An end that was reached some seconds ago is no end."""
    lead = Lead([A, B], HOUR)
    lead.note(Taken([], frozenset([A, B])), now=5.0)
    assert lead.behind(14.0) == set()
    assert lead.behind(15.1) == {A, B}


def test_one_without_a_record_holds_nobody_up() -> None:
    """Where it begins is not known before its first one."""
    assert Lead([A, B], HOUR).choose({A: DAY, B: BEGINNING}, None, 0.0) == (NOBODY, NOBODY)


class Gap(World):
    """Three days in two partitions, of which the first has a tenth of the records: it runs ahead in event time."""

    def __init__(self, max_ahead_ms: int) -> None:
        super().__init__(settings=replace(SETTINGS, batch_records=20, max_ahead_ms=max_ahead_ms))
        rules = "source: in\nrules:\n  - {kpi: sites, by: site, every: 10m, values: {n: count()}}"
        source = "in: {topic: in, time: ts, unit: ms, max_delay: 1s, key: host, fields: {host: string, site: string}}"
        made = content_of(compiled(rules, sources=source))
        assert made is not None
        self.contents = {"v0": made}
        self.shards: list[Shard] = []
        self.most_waiting = 0

    def feed_days(self) -> None:
        writer = self.kafka.plain_writer()
        for partition, step_ms in ((0, 200_000), (1, 20_000)):
            for at_ms in range(0, 3 * DAY, step_ms):
                event = {"ts": START_MS - 3 * DAY + at_ms, "host": f"h{partition}", "site": f"s{at_ms % 3}"}
                writer.send([Record("in", msgspec.json.encode(event), partition=partition)])

    def _make(self, content: Content, tasks: Iterable[TaskId]) -> ShardLike:
        world = self

        class Watched(Shard):
            def step(self, raw: RawBatch, now_ms: int) -> None:
                super().step(raw, now_ms)
                world.most_waiting = max(world.most_waiting, self.waiting())

            def waiting(self) -> int:
                """Panes that wait for a feeder in one of the merge tasks."""
                merging = [task for task in self.tasks.values() if isinstance(task, MergeTask)]
                return max(len(family.pending) for task in merging for family in task.flow.families.values())

        return Watched(content.program, content.tables, list(tasks), self.partitions, 2)

    def worker(self, link: TestLink, shard: int = 0, tenure: str = "") -> Worker:
        assignment = Assignment(shard, self.settings.shards, self.partitions, self.versions, tenure=tenure)
        ports = Ports(self.kafka, self.disk, self.clock, link, lambda name: Inline(), self.shared)
        return Worker(self.settings, assignment, ports, self._make)

    def rows(self) -> list[Mapping[str, object]]:
        return sorted(self.kpis(), key=lambda row: (str(row["window"]), str(row["key"])))


@pytest.fixture(scope="module")
def free() -> Gap:
    """Nobody waits for anybody."""
    return played(10**12)


def played(max_ahead_ms: int) -> Gap:
    world = Gap(max_ahead_ms)
    world.feed_days()
    link = world.run(turns=2_500)
    assert link.reports[-1].gauges["position_offset", (("partition", "1"), ("topic", "in"))] == 3 * DAY // 20_000
    return world


@pytest.mark.parametrize("max_ahead_ms", [HOUR, 6 * HOUR])
def test_a_gap_of_days_is_no_heap_of_panes(free: Gap, max_ahead_ms: int) -> None:
    """Panes of 10 minutes: what waits is bounded by `max_ahead` and one batch, and all answers are the same."""
    world = played(max_ahead_ms)
    batch_ms = 20 * 200_000
    assert 3 < world.most_waiting <= 2 * (max_ahead_ms + batch_ms) // 600_000
    assert free.most_waiting > 300
    assert world.rows() == free.rows()
    assert len(world.rows()) > 1_000


def test_who_waits_is_reported() -> None:
    """For metrics and `swctl lag`; whoever is not idle at its end is never marked idle while it waits."""
    world = Gap(HOUR)
    world.feed_days()
    world.clock.advance(1)
    link = TestLink(world.contents, {turn: [Paces({"in": START_MS})] for turn in range(1, 400)}, 400)
    world.worker(link).run()
    assert any(report.held == {(1, "in", 0)} for report in link.reports)
    assert all((1, "in", 0) not in report.idle for report in link.reports if report.held)
    assert not world.kafka.records(world.settings.topics.late)
