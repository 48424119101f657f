"""Another number of shards: nothing lost, nothing doubled, killed at any call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import pytest

from streamwatchd import failpoints
from streamwatchd.errors import Fenced, StateMismatch, Unavailable
from streamwatchd.failpoints import POINTS, Plan
from streamwatchd.ports.fake_disk import full
from streamwatchd.ports.faults import Killed
from streamwatchd.settings import Settings
from streamwatchd.shard.background import Inline
from streamwatchd.shard.move import Mover, Order, layout_in_force
from streamwatchd.shard.owner import Layout, Owner
from streamwatchd.shard.rebuild import Anew
from streamwatchd.shard.start import Assignment, Ports
from streamwatchd.shard.version import Version
from streamwatchd.shard.worker import Worker
from tests.shard.small import SETTINGS, START_MS, SmallShard, TestLink, World, content
from tests.shard.test_worker import everything_once

CHANGE = Version(1, START_MS + 100_000, "v1")


class Moving(World):
    """A world whose daemon looks what Kafka has in force, and moves when `shards` is another number."""

    def __init__(self, shards: int = 2, partitions: int = 4, settings: Settings = SETTINGS) -> None:
        super().__init__(partitions, replace(settings, shards=shards))

    def layout(self) -> Layout | None:
        contents = [self.contents[each.digest] for each in self.versions]
        return layout_in_force(self.kafka, self.settings, self.counts, contents)

    @property
    def counts(self) -> dict[str, int]:
        return {**self.partitions, self.settings.topics.journal: 4}

    def ports(self, link: TestLink) -> Ports:
        return Ports(self.kafka, self.disk, self.clock, link, lambda name: Inline(), self.shared)

    def mover(self, before: Layout, shards: int, anew: Mapping[Owner, Anew] = MappingProxyType({})) -> Mover:
        after = Layout(before.generation + 1, shards)
        link = TestLink(self.contents, turns=1_000_000)
        settings = replace(self.settings, shards=shards)
        order = Order(before, after, self.counts, self.versions, anew=anew)
        return Mover(settings, order, self.ports(link), SmallShard)

    def of(self, layout: Layout, shard: int, turns: int = 30, **more: bool) -> Worker:
        assignment = Assignment(
            shard,
            layout.shards,
            self.counts,
            self.versions,
            generation=layout.generation,
            **more,  # type: ignore[arg-type]
        )
        return Worker(self.settings, assignment, self.ports(TestLink(self.contents, turns=turns)), SmallShard)

    def start(self, shards: int, turns: int = 30) -> Layout:
        """A daemon: move if need be, then let every shard work for a while; stages follow one another."""
        layout = self.layout() or Layout(0, shards)
        if layout.shards != shards:
            self.mover(layout, shards).run()
            layout = self.layout() or layout
            assert layout.shards == shards
        for _ in range(2):
            for shard in range(shards):
                self.of(layout, shard, turns).run()
        return layout


def test_two_shards_become_five_and_one() -> None:
    """Counts go on where they stood, in whatever shard."""
    world = Moving()
    for generation, shards in enumerate((2, 5, 1, 3)):
        world.feed(40)
        assert world.start(shards) == Layout(generation, shards)
        everything_once(world)


def test_a_change_that_only_one_shard_knows_is_known_to_all() -> None:
    """Shards are brought to the newest version before their tasks are put together."""
    world = Moving()
    world.contents["v1"] = content("v1")
    world.feed(40)
    world.start(2)
    world.versions += (CHANGE,)
    world.of(Layout(0, 2), 0).run()
    world.start(3)
    world.feed(8, step_ms=2_500)
    world.start(3)
    everything_once(world)
    assert {alert["program"] for alert in world.alerts()} == {"v0", "v1"}


def calls(world: Moving, shards: int) -> int:
    before = len(world.kafka.faults.trace)
    world.mover(Layout(0, 2), shards).run()
    return len(world.kafka.faults.trace) - before


def half_way(shared: bool = False) -> Moving:
    world = Moving()
    if shared:
        world.share()
    world.feed(24)
    world.start(2)
    world.feed(24)
    return world


@pytest.mark.parametrize("after", [1, 5])
@pytest.mark.parametrize("part", range(4))
def test_killed_at_any_call_the_old_or_the_new_layout_is_in_force(after: int, part: int) -> None:
    """Kill at the n-th call of a move; the next start goes on with it, or, every other time, back to the old number."""
    last = calls(half_way(), after)
    for n in range(1 + part, last + 1, 4):
        world = half_way()
        mover = world.mover(Layout(0, 2), after)
        world.kafka.faults.at(n)
        with pytest.raises(Killed):
            mover.run()
        world.disk.kill_process()
        world.clock.sleep(20)
        assert world.layout() == (Layout(1, after) if n == last else Layout(0, 2))
        world.feed(8)
        world.start(after if n // 4 % 2 else 2, turns=12)
        everything_once(world)


@pytest.mark.parametrize("point", [each for each in POINTS if each.startswith("move.")])
def test_killed_at_a_named_place_of_a_move_it_goes_on(point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them fires."""
    world = half_way()
    plan = Plan.parse(f"{point}=kill")

    def die() -> None:
        raise Killed

    plan.kill = die
    monkeypatch.setattr(failpoints, "plan", plan)
    with pytest.raises(Killed):
        world.mover(Layout(0, 2), 5).run()
    monkeypatch.setattr(failpoints, "plan", None)
    world.disk.kill_process()
    world.clock.sleep(20)
    world.start(5)
    everything_once(world)


