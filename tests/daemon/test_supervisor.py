"""Real worker processes on an embedded broker, with small shards inside."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path

import msgspec
import pytest

from streamwatchd.daemon.changes import Proposal
from streamwatchd.daemon.contents import Bundle, ContentStore
from streamwatchd.daemon.hosts import Heard, Hosts
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.process import EXIT_FENCED, EXIT_MISMATCH, Job
from streamwatchd.daemon.quiet import Quiet
from streamwatchd.daemon.supervisor import Supervisor
from streamwatchd.ports.clock import ManualClock, SystemClock
from streamwatchd.ports.disk import RealDisk
from streamwatchd.ports.embedded import EmbeddedBroker
from streamwatchd.ports.fake_disk import FakeDisk
from streamwatchd.ports.kafka import NewTopic, Record
from streamwatchd.ports.telemetry import Report
from streamwatchd.settings import Topics
from streamwatchd.shard.control import Paces
from streamwatchd.shard.idle import Standing
from streamwatchd.shard.shared import SharedStore
from streamwatchd.shard.version import BEGINNING, Version
from tests.daemon.project import ListLog
from tests.shard.small import SETTINGS, START_MS, content, small_shards


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as broker:
        yield broker


class Setting:
    """A supervisor whose turns the test takes."""

    patience_s = 30.0

    def __init__(self, broker: EmbeddedBroker, folder: Path, shards: int = 1) -> None:
        self.kafka = broker.kafka()
        name = folder.name.replace("[", "-").replace("]", "")
        outputs = {
            each: f"{name}.{each}"
            for each in ("alerts", "kpis", "anomalies", "late", "dead_letters", "exchange", "journal")
        }
        topics = Topics(**outputs)
        self.settings = replace(SETTINGS, app=name, state_dir=folder / "state", shards=shards, topics=topics)
        self.topic = f"{name}.in"
        admin = self.kafka.admin()
        written = [topics.alerts, topics.kpis, topics.journal, f"{topics.exchange}.2"]
        admin.ensure_topics(NewTopic(each, EmbeddedBroker.PARTITIONS) for each in (self.topic, *written))
        self.partitions = admin.partitions_of([self.topic, *written])
        admin.close()
        self.store = ContentStore(RealDisk(), self.settings.state_dir)
        self.log = ListLog()
        self.supervisor = self.fresh()

    def fresh(self, generation: int = 0) -> Supervisor:
        far, self.wake = Pipe(duplex=False)
        return Supervisor(
            self.settings, self.partitions, self.store, self.job, SystemClock(), Metrics(), self.log, far, generation
        )

    def job(self, assignment: object) -> Job:
        return Job(self.settings, assignment, self.kafka, small_shards)  # type: ignore[arg-type]

    def propose(self, name: str) -> Proposal:
        return Proposal(content(name, topics=(self.topic,)), Bundle(b"", {}, {}))

    def put_in_force(self, name: str) -> None:
        self.store.add(self.propose(name).content, Bundle(b"", {}, {}))

    def until(self, wanted: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self.patience_s
        while not wanted():
            self.supervisor.turn()
            assert time.monotonic() < deadline, self.log.lines

    def until_running(self) -> None:
        self.until(lambda: self.supervisor.health()[0])

    def leave(self) -> int:
        self.supervisor.stop()
        return self.supervisor.run()

    def feed(self, count: int) -> None:
        writer = self.kafka.plain_writer()
        events = [{"t": START_MS + n, "k": "k"} for n in range(count)]
        writer.send(Record(self.topic, msgspec.json.encode(each), partition=0) for each in events)
        writer.flush(10)

    def records(self) -> float:
        report = self.supervisor.slots[0].report
        return report.counters.get(("events_total", ()), 0) if report else 0

    def pid(self, shard: int = 0) -> int:
        started = [fields for _, event, fields in self.log.lines if event == "worker_started"]
        return int([each["pid"] for each in started if each["shard"] == shard][-1])


def test_workers_start_work_and_leave_with_a_snapshot(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """SIGTERM: the epoch is finished, the snapshot written, the exit code 0."""
    setting = Setting(broker, tmp_path, shards=2)
    setting.put_in_force("v0")
    setting.until_running()
    assert setting.leave() == 0
    assert list((setting.settings.state_dir / "shard-0").glob("*.snapshot"))
    assert setting.log.events().count("worker_left") == 2


def test_a_killed_worker_is_started_again(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """It recovers and goes on where it was."""
    setting = Setting(broker, tmp_path)
    setting.put_in_force("v0")
    setting.until_running()
    setting.feed(20)
    setting.until(lambda: setting.records() == 20)
    os.kill(setting.pid(), signal.SIGKILL)
    setting.until(lambda: "worker_lost" in setting.log.events())
    setting.until_running()
    setting.until(lambda: setting.records() == 20)
    assert setting.supervisor.slots[0].restarts == {"SIGKILL": 1}
    assert setting.leave() == 0


def test_a_change_reaches_running_workers(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """Held, decided, switched, within a moment; a worker that starts later finds it."""
    setting = Setting(broker, tmp_path)
    setting.put_in_force("v0")
    setting.until_running()
    setting.feed(10)
    setting.until(lambda: setting.records() == 10)
    setting.supervisor.inbox.put(setting.propose("v1"))
    setting.until(lambda: "rules_switched" in setting.log.events())
    assert setting.store.versions[-1] == Version(1, START_MS + 10, "v1")
    setting.until(lambda: setting.supervisor.slots[0].report.gauges["version_number", ()] == 1)  # type: ignore[union-attr]
    os.kill(setting.pid(), signal.SIGKILL)
    setting.until(lambda: "worker_lost" in setting.log.events())
    setting.until_running()
    setting.until(lambda: setting.supervisor.slots[0].report.gauges["version_number", ()] == 1)  # type: ignore[union-attr]
    assert setting.leave() == 0


def test_a_worker_that_can_not_go_on_is_not_restarted(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """Its reason is logged by itself; with no shard left the daemon leaves with the code for it."""
    setting = Setting(broker, tmp_path)
    setting.put_in_force("v0")
    setting.store.versions = (Version(0, BEGINNING, "lost"), Version(1, 5, "v0"))
    assert setting.supervisor.run() == EXIT_MISMATCH
    assert setting.log.events().count("worker_started") == 1
    assert "worker_given_up" in setting.log.events()


def test_a_worker_that_leaves_by_itself_comes_back(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """An operator's SIGTERM to one worker: it leaves cleanly and is started again."""
    setting = Setting(broker, tmp_path)
    setting.put_in_force("v0")
    setting.until_running()
    os.kill(setting.pid(), signal.SIGTERM)
    setting.until(lambda: setting.supervisor.slots[0].restarts.total() == 1)
    setting.until_running()
    assert setting.leave() == 0


