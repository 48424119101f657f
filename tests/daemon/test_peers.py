"""Rules change on several hosts at one instant; on files, disks and a clock in memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from streamwatchd.daemon.changes import Changes
from streamwatchd.daemon.contents import ContentStore
from streamwatchd.daemon.following import Following
from streamwatchd.daemon.hosts import Hosts
from streamwatchd.daemon.peers import Peers
from streamwatchd.errors import Unavailable
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.fake_disk import FakeDisk, broken
from streamwatchd.shard.control import Change, Command, Go, Have, Held, Hold, Next
from streamwatchd.shard.shared import SharedStore
from streamwatchd.shard.version import BEGINNING, Content, Version
from tests.daemon.project import ListLog
from tests.daemon.test_changes import proposal
from tests.shard.small import SETTINGS, content

V0 = Version(0, BEGINNING, "v0")


class Contents(ContentStore):
    """Bundles in place of compiled rules: the only file's bytes name the content."""

    def content(self, digest: str) -> Content:
        self.bundle(digest)
        return content(digest)


class Host:
    """Two shards, whose workers answer at once unless they are `mute`; `horizon_ms` is what they have taken in."""

    def __init__(self, number: int, clock: ManualClock, shared: SharedStore) -> None:
        self.shards = (2 * number, 2 * number + 1)
        self.horizon_ms = 1_000 * (1 + number)
        self.told: list[Command] = []
        self.log = ListLog()
        self.mute = False
        folder = Path(f"/state-{number}")
        self.disk = FakeDisk()
        self.store = Contents(self.disk, folder, elsewhere=lambda name: shared.files.read(shared.folder / name))
        self.store.adopt([V0], {"v0": proposal("v0").bundle})
        self.hosts = Hosts(shared, replace(SETTINGS, state_dir=folder), clock, self.log)
        self.hosts.orders.fetch = lambda digest: self.store.keep(self.store.content(digest), self.store.bundle(digest))
        self.peers = Peers(self.hosts, clock)
        self.changes = Changes(self.store, clock, self.tell, self.log, self.peers)
        self.following = Following(self.hosts, self.store, self.tell, clock, self.log)
        self.running = list(self.shards)

    def tell(self, command: Command) -> None:
        self.told.append(command)

    def work(self) -> None:
        """The workers' answers to what they were told since."""
        for command in self.told[:] if not self.mute else ():
            for shard in self.running:
                if isinstance(command, Next):
                    self.on(Have(shard, command.content.digest))
                elif isinstance(command, Hold):
                    self.on(Held(shard, command.ticket, self.horizon_ms + shard))

    def on(self, answer: Have | Held) -> None:
        for each in (self.changes, self.following):
            each.on_have(answer) if isinstance(answer, Have) else each.on_held(answer)

    def turn(self) -> None:
        self.following.step(self.shards)
        self.hosts.say(self.shards, {}, self.following.reply(self.running))
        if 0 in self.shards:
            elsewhere = self.peers.running(self.store.versions[-1].number)
            self.changes.step([*self.running, *elsewhere], 4)
        self.work()

    def heard(self, kind: type[Command]) -> list[Command]:  # type: ignore[valid-type]
        return [each for each in self.told if isinstance(each, kind)]


class Two:
    def __init__(self) -> None:
        self.clock, self.files = ManualClock(), FakeDisk()
        shared = SharedStore(self.files, Path("/shared"), "app")
        self.first, self.second = (Host(number, self.clock, shared) for number in (0, 1))
        self.pass_turns(3)

    def pass_turns(self, count: int, *hosts: Host) -> None:
        for _ in range(count):
            self.clock.sleep(0.2)
            for each in hosts or (self.first, self.second):
                each.turn()
                try:
                    each.hosts.beat()
                except Unavailable:
                    each.hosts._forgive()

    def propose(self, name: str = "v1") -> None:
        assert self.first.changes.propose(proposal(name))


