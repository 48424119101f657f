"""Every failpoint of the supervisor fires here: killed or broken there, a change is in force afterwards, once."""

from __future__ import annotations

import pytest

from streamwatchd import failpoints
from streamwatchd.daemon.changes import Changes
from streamwatchd.daemon.contents import ContentStore
from streamwatchd.failpoints import POINTS, Plan
from streamwatchd.ports.faults import Killed
from streamwatchd.shard.control import Change, Held
from streamwatchd.shard.version import Version
from tests.daemon.test_changes import STATE, Setting, proposal

OF_THE_SUPERVISOR = sorted(point for point in POINTS if point.startswith("version."))


def decide(setting: Setting, horizon_ms: int) -> None:
    """All workers say how far they are."""
    setting.changes.propose(proposal("v1"))
    setting.step([0, 1], 2)
    ticket = setting.ticket()
    for shard in (0, 1):
        setting.changes.on_held(Held(shard, ticket, horizon_ms + shard))


def die() -> None:
    raise Killed


@pytest.mark.parametrize("action", ["kill", "raise"])
@pytest.mark.parametrize("point", OF_THE_SUPERVISOR)
def test_dead_there_the_next_start_makes_the_change(point: str, action: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the instant that is on disk, or at a new one where none is; no worker has heard of another."""
    setting = Setting()
    plan = Plan.parse(f"{point}={action}")
    plan.kill = die
    monkeypatch.setattr(failpoints, "plan", plan)
    with pytest.raises((Killed, OSError)):
        decide(setting, 900)
    assert plan.fired == [point]
    heard = [each.version for each in setting.told if isinstance(each, Change)]

    setting.store = ContentStore(setting.disk, STATE)
    setting.changes = Changes(setting.store, setting.clock, setting.told.append, setting.log)
    decided = setting.store.versions[1:]
    if not decided:
        decide(setting, 1_000)
    else:
        assert not setting.changes.propose(proposal("v1"))
    assert setting.store.versions[1:] == (Version(1, 902 if decided else 1_002, "v1"),)
    assert set(heard) <= set(decided)
