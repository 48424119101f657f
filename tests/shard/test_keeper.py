"""A disk or a store that fails never holds up the work, and costs no result."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from streamwatchd.ports.clock import ManualClock, SystemClock
from streamwatchd.ports.fake_disk import FakeDisk, broken, full
from streamwatchd.ports.faults import Killed
from streamwatchd.shard.background import Inline, Thread
from streamwatchd.shard.control import Command
from streamwatchd.shard.journal import EpochRecord, LocalJournal
from streamwatchd.shard.keeper import Keeper
from streamwatchd.shard.meter import Meter
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.owner import Owner
from streamwatchd.shard.recovery import State, begin
from streamwatchd.shard.snapshot import SnapshotStore
from tests.shard.small import FIRST, SmallShard, TestLink, World, content
from tests.shard.test_worker import everything_once

OWNER = Owner("app", 0, 1, 0)
FOLDER = Path("/state/shard-0")
WRITES = ("disk.write", "disk.append", "disk.append.torn", "disk.truncate", "disk.delete", "disk.rename")


def counter(link: TestLink, name: str) -> float:
    return link.reports[-1].counters.get((name, ()), 0)


def notes(link: TestLink) -> str:
    return "\n".join(link.reports[-1].notes)


def test_a_full_disk_is_said_and_passed_over() -> None:
    """No snapshot and no journal, yet every result; the old generation stays."""
    world = World()
    world.feed(30)
    world.run()
    before = {path for path in world.disk.files if path.suffix == ".snapshot"}
    world.feed(30)
    for point in ("disk.write", "disk.append"):
        world.disk.faults.every(point, full)
    link = world.run()
    everything_once(world)
    assert before <= world.disk.files.keys()
    assert counter(link, "snapshots_failed_total") > 0
    assert counter(link, "journal_gaps_total") > 0
    assert "not written, the older ones stay: No space left on device" in notes(link)
    assert link.reports[-1].troubles.keys() == {"journal", "snapshot"}
    assert "free some space" in link.reports[-1].troubles["snapshot"]


def test_a_long_night_on_a_full_disk_is_said_once() -> None:
    """Not once an epoch: a log full of it would hide all else."""
    world = World()
    world.feed(10)
    world.run()
    for point in ("disk.write", "disk.append"):
        world.disk.faults.every(point, full)
    link = Feeding(world, until=200, mend=False)
    world.worker(link).run()
    everything_once(world)
    assert counter(link, "snapshots_failed_total") > 10
    assert sum("not written" in note for note in link.reports[-1].notes) == 2


def test_the_age_of_the_snapshot_outlives_the_worker() -> None:
    """On a full disk a restart must not hide how old the newest one is."""
    world = World()
    world.feed(10)
    world.run()
    written = world.clock.now_ms()
    world.clock.sleep(3_600)
    for point in ("disk.write", "disk.append"):
        world.disk.faults.every(point, full)
    link = world.run()
    assert abs(link.reports[-1].gauges["snapshot_timestamp_seconds", ()] - written / 1000) < 10


class Feeding(TestLink):
    """Gives the disk its space back in the middle, and something to do all the time."""

    def __init__(self, world: World, until: int, *, mend: bool = True) -> None:
        super().__init__(world.contents, {}, until)
        self._world = world
        self._mend = mend

    def commands(self) -> Sequence[Command]:
        self._world.clock.sleep(0.1)
        if self._mend and self.turn == self.turns // 2:
            self._world.disk.faults.clear()
        if self.turn < self.turns - 20:
            self._world.feed(3)
        return super().commands()


def test_it_recovers_alone_when_space_returns() -> None:
    """Without a restart the next snapshot is written, and the start after it replays nothing."""
    world = World()
    world.disk.faults.every("disk.write", full)
    link = Feeding(world, until=60)
    world.worker(link).run()
    everything_once(world)
    assert counter(link, "snapshots_failed_total") > 0
    assert counter(link, "snapshots_total") > 0
    assert not link.reports[-1].troubles
    world.feed(10)
    assert "replaying" not in notes(world.run())
    everything_once(world)


class Silent(TestLink):
    """Time goes by, and then the process dies."""

    def __init__(self, world: World, turns: int) -> None:
        super().__init__(world.contents, {}, turns)
        self._world = world

    def commands(self) -> Sequence[Command]:
        self._world.clock.sleep(0.1)
        if self.turn == self.turns - 1:
            raise Killed
        return super().commands()


def test_the_last_epochs_before_a_silence_get_their_snapshot() -> None:
    """They came before one was due; it does not wait for records to come again, here or in the shared store."""
    world = World().share()
    world.feed(10)
    with pytest.raises(Killed):
        world.worker(Silent(world, turns=20)).run()
    world.disk.kill_process()
    assert "replaying" not in notes(world.run(turns=5))
    world.move()
    assert "replaying" not in notes(world.run(turns=5))
    everything_once(world)


@pytest.mark.parametrize("fault", [full, broken], ids=["full", "broken"])
@pytest.mark.parametrize("death", [9, 23, 41, 67])
@pytest.mark.parametrize("points", [WRITES, ("disk.write",), ("disk.append",), ("disk.truncate",)], ids=str)
def test_killed_on_a_failing_disk_and_started_on_it_again(
    points: tuple[str, ...], death: int, fault: Callable[[], BaseException]
) -> None:
    """A disk that takes nothing costs a replay from the journal topic, never a result, and no loop of restarts."""
    world = World()
    world.feed(20)
    world.run(turns=15)
    for point in points:
        world.disk.faults.every(point, fault)
    world.feed(20)
    world.kafka.faults.at(death)
    with pytest.raises(Killed):
        world.run(turns=40)
    world.disk.kill_process()
    world.feed(20)
    world.run()
    everything_once(world)
    world.disk.faults.clear()
    world.feed(20)
    world.run()
    everything_once(world)
    assert "replaying" not in notes(world.run())


@pytest.mark.parametrize("death", range(5, 60, 6))
def test_unreadable_files_are_passed_over(death: int) -> None:
    """EIO on every read: the journal topic is read instead, and the files stay for when the disk reads again."""
    world = World()
    world.feed(20)
    world.run(turns=15)
    world.feed(20)
    world.kafka.faults.at(death)
    with pytest.raises(Killed):
        world.run(turns=30)
    world.disk.kill_process()
    before = {path for path in world.disk.files if path.suffix == ".snapshot"}
    world.disk.faults.every("disk.read", broken)
    link = world.run()
    everything_once(world)
    assert counter(link, "snapshots_refused_total") == len(before)
    assert not any(path.suffix == ".corrupt" for path in world.disk.files)


def test_another_host_takes_the_state_of_the_shared_store() -> None:
    """And goes on from there: only the epochs behind the newest copy are replayed."""
    world = World().share()
    world.feed(40)
    world.run()
    world.move()
    world.feed(20)
    link = world.run()
    everything_once(world)
    assert "taken from the shared snapshot store" in notes(link)
    assert "replaying" not in notes(link)


def test_a_better_state_of_its_own_is_preferred() -> None:
    """The store is asked only where the folder does not lead up to what is committed."""
    world = World().share()
    world.feed(40)
    world.run()
    before = len(world.remote.faults.trace)
    world.feed(20)
    world.remote.faults.every("disk.read", broken)
    link = world.run()
    assert len(world.remote.faults.trace) > before
    assert "shared snapshot store" not in notes(link)
    everything_once(world)


def test_a_stale_folder_is_helped_out() -> None:
    """A host that had the shard long ago and lacks the journal since."""
    world = World().share()
    world.feed(40)
    world.run()
    stale = dict(world.disk.files)
    world.feed(40)
    world.run()
    world.move()
    world.disk.files = stale
    world.feed(20)
    link = world.run()
    assert "taken from the shared snapshot store" in notes(link)
    everything_once(world)


@pytest.mark.parametrize("point", ["disk.write", "disk.read", "disk.list", "disk.delete"])
def test_a_store_that_is_down_is_said_and_copies_resume(point: str) -> None:
    """Work goes on; when the store is back, the copy is made up for."""
    world = World().share()
    world.remote.faults.every(point, broken)
    world.feed(40)
    link = world.run()
    everything_once(world)
    if point in ("disk.write", "disk.list"):
        assert counter(link, "shared_store_failures_total") > 0
        assert "not copied to the shared store, work goes on" in notes(link)
    world.remote.faults.clear()
    world.feed(20)
    world.run()
    world.move()
    world.feed(20)
    assert "taken from the shared snapshot store" in notes(world.run())
    everything_once(world)


def test_a_store_that_is_down_at_a_take_over_costs_a_replay() -> None:
    """From the journal topic, and it is said."""
    world = World().share()
    world.feed(40)
    world.run()
    world.move()
    world.remote.faults.every("disk.list", broken)
    world.feed(20)
    link = world.run()
    everything_once(world)
    assert "the shared snapshot store does not answer" in notes(link)
    assert "replaying epochs 1 to" in notes(link)


@pytest.mark.parametrize("n", range(1, 40, 3))
def test_killed_while_it_copies(n: int) -> None:
    """A copy that broke off is no copy: the other host takes the one before, or replays."""
    world = World().share()
    world.feed(20)
    world.remote.faults.at(n)
    try:
        world.run(turns=30)
    except Killed:
        world.disk.kill_process()
    world.remote.faults.clear()
    world.move()
    world.feed(20)
    world.run()
    everything_once(world)


# by itself


class Blocked(FakeDisk):
    """A disk that does not answer until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def append(self, path: Path, data: bytes, *, durable: bool = False) -> None:
        assert self.go.wait(60)
        super().append(path, data, durable=durable)


