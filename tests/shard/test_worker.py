"""The loop on a broker, a disk and a clock in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from streamwatchd.batch import RawBatch
from streamwatchd.errors import Fenced, StateMismatch, Unavailable
from streamwatchd.ports.faults import Killed
from streamwatchd.ports.kafka import Committed, Partition
from streamwatchd.shard.assignor import owner
from streamwatchd.shard.control import Change, Command, Go, Have, Hold, Next, Paces
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.version import Version
from tests.shard.small import SETTINGS, START_MS, SmallShard, TestLink, World, content

HOUR = 3_600_000
YEARS = 10 * 365 * 24 * HOUR


def everything_once(world: World) -> None:
    """Every record fed gave its alert and its KPI, once, with the running counts of a state that lost nothing."""
    alerts = world.alerts()
    per_task: dict[str, list[int]] = {}
    for alert in alerts:
        per_task.setdefault(alert["where"].rpartition("/")[0], []).append(alert["count"])
    assert len({alert["where"] for alert in alerts}) == len(alerts) == world.sent
    assert all(counts == list(range(1, len(counts) + 1)) for counts in per_task.values())
    kpis = world.kpis()
    assert sorted(kpi["where"] for kpi in kpis) == sorted(alert["where"] for alert in alerts)
    assert all(kpi["times"] == 1 for kpi in kpis)


def test_every_record_becomes_output_once() -> None:
    """Records, exchange and outputs go through, and a second run has nothing left to do."""
    world = World()
    world.feed(50)
    world.run()
    everything_once(world)
    world.run(turns=5)
    everything_once(world)


def test_a_clean_stop_leaves_nothing_to_replay() -> None:
    """The next start goes on with the counts where they stood, straight from the snapshot."""
    world = World()
    world.feed(30)
    world.run()
    world.feed(30)
    link = world.run()
    everything_once(world)
    assert not any("replaying" in note for note in link.reports[-1].notes)


def test_a_silent_worker_hears_that_its_shard_was_taken_over() -> None:
    """It has nothing to commit, so nobody would fence it: it asks now and then, and leaves."""
    world = World()
    world.feed(5)
    link = TestLink(world.contents, turns=300)
    worker = world.worker(link, tenure="a")

    def take_over() -> None:
        world.kafka.faults.clear()
        world.move()
        world.run(turns=3, tenure="b")

    world.kafka.faults.at(40, take_over, point="kafka.take")  # type: ignore[arg-type]
    with pytest.raises(Fenced, match="another daemon has taken shard 0"):
        worker.run()
    everything_once(world)


def test_much_that_comes_of_few_records_is_no_standing_still() -> None:
    """Between two judgements the worker says that it is alive; one that never comes to an end, for a minute only."""
    world = World()
    world.feed(1)

    class Slow(SmallShard):
        def step(self, raw: RawBatch, now_ms: int) -> None:
            for _ in range(200):
                world.clock.advance(1_000)
                self.laps.lap("n1")
            super().step(raw, now_ms)

    link = TestLink(world.contents)
    world.worker(link, make_shard=Slow).run()
    at_s = [(report.at_ms - START_MS) // 1_000 for report in link.reports]
    assert set(range(1, 60)) <= set(at_s)
    assert not set(range(65, 195)) & set(at_s)
    everything_once(world)


def test_reports_are_of_now_also_where_each_record_takes_a_while() -> None:
    """A sign of life in the middle of the work says nothing of positions: the report that does comes all the same."""
    world = World()
    world.feed(70)

    class Slow(SmallShard):
        def step(self, raw: RawBatch, now_ms: int) -> None:
            world.clock.advance(600)
            self.laps.lap("n1")
            super().step(raw, now_ms)

    link = TestLink(world.contents)
    world.worker(link, make_shard=Slow).run()
    seen = []
    for report in link.reports:
        read = report.counters.get(("records_total", (("topic", "in"),)), 0)
        known = sum(at for (name, _), at in report.gauges.items() if name == "position_offset")
        seen.append(read - known)
    assert len(seen) > 10
    assert max(seen) <= 2 * SETTINGS.batch_records


def points() -> int:
    """How many calls a run on 20 records makes, the feeding left out."""
    world = World()
    world.feed(20)
    before = len(world.kafka.faults.trace)
    world.run(turns=25)
    return len(world.kafka.faults.trace) - before


@pytest.mark.parametrize("part", range(4))
def test_killed_at_any_call_nothing_is_lost_or_doubled(part: int) -> None:
    """Kill at the n-th call for every n, start again, and again: what read_committed readers see is whole."""
    for n in range(1 + part, points() + 1, 4):
        world = World()
        world.feed(20)
        world.kafka.faults.at(n)
        with pytest.raises(Killed):
            world.run(turns=25)
        world.disk.kill_process()
        world.feed(20)
        world.run(turns=25)
        everything_once(world)


@pytest.mark.parametrize("seed", range(12))
def test_killed_again_during_recovery(seed: int) -> None:
    """Deaths in a row, each some calls after the start before, lose and double nothing."""
    world = World()
    for death in range(8):
        world.feed(10)
        world.kafka.faults.at(5 + (seed * 7 + death * 13) % 47)
        try:
            world.run(turns=30)
        except Killed:
            world.disk.kill_process()
        world.kafka.faults.clear()
    world.run()
    everything_once(world)


def test_two_shards_share_the_work() -> None:
    """Each owns its partitions; what crosses goes through the exchange."""
    world = World(partitions=5, settings=replace(SETTINGS, shards=2))
    world.feed(60)
    for _ in range(3):
        world.run(shard=0, turns=20)
        world.run(shard=1, turns=20)
    everything_once(world)


@pytest.mark.parametrize(
    "point", ["kafka.send", "kafka.send_offsets", "kafka.commit", "kafka.commit.done", "kafka.begin"]
)
def test_a_broken_transaction_is_settled_and_sent_again(point: str) -> None:
    """A lost request or a lost answer: the committed offsets decide, in the same process."""
    world = World()
    world.feed(30)
    world.kafka.faults.at(3, lambda: Unavailable("gone"), point=point)
    world.run(turns=60)
    everything_once(world)


def test_brokers_away_are_waited_for() -> None:
    """Neither at the start nor in the middle does an absent broker end the worker."""
    world = World()
    world.feed(30)
    for n in (1, 2, 3):
        world.kafka.faults.at(n, lambda: Unavailable("no broker answers"), point="kafka.writer")
        world.kafka.faults.at(n + 4, lambda: Unavailable("no broker answers"), point="kafka.take")
    link = world.run(turns=60)
    everything_once(world)
    assert any("no broker answers" in note for note in link.reports[-1].notes)


def test_a_lost_snapshot_costs_a_replay() -> None:
    """Without snapshots and local log the journal topic brings the state back."""
    world = World()
    world.feed(30)
    world.run()
    for path in list(world.disk.files):
        world.disk.delete(path)
    world.feed(10)
    link = world.run()
    everything_once(world)
    assert any("replaying" in note for note in link.reports[-1].notes)


def test_a_spoilt_snapshot_is_set_aside() -> None:
    """A flipped byte is found; an older snapshot or a replay takes its place."""
    world = World()
    world.feed(30)
    world.run()
    newest = max(path for path in world.disk.files if path.suffix == ".snapshot")
    spoilt = bytearray(world.disk.files[newest])
    spoilt[len(spoilt) // 2] ^= 1
    world.disk.write(newest, bytes(spoilt))
    world.feed(10)
    link = world.run()
    everything_once(world)
    assert any("can't be trusted" in note for note in link.reports[-1].notes)
    assert newest.with_suffix(".corrupt") in world.disk.files


def test_a_full_disk_does_not_stop_the_work() -> None:
    """Neither log nor snapshot can be written: the epochs go on, and the journal topic is enough to come back."""
    world = World()
    world.feed(40)
    for n in range(1, 200):
        world.kafka.faults.at(n, lambda: Unavailable("No space left on device"), point="disk.append")
        world.kafka.faults.at(n, lambda: Unavailable("No space left on device"), point="disk.write")
    link = world.run()
    assert any("No space left" in note for note in link.reports[-1].notes)
    world.kafka.faults.clear()
    world.run()
    everything_once(world)


def test_offsets_moved_by_hand_are_refused() -> None:
    """Never a silent reset: the reason is said, and nothing is written."""
    world = World()
    world.feed(30)
    world.run()
    world.kafka.admin().commit("streamwatchd", {Partition("in", 0): Committed(3)})
    with pytest.raises(StateMismatch, match="moved by hand"):
        world.run()


def test_a_deleted_group_is_refused() -> None:
    """State on disk without committed offsets is another cluster, or a deletion: the operator decides."""
    world = World()
    world.feed(30)
    world.run()
    world.kafka.broker.groups.clear()
    with pytest.raises(StateMismatch, match="move the state folder away"):
        world.run()


def test_another_number_of_shards_is_refused() -> None:
    """By a worker: the daemon moves the state before it starts any."""
    world = World()
    world.feed(30)
    world.run()
    world.settings = replace(world.settings, shards=2)
    with pytest.raises(StateMismatch, match="start this one again with `shards: 1`"):
        world.run(shard=owner("in", 0, shards=2))


def test_a_fenced_worker_leaves() -> None:
    """Another owner took the transactional id: no retry."""
    world = World()
    world.feed(30)
    steal = lambda: world.kafka.broker.open_epoch("streamwatchd.0.0") and None  # noqa: E731
    world.kafka.faults.at(3, steal, point="kafka.begin")
    with pytest.raises(Fenced):
        world.run()


def test_the_lock_keeps_a_second_worker_out() -> None:
    """Two daemons on one state folder: the second waits and says why."""
    world = World()
    lock = world.disk.lock(world.settings.state_dir / "shard-0" / "lock")
    link = world.run(turns=3)
    assert any("waiting" in note for note in link.reports[-1].notes)
    lock.release()


def test_a_switch_splits_by_event_time_and_survives_deaths() -> None:
    """Records at or after E meet the new rules, those before the old ones, also when it all is replayed."""
    for n in range(1, 200, 3):
        world = World()
        world.contents["v1"] = content("v1")
        world.feed(20)
        world.run()
        change = Version(1, START_MS + 20 * 10, "v1")
        world.versions += (change,)
        world.feed(20)
        world.kafka.faults.at(n)
        try:
            world.run(turns=30)
        except Killed:
            world.disk.kill_process()
        world.kafka.faults.clear()
        world.run()
        everything_once(world)
        programs = {alert["program"] for alert in world.alerts() if int(alert["where"].rpartition("/")[2]) >= 10}
        assert programs == {"v1"}
        assert sum(alert["program"] == "v0" for alert in world.alerts()) == 20


FILLING = replace(SETTINGS, max_future_ms=0)
FILLS = Version(1, START_MS + 20 * 10, "v1")


def filling(first: int = 6) -> World:
    """Of ten records a partition those below offset `first` are gone; the next rules look back 100 ms."""
    world = World(settings=FILLING)
    world.contents["v1"] = content("v1 fills")
    world.feed(20, stamped=True)
    world.run()
    for number in range(2):
        world.kafka.broker.log(Partition("in", number)).delete_before(first)
    return world


def filled(world: World) -> set[object]:
    return {alert.get("filled") for alert in world.alerts() if alert["program"] == "v1 fills"}


@pytest.mark.parametrize("prepared", [True, False])
def test_a_change_reads_old_records_once_more_and_survives_deaths(prepared: bool) -> None:
    """Ahead of the change or at it, the same ones; a recovery reads what the journal says, and comes to the same."""
    ahead: dict[int, Sequence[Command]] = {2: [Next(content("v1"))]} if prepared else {}
    for n in range(1, 90, 4):
        world = filling()
        world.kafka.faults.at(n)
        try:
            world.run(turns=20, script={**ahead, 8: [Hold(1)], 12: [Change(FILLS)]})
        except Killed:
            world.disk.kill_process()
        world.kafka.faults.clear()
        world.versions += (FILLS,)
        world.run(turns=20)
        world.feed(10)
        world.run()
        world.feed(10)
        world.run()
        everything_once(world)
        assert filled(world) == {4}


@pytest.mark.parametrize(("first", "counts"), [(0, {5}), (4, {5}), (7, {3})])
def test_it_reads_as_far_back_as_windows_reach_or_retention(first: int, counts: set[int]) -> None:
    """Of ten records, 20 ms apart, those of the last 100 ms before the change."""
    world = filling(first)
    world.versions += (FILLS,)
    world.feed(10)
    world.run()
    assert filled(world) == counts


def test_a_worker_says_when_it_has_read_ahead() -> None:
    """Then the switch is quick; where nothing is to be read it says so at once."""
    world = filling()
    link = world.run(turns=10, script={2: [Next(world.contents["v1"])]})
    assert link.haves == [Have(0, world.contents["v1"].digest)]
    link = world.run(turns=10, script={2: [Next(content("v2"))]})
    assert link.haves == [Have(0, "v2")]


def test_without_backfill_nothing_is_read() -> None:
    """`backfill: 0s`: windows wait."""
    world = filling()
    world.settings = replace(FILLING, backfill_ms=0)
    world.versions += (FILLS,)
    world.feed(10)
    world.run()
    assert filled(world) == {None}


def test_hold_and_change_while_it_runs() -> None:
    """Held, the worker takes nothing and says how far it knows; the change sets it going again."""
    world = World()
    world.contents["v1"] = content("v1")
    world.feed(20)
    change = Version(1, START_MS + 10_000, "v1")
    script = {10: [Hold(7)], 20: [Change(change)]}
    link = world.run(script=script)
    assert [(held.ticket, held.horizon_ms) for held in link.helds] == [(7, START_MS + 190)]
    assert sum(link.reports[-1].histograms["switch_pause_seconds", ()].counts) == 1
    world.feed(10, step_ms=1_000)
    world.versions += (change,)
    world.run()
    everything_once(world)
    assert {alert["program"] for alert in world.alerts()} == {"v0", "v1"}


def test_held_records_wait() -> None:
    """Between hold and go nothing is taken in."""
    world = World()
    world.feed(20)
    world.run(script={1: [Hold(1)]}, turns=10)
    assert not world.alerts()
    world.run(script={1: [Hold(1)], 5: [Go()]}, turns=30)
    everything_once(world)


def test_a_change_behind_the_horizon_is_refused() -> None:
    """An instant that a shard has already passed can't be honoured."""
    world = World()
    world.contents["v1"] = content("v1")
    world.feed(20)
    with pytest.raises(StateMismatch, match="past it"):
        world.run(script={20: [Change(Version(1, START_MS, "v1"))]})


