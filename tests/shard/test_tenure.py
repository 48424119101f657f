"""Who works on a shard, where a fence alone does not say it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streamwatchd.errors import Fenced, Unavailable
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.kafka import Committed, Partition
from streamwatchd.shard.epoch import TransactionalCommitter
from streamwatchd.shard.stamp import stamp_of
from streamwatchd.shard.tenure import Tenure, newest_stamps
from tests.shard.test_epoch import IN, JOURNAL, MOST, OWNER, TOPICS, Setting, sealed

OTHER = Partition("in", 2)


class Rivals(Setting):
    """Two daemons of one application; `old` is at work and has committed epoch 1."""

    def __init__(self) -> None:
        super().__init__()
        self.old = self.daemon("old")
        self.old.commit(sealed(1, "old"))

    def daemon(self, tenure: str) -> TransactionalCommitter:
        writer = self.kafka.writer(OWNER.transactional_id)
        return TransactionalCommitter(
            self.kafka, writer, OWNER, TOPICS, JOURNAL, self.clock, self.notes.append, MOST, tenure=tenure
        )

    def claim(self, newcomer: TransactionalCommitter, *, begun: bool = False) -> None:
        newcomer.claim(self.kafka.admin().committed(OWNER.app, [IN]), begun=begun)

    def holder(self) -> str:
        (stamp,) = newest_stamps(self.kafka.admin().committed(OWNER.app, [IN]), OWNER).values()
        return stamp.tenure

    def before_the_rebuild(self, act: Callable[[], object]) -> None:
        """Let the next commit's end be in doubt, and `act` just before the new producer is built."""
        self.kafka.faults.at(1, lambda: Unavailable("lost"), point="kafka.commit.done")
        self.kafka.faults.at(1, act, point="kafka.rebuild")  # type: ignore[arg-type]


def test_a_newcomer_wins() -> None:
    """It claims the shard; the older one is fenced and leaves at once, and nothing is written twice."""
    rivals = Rivals()
    new = rivals.daemon("new")
    rivals.claim(new)
    assert rivals.holder() == "new"
    begun = rivals.clock.monotonic()
    with pytest.raises(Fenced):
        rivals.old.commit(sealed(2, "old"))
    assert rivals.clock.monotonic() == begun
    new.commit(sealed(2, "new"))
    assert rivals.epochs() == [1, 2]


def test_a_newcomer_wins_against_an_owner_in_doubt() -> None:
    """The older one builds a new producer after the newcomer's claim: it leaves, and the newcomer, fenced by that,
    goes on."""
    rivals = Rivals()
    new: list[TransactionalCommitter] = []

    def come() -> None:
        new.append(rivals.daemon("new"))
        rivals.claim(new[0])

    rivals.before_the_rebuild(come)
    with pytest.raises(Fenced, match="another daemon has taken shard 0"):
        rivals.old.commit(sealed(2, "old"))
    assert rivals.epochs() == [1, 2]
    new[0].commit(sealed(3, "new"))
    assert rivals.epochs() == [1, 2, 3]


def test_a_newcomer_fenced_before_its_claim_claims_again() -> None:
    """The older one builds a new producer between the newcomer's fence and its claim, and does not know of it yet."""
    rivals = Rivals()
    new: list[TransactionalCommitter] = []
    rivals.before_the_rebuild(lambda: new.append(rivals.daemon("new")))
    rivals.old.commit(sealed(2, "old"))
    with pytest.raises(Unavailable, match="claiming this shard again"):
        rivals.claim(new[0])
    again = rivals.daemon("new")
    rivals.claim(again)
    with pytest.raises(Fenced):
        rivals.old.commit(sealed(3, "old"))
    again.commit(sealed(3, "new"))
    assert rivals.epochs() == [1, 2, 3]


def test_a_fence_without_a_claim_is_outlasted() -> None:
    """Who fenced it never said that the shard is his: after a while it goes on."""
    rivals = Rivals()
    rivals.daemon("came to nothing")
    rivals.old.commit(sealed(2, "old"))
    assert rivals.epochs() == [1, 2]
    assert any("asking whether another daemon works on this shard" in note for note in rivals.notes)


def test_a_fence_is_asked_about_until_brokers_answer() -> None:
    """Offsets that can't be had say nothing of who owns the shard."""
    rivals = Rivals()
    rivals.claim(rivals.daemon("new"))
    for n in (1, 2):
        rivals.kafka.faults.at(n, lambda: Unavailable("undecided"), point="kafka.committed")
    with pytest.raises(Fenced):
        rivals.old.commit(sealed(2, "old"))


def test_a_shard_that_was_taken_while_no_worker_was_here_is_left_alone() -> None:
    """A worker of the older daemon that is restarted does not take it back; one that never had it does."""
    rivals = Rivals()
    rivals.claim(rivals.daemon("new"))
    with pytest.raises(Fenced, match="while no worker was here"):
        rivals.claim(rivals.daemon("old"), begun=True)
    assert rivals.holder() == "new"
    rivals.claim(rivals.daemon("newest"))
    assert rivals.holder() == "newest"


def test_nothing_is_claimed_that_is_ours_or_nobodys() -> None:
    """A restarted worker, and the first one of all, commit nothing; without a name nothing is ever claimed."""
    setting = Setting()
    stands = {IN: Committed(5, str(stamp_of(OWNER, 4, tenure="a"))), OTHER: None}
    mine, nameless = (Tenure(setting.kafka, OWNER, name, ManualClock(), setting.notes.append) for name in ("a", ""))
    assert not mine.claim(stands, begun=True)
    assert not mine.claim({IN: None, OTHER: None}, begun=False)
    assert not nameless.claim(stands, begun=False)
    nameless.check(stands)


def test_a_claim_leaves_offsets_and_epochs_as_they_are() -> None:
    """Of the last epoch's partitions; what an older epoch left behind stays, as it says nothing of the owner."""
    setting = Setting()
    old, older = stamp_of(OWNER, 4, tenure="b", closed=True), stamp_of(OWNER, 3, tenure="c")
    tenure = Tenure(setting.kafka, OWNER, "a", ManualClock(), setting.notes.append)
    claimed = tenure.claim({IN: Committed(5, str(old)), OTHER: Committed(7, str(older))}, begun=False)
    assert claimed == {IN: Committed(5, str(stamp_of(OWNER, 4, tenure="a", closed=True)))}