def test_one_instant_above_what_any_host_has_taken_in() -> None:
    """All have the content, all hold still, one version for all; the second host has its files on its own disk."""
    two = Two()
    two.propose()
    two.pass_turns(10)
    version = Version(1, 2_004, "v1")
    for each in (two.first, two.second):
        assert each.store.versions == (V0, version)
        assert each.heard(Change) == [Change(version)]
        assert [type(command) for command in each.told][:2] == [Next, Hold]
        assert each.disk.read(Path(f"{each.store._state_dir}/content/v1")) is not None
        assert not each.following.holds
        assert not each.hosts.hurry


def test_one_change_follows_another() -> None:
    """Once the others know the first."""
    two = Two()
    for number, name in enumerate(("v1", "v2", "v3"), 1):
        two.propose(name)
        two.pass_turns(12)
        assert two.second.store.versions[-1].number == number
        assert two.second.store.versions == two.first.store.versions


@pytest.mark.parametrize("missing", ["silent", "recovering"])
def test_it_waits_for_every_shard(missing: str) -> None:
    """A host that is away, or whose worker recovers, can't say what it has taken in."""
    two = Two()
    two.propose()
    if missing == "silent":
        two.clock.sleep(30)
        two.pass_turns(10, two.first)
    else:
        two.second.running = [2]
        two.pass_turns(10)
    assert not two.first.heard(Hold)
    two.second.running = [2, 3]
    two.pass_turns(20)
    assert two.second.store.versions[-1].digest == "v1"


def test_a_host_that_does_not_answer_holds_the_others_up_for_some_seconds() -> None:
    """Nothing is decided; all go on and it is tried again."""
    two = Two()
    two.propose()
    two.pass_turns(2)
    two.second.mute = True
    two.second.following._have = {2, 3}
    two.pass_turns(10)
    assert two.second.following.holds
    two.pass_turns(90)
    assert two.first.heard(Go)
    assert two.second.heard(Go)
    assert two.first.store.versions == two.second.store.versions == (V0,)
    two.second.mute, two.second.told = False, []
    two.pass_turns(120)
    assert two.first.store.versions == two.second.store.versions != (V0,)


@pytest.mark.parametrize("number", range(1, 12))
@pytest.mark.parametrize("point", ["disk.write", "disk.write.done"])
def test_a_store_that_fails_in_the_middle_leaves_no_host_behind(number: int, point: str) -> None:
    """A write that failed may have come through: it is written again, and all switch at the same instant."""
    two = Two()
    two.propose()
    two.files.faults.at(number, broken, point=point)
    two.pass_turns(150)
    assert two.first.store.versions == two.second.store.versions
    assert two.second.store.versions[-1].digest == "v1"


def test_the_host_with_shard_0_dies_while_the_others_hold_still() -> None:
    """Nothing was decided: after a minute of silence they go on, and its successor gives the order up."""
    two = Two()
    two.propose()
    two.second.mute = True
    two.pass_turns(2)
    two.second.following._have = {2, 3}
    two.pass_turns(5)
    assert two.second.following.holds
    two.pass_turns(250, two.second)
    assert two.second.following.holds
    two.pass_turns(100, two.second)
    assert two.second.heard(Go)
    assert not two.second.following.holds
    two.second.peers.take_the_lead()
    two.pass_turns(5, two.second)
    order = two.second.hosts.orders.seen
    assert order is not None
    assert order.over
    assert order.decided is None


def test_it_dies_right_behind_its_decision() -> None:
    """The others switch, and so does the host itself when it comes back: the store has the decision."""
    two = Two()
    two.propose()
    while not two.first.changes.is_deciding:
        two.pass_turns(1)
    two.first.hosts.beat()
    two.pass_turns(5, two.second)
    order = two.first.hosts.orders.read()
    assert order is not None
    assert two.first.store.versions == (V0,)
    assert two.second.store.versions == (V0, order.decided)


def test_a_worker_that_starts_while_a_change_is_decided_holds_still() -> None:
    """What it had said it had taken in holds."""
    two = Two()
    two.propose()
    while not two.first.changes.is_deciding:
        two.pass_turns(1)
    two.first.changes.on_worker_lost(1)
    assert two.first.changes.is_deciding
    two.pass_turns(5)
    assert two.first.store.versions == two.second.store.versions != (V0,)