def test_a_version_that_is_not_the_committed_one_is_refused() -> None:
    """A state folder that has forgotten a version, and gives its number to another."""
    world = World()
    for name in ("v1", "v2"):
        world.contents[name] = content(name)
    world.feed(20)
    world.run(script={20: [Change(Version(1, START_MS + 10_000, "v1"))]})
    world.versions += (Version(1, START_MS + 10_000, "v1"),)
    world.run(turns=5)
    world.versions = (world.versions[0], Version(1, START_MS + 11_000, "v2"))
    with pytest.raises(StateMismatch, match="not the newest"):
        world.run()


def test_sources_may_come_and_go_with_a_version() -> None:
    """Tasks of topics that stay keep their state; new topics begin at their start."""
    world = World()
    world.feed(20)
    world.run()
    world.kafka.broker.create("more", 1)
    world.partitions["more"] = 1
    world.contents["v1"] = content("v1", topics=("in", "more"))
    world.versions += (Version(1, START_MS + 5_000, "v1"),)
    world.feed(10)
    world.run()
    everything_once(world)
    assert Partition("more", 0) in world.kafka.broker.groups["streamwatchd"]


def test_marks_of_idle_partitions_are_replayed() -> None:
    """A silent partition takes over the watermark it is told; the journal repeats it."""
    world = World()
    world.contents["v0"] = content("v0", idle_after_ms=100)
    world.feed(20, partition=0)
    goal = START_MS + 150
    script = {turn: [Paces({"in": goal})] for turn in (10, 15, 20)}
    link = world.run(script=script)
    assert link.reports[-1].watermarks_ms[1, "in", 1] == goal
    for path in list(world.disk.files):
        world.disk.delete(path)
    worker_link = world.run(turns=5)
    assert worker_link.reports[-1].watermarks_ms[1, "in", 1] == goal