def keeper(disk: FakeDisk, clock: ManualClock | SystemClock, meter: Meter, *, threads: bool) -> Keeper:
    journal, snapshots = LocalJournal(disk, FOLDER, OWNER), SnapshotStore(disk, FOLDER, OWNER)
    return Keeper(OWNER, clock, Thread if threads else lambda _: Inline(), journal, snapshots, None, meter, 10_000)


def record(epoch: int) -> EpochRecord:
    return EpochRecord(OWNER, epoch, 0, {}, (), (), 0, "v0", "0", {})


def state(epoch: int) -> State:
    task = TaskId(1, "in", 0)
    found = begin(FIRST, content("v0"), {}, SmallShard)
    found.shard, found.epoch, found.positions = SmallShard(content("v0"), [task]), epoch, {task: epoch}
    return found


def test_a_disk_that_hangs_holds_up_nothing() -> None:
    """Records wait, in order; beyond a thousand there is a gap, which is said."""
    disk, meter = Blocked(), Meter(0, SystemClock())
    mine = keeper(disk, SystemClock(), meter, threads=True)
    for epoch in range(1, 1_105):
        mine.note_epoch(record(epoch))
    assert any("too slow" in note for note in meter.report().notes)
    disk.go.set()
    mine.leave(state(2_000), lambda: None)
    kept = [each.epoch for each in LocalJournal(disk, FOLDER, OWNER).read(0, 2_000)]
    assert kept == list(range(1, len(kept) + 1))
    assert len(kept) >= 1_000