class Unstarted:
    """A supervisor without workers, on a clock that the test moves; `told` is what it would have told them."""

    def __init__(self, *, shared: bool = False, quiet: Quiet | None = None) -> None:
        """`shared`: another host may have some of the two shards."""
        self.clock = ManualClock(START_MS)
        files = SharedStore(FakeDisk(), Path("/shared"), "app")
        self.hosts = Hosts(files, SETTINGS, self.clock, ListLog()) if shared else None
        store = ContentStore(FakeDisk(), Path("/state"))
        store.add(content("v0"), Bundle(b"", {}, {}))
        far, _ = Pipe(duplex=False)
        self.supervisor = Supervisor(
            replace(SETTINGS, shards=2, owns=(0, 1)) if shared else SETTINGS,
            {"in": 2},
            store,
            lambda assignment: None,
            self.clock,
            Metrics(),
            ListLog(),
            far,  # type: ignore[arg-type, return-value]
            hosts=self.hosts,
            quiet=quiet,
        )
        self.told: list[Paces] = []
        self.supervisor._tell_all = self.told.append  # type: ignore[method-assign, assignment]

    def report(self, *watermarks_ms: int, idle: bool) -> None:
        tasks = {(1, "in", number): ms for number, ms in enumerate(watermarks_ms)}
        report = Report(0, 0, "running", watermarks_ms=tasks, idle=frozenset(tasks) if idle else frozenset())
        self.supervisor._on_report(self.supervisor._vouched(report))

    def pace_after(self, ms: int) -> int | None:
        """What idle partitions may take over when so much time has passed."""
        self.clock.advance(ms)
        self.told.clear()
        self.supervisor._set_paces()
        return self.told[-1].watermarks_ms["in"] if self.told else None


@pytest.mark.parametrize("jump_ms", [-315_360_000_000, -3_600_000, -1_000, 1_000, 3_600_000, 315_360_000_000])
def test_a_clock_that_is_set_makes_no_storm_of_silence(jump_ms: int) -> None:
    """All are silent while the clock is set: the watermark goes on second by second, as before."""
    daemon = Unstarted()
    daemon.report(START_MS - 9_000, START_MS - 8_000, idle=True)
    assert daemon.pace_after(1_000) == START_MS
    daemon.clock.jump(jump_ms)
    assert daemon.pace_after(1_000) == START_MS + 1_000
    assert daemon.pace_after(2_000) == START_MS + 3_000