@pytest.mark.parametrize("seed", range(10))
def test_killed_again_and_again_while_numbers_change(seed: int) -> None:
    """Deaths in a row, each in another move."""
    world = Moving()
    for death in range(8):
        world.feed(12)
        world.kafka.faults.at(20 + (seed * 37 + death * 53) % 211)
        try:
            world.start((2, 5, 1, 3)[(seed + death) % 4], turns=20)
        except Killed:
            world.disk.kill_process()
            world.clock.sleep(20)
        world.kafka.faults.clear()
    world.feed(12)
    world.start(2)
    world.start(2)
    everything_once(world)


@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
def test_a_mover_that_is_killed_behind_its_commit_has_done_it(delivery: str) -> None:
    """Its successor in the same daemon has the same order, and finds it carried out."""
    world = Moving(settings=replace(SETTINGS, delivery=delivery))
    world.feed(40)
    world.start(2)
    for _ in range(2):
        world.mover(Layout(0, 2), 3).run()
    assert world.layout() == Layout(1, 3)
    world.feed(8)
    world.start(3)
    everything_once(world)


def test_a_closed_shard_is_opened_again_and_the_mover_fenced() -> None:
    """The old number after all: the half-done move can't come about any more."""
    world = half_way()
    mover = world.mover(Layout(0, 2), 5)
    put = mover._put_in_force

    def late(*arguments: object) -> None:
        world.start(2)
        put(*arguments)  # type: ignore[arg-type]

    mover._put_in_force = late  # type: ignore[method-assign]
    with pytest.raises(Fenced):
        mover.run()
    assert world.layout() == Layout(0, 2)
    world.feed(10)
    world.start(2)
    everything_once(world)


def test_an_old_worker_can_not_commit_any_more() -> None:
    """One that stood still through the move, and one that is started after it."""
    world = half_way()
    old = world.of(Layout(0, 2), 0, turns=30)
    started = old._start()
    assert started is not None
    old._begin(started)
    old._take()
    world.disk.kill_process()
    world.start(5)
    with pytest.raises(Fenced):
        old._seal()
    world.disk.kill_process()
    with pytest.raises(StateMismatch, match="shards: 5"):
        world.of(Layout(0, 2), 0).run()
    everything_once(world)


def test_a_worker_in_doubt_does_not_take_the_last_epoch_for_its_own() -> None:
    """It fences the mover's worker as it asks; but the epoch that is committed is not the one in its hand."""
    world = half_way()
    old = world.of(Layout(0, 2), 0, turns=30)
    started = old._start()
    assert started is not None
    old._begin(started)
    old._take()
    world.kafka.faults.at(1, lambda: Unavailable("lost"), point="kafka.commit")
    world.kafka.faults.at(1, lambda: _close(world), point="kafka.rebuild")  # type: ignore[arg-type,return-value]
    with pytest.raises(Fenced, match="another owner wrote it"):
        old._seal()
    world.disk.kill_process()
    world.start(5)
    everything_once(world)


def _close(world: Moving) -> None:
    world.disk.kill_process()
    world.of(Layout(0, 2), 0, closing=True).run()


def test_a_disk_without_room_holds_the_move_up() -> None:
    """The old layout stays in force, and the next try goes through."""
    world = half_way()
    world.kafka.faults.at(1, lambda: full() if world.layout() else None, point="disk.write")
    for n in range(2, 40):
        world.kafka.faults.at(n, full, point="disk.write")
    with pytest.raises(Unavailable):
        world.start(5)
    assert world.layout() == Layout(0, 2)
    world.kafka.faults.clear()
    world.start(5)
    everything_once(world)


@pytest.mark.parametrize("point", ["begin", "send", "send_offsets", "commit", "commit.done"])
def test_a_doubtful_transaction_of_the_move_is_settled(point: str) -> None:
    """Lost requests and lost answers: the committed offsets say which layout it is."""
    world = half_way()
    mover = world.mover(Layout(0, 2), 5)
    put = mover._put_in_force

    def lossy(*arguments: object) -> None:
        world.kafka.faults.at(1, lambda: Unavailable("lost"), point=f"kafka.{point}")
        put(*arguments)  # type: ignore[arg-type]

    mover._put_in_force = lossy  # type: ignore[method-assign]
    mover.run()
    assert world.layout() == Layout(1, 5)
    world.start(5)
    everything_once(world)


def test_at_least_once_moves_too() -> None:
    """Without transactions the offsets are committed at once, after the last epochs."""
    world = Moving(settings=replace(SETTINGS, delivery="at_least_once"))
    world.feed(40)
    world.start(2)
    world.start(3)
    world.feed(40)
    world.start(3)
    everything_once(world)


def test_shards_without_tasks_come_and_go() -> None:
    """More shards than partitions; an idle one has no epoch of its own, in whatever layout."""
    world = Moving(partitions=1)
    world.contents["v1"] = content("v1")
    world.feed(10)
    world.start(8)
    world.versions += (CHANGE,)
    world.start(8)
    world.start(8)
    world.start(9)
    world.start(9)
    everything_once(world)


def test_the_owner_names_folder_and_id() -> None:
    """A layout after the first has a folder of its own."""
    assert Owner("a", 0, 2, 1).folder(SETTINGS.state_dir) == SETTINGS.state_dir / "shard-1"
    assert Owner("a", 3, 2, 1).folder(SETTINGS.state_dir) == SETTINGS.state_dir / "layout-3" / "shard-1"
    assert Owner("a", 3, 2, 1).transactional_id == "a.3.1"