def test_much_work_brings_a_snapshot_ahead_of_its_time() -> None:
    """So that a replay takes a few seconds at most, also in catch-up."""
    disk, clock = FakeDisk(), ManualClock(0)
    meter = Meter(0, clock)
    mine = keeper(disk, clock, meter, threads=False)
    mine.begin(0)
    clock.sleep(4)
    mine.worked(1.0)
    mine.take_if_due(state(1))
    mine.turn(committed=True)
    assert not disk.files
    mine.worked(2.5)
    mine.take_if_due(state(2))
    mine.turn(committed=False)
    assert not disk.files
    mine.turn(committed=True)
    assert [path.name for path in disk.files] == [f"{2:020d}.snapshot"]


def test_segments_begin_behind_snapshots() -> None:
    """So that old ones can go once no kept generation needs them."""
    disk, clock = FakeDisk(), ManualClock(0)
    mine = keeper(disk, clock, Meter(0, clock), threads=False)
    for epoch in range(1, 9):
        clock.sleep(11)
        mine.take_if_due(state(epoch))
        mine.note_epoch(record(epoch))
        mine.turn(committed=True)
    logs = [path.name for path in sorted(disk.files) if path.suffix == ".log"]
    assert logs == [f"journal-{epoch:020d}.log" for epoch in (7, 8)]
