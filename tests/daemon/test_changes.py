"""One instant for all: the steps of a change, and what interrupts them."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.daemon.changes import Changes, Proposal
from streamwatchd.daemon.contents import Bundle, ContentStore
from streamwatchd.daemon.filling import Filling
from streamwatchd.errors import Unavailable
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.fake_disk import FakeDisk
from streamwatchd.shard.control import Change, Command, Go, Have, Held, Hold, Next
from streamwatchd.shard.version import BEGINNING, Version
from tests.daemon.project import ListLog
from tests.shard.small import content

STATE = Path("/state")


def proposal(name: str) -> Proposal:
    return Proposal(content(name), Bundle(b"", {"a.yaml": name.encode()}, {}))


class Setting:
    def __init__(self) -> None:
        self.disk = FakeDisk()
        self.clock = ManualClock()
        self.log = ListLog()
        self.told: list[Command] = []
        self.store = ContentStore(self.disk, STATE)
        self.store.add(proposal("v0").content, proposal("v0").bundle)
        self.filling = Filling()
        self.changes = Changes(self.store, self.clock, self.told.append, self.log, filling=self.filling)

    def step(self, running: list[int], shards: int) -> None:
        """Every worker that is handed something unpacks it at once."""
        told = len(self.told)
        self.changes.step(running, shards)
        for each in self.told[told:]:
            if isinstance(each, Next):
                for shard in running:
                    self.changes.on_have(Have(shard, each.content.digest))
                self.changes.step(running, shards)

    def ticket(self) -> int:
        return next(each.ticket for each in reversed(self.told) if isinstance(each, Hold))


def test_the_instant_lies_above_every_horizon() -> None:
    """Handed to all, hold to all, all held, one instant, on disk before any worker hears of it."""
    setting = Setting()
    assert setting.changes.propose(proposal("v1"))
    setting.step([0, 1], 2)
    assert setting.told == [Next(proposal("v1").content), Hold(1)]
    setting.changes.on_held(Held(0, 1, 500))
    assert len(setting.told) == 2
    setting.changes.on_held(Held(1, 1, 900))
    version = Version(1, 901, "v1")
    assert setting.told[2:] == [Change(version)]
    assert ContentStore(setting.disk, STATE).versions == (Version(0, BEGINNING, "v0"), version)
    assert setting.log.events() == ["rules_switched"]


def test_before_any_event_the_instant_is_the_epoch() -> None:
    """Nothing was taken in: any instant will do."""
    setting = Setting()
    setting.changes.propose(proposal("v1"))
    setting.step([0], 1)
    setting.changes.on_held(Held(0, 1, BEGINNING))
    assert setting.store.versions[-1].at_ms == 0


def test_it_waits_until_all_workers_run() -> None:
    """A worker that recovers can't say its horizon."""
    setting = Setting()
    setting.changes.propose(proposal("v1"))
    setting.step([0], 2)
    assert setting.told == []


def test_a_lost_worker_postpones_it() -> None:
    """The others go on; it is tried again later, with another ticket."""
    setting = Setting()
    setting.changes.propose(proposal("v1"))
    setting.step([0, 1], 2)
    setting.changes.on_held(Held(0, 1, 500))
    setting.changes.on_worker_lost(1)
    assert setting.told[-1] == Go()
    setting.step([0, 1], 2)
    assert setting.told[-1] == Go()
    setting.clock.advance(5_000)
    setting.step([0, 1], 2)
    assert setting.ticket() == 2
    setting.changes.on_held(Held(1, 1, 10**9))
    setting.changes.on_held(Held(0, 2, 500))
    setting.changes.on_held(Held(1, 2, 600))
    assert setting.store.versions[-1].at_ms == 601


def test_a_worker_that_does_not_answer_postpones_it() -> None:
    """The others are not held for longer than some seconds."""
    setting = Setting()
    setting.changes.propose(proposal("v1"))
    setting.step([0, 1], 2)
    setting.clock.advance(20_000)
    setting.step([0, 1], 2)
    assert setting.told[-1] == Go()


def test_a_full_disk_postpones_it() -> None:
    """What is not on disk is not in force anywhere."""
    setting = Setting()
    setting.changes.propose(proposal("v1"))
    setting.step([0], 1)
    setting.disk.faults.at(1, lambda: Unavailable("No space left on device"), point="disk.write")
    setting.changes.on_held(Held(0, 1, 500))
    assert setting.told[-1] == Go()
    assert len(setting.store.versions) == 1
    assert setting.changes.postponed_for == "the version can't be written: No space left on device"
    setting.clock.advance(5_000)
    setting.step([0], 1)
    setting.changes.on_held(Held(0, 2, 500))
    assert len(setting.store.versions) == 2
    assert setting.changes.postponed_for == ""


def test_equal_content_changes_nothing() -> None:
    """Also when a proposal is taken back before it was made."""
    setting = Setting()
    assert not setting.changes.propose(proposal("v0"))
    setting.changes.propose(proposal("v1"))
    assert setting.changes.propose(proposal("v0"))
    setting.step([0], 1)
    assert setting.told == []


