"""A host without shard 0 in a change of rules; with its leader in test_peers."""

from __future__ import annotations

from streamwatchd.shard.control import Change, Go, Held, Hold
from tests.daemon.test_changes import proposal
from tests.daemon.test_peers import Two


def test_a_worker_that_is_silent_is_told_again() -> None:
    """It may have been lost with the word; the answers of the others stand."""
    two = Two()
    two.propose()
    two.second.running = [2, 3]
    two.pass_turns(2)
    two.second.mute = True
    two.second.following._have = {2, 3}
    two.pass_turns(4)
    (hold,) = two.second.heard(Hold)
    assert isinstance(hold, Hold)
    two.second.following.on_held(Held(2, hold.ticket, 5_000))
    two.pass_turns(15)
    assert len(two.second.heard(Hold)) > 1
    two.second.following.on_held(Held(3, hold.ticket, 6_000))
    two.second.following.on_held(Held(2, hold.ticket, 9_000))
    two.pass_turns(6)
    assert two.second.store.versions[-1].at_ms == 6_001


def test_its_own_files_are_proposed_no_more_once_they_are_in_force() -> None:
    """They came with the same deployment."""
    two = Two()
    two.second.changes.propose(proposal("v1"))
    two.propose("v1")
    two.pass_turns(10)
    two.second.changes.follow()
    assert two.second.changes.wanted is None


def test_its_own_files_wait_for_those_of_the_first_host_and_say_so() -> None:
    """Deployed here alone they are in force nowhere."""
    two = Two()
    two.second.changes.propose(proposal("v1"))
    two.second.changes.follow()
    assert "the host that works on shard 0 decides" in two.second.changes.postponed_for
    two.propose("v1")
    two.pass_turns(10)
    two.second.changes.follow()
    assert (two.second.changes.wanted, two.second.changes.postponed_for) == (None, "")


def test_the_same_order_is_not_followed_twice() -> None:
    """When it is over, it is over."""
    two = Two()
    two.propose()
    two.pass_turns(40)
    assert len(two.second.heard(Change)) == 1
    assert not two.second.heard(Go)