def test_stamps_from_the_future_are_judged_by_the_journalled_clock() -> None:
    """What was a dead letter stays one in a replay, however late the replay runs."""
    world = World()
    world.feed(10)
    world.sent = 100_000
    world.feed(1)
    world.sent = 10
    world.feed(10)
    world.run()
    assert len(world.kafka.records("streamwatchd.dead-letters")) == 1
    for path in list(world.disk.files):
        world.disk.delete(path)
    world.clock.advance(10_000_000)
    world.feed(10)
    world.run()
    assert len(world.kafka.records("streamwatchd.dead-letters")) == 1
    assert [alert["count"] for alert in world.alerts() if alert["where"].startswith("in/0/")][-1] == 15


@pytest.mark.parametrize("jump_ms", [-YEARS, -HOUR, -1_000, 1_000, HOUR, YEARS])
def test_a_clock_that_is_set_loses_nothing(jump_ms: int) -> None:
    """Live records go on to be judged, nobody falls idle, and the step is said and counted."""
    world = World()
    world.contents["v0"] = content("v0", idle_after_ms=60_000)

    class Link(TestLink):
        def commands(self) -> Sequence[Command]:
            if self.turn == 10:
                world.clock.jump(jump_ms)
                world.feed(20, step_ms=10)
            return super().commands()

    world.feed(20)
    link = Link(world.contents, {turn: [Paces({"in": 2**60})] for turn in range(1, 40)}, 40)
    world.worker(link).run()
    world.feed(20)
    world.run()
    everything_once(world)
    assert not world.kafka.records(world.settings.topics.dead_letters)
    assert not any(report.idle for report in link.reports)
    assert not any(alert["late"] for alert in world.alerts())
    if abs(jump_ms) > 1_000:
        assert any("the clock" in note for note in link.reports[-1].notes)