@pytest.mark.parametrize("when", ["before", "between"])
def test_of_several_proposals_the_newest_is_made(when: str) -> None:
    """One that comes while an instant is set follows with the next."""
    setting = Setting()
    setting.changes.propose(proposal("v1"))
    if when == "between":
        setting.step([0], 1)
    setting.changes.propose(proposal("v2"))
    for _ in range(2):
        setting.step([0], 1)
        setting.changes.on_held(Held(0, setting.ticket(), 500))
    assert setting.store.versions[-1].digest == "v2"


def test_nobody_holds_still_until_everybody_has_the_rules() -> None:
    """Unpacking takes time; the content is on disk by then, and no version."""
    setting = Setting()
    setting.changes.propose(proposal("v1"))
    setting.changes.step([0, 1], 2)
    assert setting.told == [Next(proposal("v1").content)]
    assert setting.store.bundle("v1").rules == {"a.yaml": b"v1"}
    assert len(setting.store.versions) == 1
    setting.changes.on_have(Have(0, "v1"))
    setting.changes.on_have(Have(1, "v0"))
    setting.changes.step([0, 1], 2)
    assert len(setting.told) == 1
    setting.changes.on_have(Have(1, "v1"))
    setting.changes.step([0, 1], 2)
    assert setting.told[1:] == [Hold(1)]


def test_an_edit_that_is_taken_back_while_it_is_put_in_force_is_taken_back() -> None:
    """All hold still for it already, so it comes; what was in force before comes again."""
    setting = Setting()
    setting.changes.propose(proposal("v1"))
    setting.step([0], 1)
    assert setting.told[-1] == Hold(1)
    assert setting.changes.propose(proposal("v0"))
    setting.changes.on_held(Held(0, 1, 500))
    assert setting.store.versions[-1].digest == "v1"
    setting.step([0], 1)
    setting.changes.on_held(Held(0, setting.ticket(), 600))
    assert [each.digest for each in setting.store.versions] == ["v0", "v1", "v0"]


def test_what_is_on_its_way_is_not_proposed_twice() -> None:
    """Edited, and put back, while all hold still."""
    setting = Setting()
    setting.changes.propose(proposal("v1"))
    setting.step([0], 1)
    setting.changes.propose(proposal("v2"))
    setting.changes.propose(proposal("v1"))
    setting.changes.on_held(Held(0, 1, 500))
    setting.step([0], 1)
    assert setting.changes.wanted is None
    assert [each.digest for each in setting.store.versions] == ["v0", "v1"]


@pytest.mark.parametrize("lost", [True, False])
def test_rules_that_a_worker_does_not_unpack_are_handed_out_again(lost: bool) -> None:
    """It was lost, or did not answer."""
    setting = Setting()
    setting.changes.propose(proposal("v1"))
    setting.changes.step([0], 1)
    if lost:
        setting.changes.on_worker_lost(0)
    else:
        setting.clock.advance(20_000)
        setting.changes.step([0], 1)
        assert setting.log.events() == ["change_postponed"]
    setting.clock.advance(5_000)
    setting.step([0], 1)
    assert setting.told == [Next(proposal("v1").content)] * 2 + [Hold(1)]


def test_workers_that_get_on_with_old_records_are_waited_for() -> None:
    """They are asked again and again, so that those who are ready read on; said is it once a minute."""
    setting = Setting()
    setting.changes.propose(proposal("v1"))
    for round_ in range(8):
        setting.filling.note(900 - round_, setting.clock.monotonic())
        setting.changes.step([0], 1)
        setting.clock.advance(16_000)
        setting.filling.note(890 - round_, setting.clock.monotonic())
        setting.changes.step([0], 1)
    assert setting.told == [Next(proposal("v1").content)] * 8
    assert setting.log.events() == ["windows_filling"] * 2
    setting.filling.note(0, setting.clock.monotonic())
    setting.step([0], 1)
    assert setting.told[-1] == Hold(1)


def test_a_reason_that_stays_is_said_once_a_minute() -> None:
    """Each time rules are handed out in vain; another reason, or other rules, at once."""
    setting = Setting()
    setting.changes.propose(proposal("v1"))
    for _ in range(3):
        setting.changes.step([0], 1)
        setting.clock.advance(18_000)
        setting.changes.step([0], 1)
        setting.clock.advance(2_000)
    assert setting.log.events() == ["change_postponed"]
    setting.changes.propose(proposal("v2"))
    setting.changes.step([0], 1)
    setting.clock.advance(18_000)
    setting.changes.step([0], 1)
    assert setting.log.events() == ["change_postponed"] * 2


def test_a_newer_proposal_is_handed_out_in_place_of_an_older_one() -> None:
    """Before anybody held still for that."""
    setting = Setting()
    setting.changes.propose(proposal("v1"))
    setting.changes.step([0], 1)
    setting.changes.propose(proposal("v2"))
    setting.step([0], 1)
    setting.changes.on_held(Held(0, 1, 500))
    assert [version.digest for version in setting.store.versions] == ["v0", "v2"]