def test_an_empty_partition_waits_for_its_first_report() -> None:
    """As long as one partition of the topic is not known, nobody goes on; once it is known to be idle, all may."""
    daemon = Unstarted()
    daemon.report(START_MS - 9_000, idle=True)
    assert daemon.pace_after(1_000) is None
    daemon.report(START_MS - 9_000, BEGINNING, idle=True)
    assert daemon.pace_after(1_000) == START_MS + 1_000
    daemon.report(START_MS - 9_000, BEGINNING, idle=False)
    assert daemon.pace_after(1_000) is None


def test_a_worker_alone_knows_no_silence() -> None:
    """What it does not hear may lie with producers, as brokers are away, or behind a transaction that is open."""
    quiet = Quiet()
    daemon = Unstarted(quiet=quiet)
    (given,) = content("v0").inputs

    def look(seconds: float, ends: tuple[int, int]) -> None:
        places = {("in", number): end for number, end in enumerate(ends)}
        quiet.see(places, dict.fromkeys(places, 7), seconds, seconds + 0.1)

    for second in range(given.idle_after_ms // 1000 + 2):
        look(second, (7, 9))
    daemon.report(START_MS - 9_000, START_MS - 8_000, idle=True)
    assert daemon.pace_after(60_000) == START_MS - 8_000
    for second in range(100, 100 + given.idle_after_ms // 1000 + 2):
        look(second, (7, 7))
    daemon.report(START_MS - 9_000, START_MS - 8_000, idle=True)
    assert (daemon.pace_after(60_000) or 0) > START_MS


def test_return_from_idleness_stops_the_clocks_pace() -> None:
    """One that speaks again holds the others to its own time, however late that is by the clock."""
    daemon = Unstarted()
    daemon.report(START_MS - 9_000, START_MS - 9_000, idle=True)
    assert daemon.pace_after(1_000) == START_MS
    daemon.report(START_MS, START_MS, idle=False)
    assert daemon.pace_after(60_000) == START_MS
    daemon.report(START_MS, START_MS, idle=True)
    assert daemon.pace_after(1_000) == START_MS + 61_000


def test_rules_are_not_stale_while_their_windows_are_filled() -> None:
    """Old records become fewer; once they do not, or none are left, the time counts from there."""
    daemon = Unstarted()
    daemon.supervisor.changes.propose(Proposal(content("v1"), Bundle(b"", {}, {})))
    stale = []
    for left in (0, 0, 900_000, 600_000, 300_000, 300_000, 300_000, 0, 0):
        daemon.clock.advance(10_000)
        daemon.supervisor._note_waiting(left)
        stale.append(daemon.supervisor._metrics.samples(0)["rules_stale_seconds", ()])
    assert stale == [0, 10, 0, 0, 0, 0, 10, 20, 30]


def test_of_a_shard_that_was_let_go_the_other_hosts_word_counts() -> None:
    """What we last knew of its partitions would hold up idle ones for ever; nor is it said to be fenced any more."""
    daemon = Unstarted(shared=True)
    daemon.report(START_MS - 9_000, START_MS - 5_000, idle=False)
    first, second = daemon.supervisor.slots
    daemon.supervisor._standings[1, "in", 1] = (1, Standing(START_MS - 5_000, idle=True))
    assert daemon.pace_after(1_000) == START_MS - 9_000
    first.exit_code = EXIT_FENCED
    daemon.supervisor._let_go(first)
    assert daemon.supervisor.slots == [second]
    assert daemon.pace_after(1_000) is None
    assert daemon.hosts is not None
    daemon.hosts._heard["other"] = Heard(
        "other", (0,), {(1, "in", 0): Standing(START_MS - 2_000, idle=False)}, daemon.clock.monotonic()
    )
    assert daemon.pace_after(1_000) == START_MS - 2_000


def test_of_a_shard_that_was_let_go_no_metric_is_left() -> None:
    """Its last positions would lag behind for ever, and self-alerts that nobody can clear would tell of it."""
    daemon = Unstarted(shared=True)
    daemon.report(START_MS - 9_000, START_MS - 5_000, idle=False)
    first, _ = daemon.supervisor.slots
    first.exit_code = EXIT_FENCED
    daemon.supervisor._on_lost(first)
    assert "0" in shards_of(daemon.supervisor._metrics)
    daemon.supervisor._let_go(first)
    assert shards_of(daemon.supervisor._metrics) == {"1"}


def shards_of(metrics: Metrics) -> set[str]:
    """Those that any sample is of."""
    return {value for _, labels in metrics.samples(START_MS) for label, value in labels if label == "shard"}