def test_a_start_under_a_clock_of_years_ago_refuses_no_record() -> None:
    """What was taken in before shows that it is not that early."""
    world = World()
    world.feed(20)
    world.run()
    world.clock.jump(-YEARS)
    world.feed(20)
    world.run()
    everything_once(world)
    assert not world.kafka.records(world.settings.topics.dead_letters)


def test_stamps_of_years_ago_and_of_years_ahead_move_nothing() -> None:
    """The one is a dead letter, the other an event like any other; both alike after a replay."""
    world = World(partitions=1)
    world.feed(10)
    sent = world.sent
    for years in (-YEARS, YEARS):
        world.sent = years // 10
        world.feed(1)
    world.sent = sent
    world.feed(10)
    link = world.run()
    assert len(world.kafka.records("streamwatchd.dead-letters")) == 1
    assert link.reports[-1].watermarks_ms[1, "in", 0] == START_MS + 19 * 10 - 1_000
    for path in list(world.disk.files):
        world.disk.delete(path)
    world.clock.advance(2 * YEARS)
    link = world.run(turns=5)
    assert link.reports[-1].watermarks_ms[1, "in", 0] == START_MS + 19 * 10 - 1_000
    assert len(world.kafka.records("streamwatchd.dead-letters")) == 1


def test_at_least_once_loses_nothing() -> None:
    """Without transactions a death may double outputs, never lose one, and the state counts each record once."""
    settings = replace(SETTINGS, delivery="at_least_once")
    for n in range(1, 160, 2):
        world = World(settings=settings)
        world.feed(20)
        world.kafka.faults.at(n)
        try:
            world.run(turns=25)
        except Killed:
            world.disk.kill_process()
        world.kafka.faults.clear()
        world.feed(20)
        world.run(turns=25)
        alerts = {alert["where"]: alert["count"] for alert in world.alerts()}
        assert len(alerts) == 40
        assert sorted(alerts.values()) == sorted([*range(1, 21), *range(1, 21)])


def test_tasks_report_their_standing() -> None:
    """Reports carry epoch, positions, watermarks and counts."""
    world = World()
    world.feed(20)
    report = world.run().reports[-1]
    assert report.phase == "leaving"
    assert report.epoch > 0
    assert report.watermarks_ms[TaskId(1, "in", 0).stage, "in", 0] == START_MS + 180 - 1_000
    assert report.gauges["position_offset", (("partition", "0"), ("topic", "in"))] == 10
    assert report.counters["events_total", ()] == 20
