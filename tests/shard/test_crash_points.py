"""Every failpoint of a worker fires here: killed or broken there, and started again, nothing is lost or doubled.

The broker is the one in memory, the disk a real one, so that its own points are passed too.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from streamwatchd import failpoints
from streamwatchd.errors import Unavailable
from streamwatchd.failpoints import POINTS, Plan
from streamwatchd.ports.disk import RealDisk
from streamwatchd.ports.faults import Killed
from streamwatchd.shard.control import Change, Command, Hold
from streamwatchd.shard.version import Version
from tests.shard.small import SETTINGS, START_MS, World, content
from tests.shard.test_worker import everything_once

OF_A_WORKER = sorted(point for point in POINTS if not point.startswith(("version.", "move.")))
CHANGE = Version(1, START_MS + 10_000, "v1")


def world_on(folder: Path) -> World:
    """With records, a pending change, and files of an earlier run."""
    world = World(settings=replace(SETTINGS, state_dir=folder, snapshot_every_ms=100))
    world.disk = RealDisk()  # type: ignore[assignment]
    world.contents["v1"] = content("v1")
    world.feed(20)
    world.run(turns=30)
    world.feed(20)
    world.kafka.faults.at(4, lambda: Unavailable("the answer was lost"), point="kafka.commit")
    return world


def script() -> dict[int, list[Command]]:
    return {25: [Hold(1)], 26: [Change(CHANGE)]}


def strike(world: World, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> bool:
    """A run under the plan; whether the worker died of it."""
    monkeypatch.setattr(failpoints, "plan", plan)
    try:
        world.run(turns=60, script=script())
    except (Killed, OSError):
        return True
    finally:
        monkeypatch.setattr(failpoints, "plan", None)
    return False


def die() -> None:
    raise Killed


def go_on(world: World) -> None:
    """Without failpoints; the version is on disk by now, as every worker's assignment says."""
    world.kafka.faults.clear()
    world.versions += (CHANGE,)
    world.feed(20)
    world.run(turns=60)
    everything_once(world)
    world.feed(4, step_ms=1_000)
    world.run(turns=30)
    everything_once(world)
    assert {alert["program"] for alert in world.alerts()} == {"v0", "v1"}


@pytest.mark.parametrize("nth", [1, 3])
@pytest.mark.parametrize("point", OF_A_WORKER)
def test_killed_there_it_recovers(point: str, nth: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the first pass or a later one; where there is no third, it has nothing to recover from."""
    world = world_on(tmp_path)
    plan = Plan.parse(f"{point}=kill@{nth}")
    plan.kill = die
    died = strike(world, plan, monkeypatch)
    assert died == (plan.fired == [point])
    assert died or nth > 1
    go_on(world)


@pytest.mark.parametrize("point", OF_A_WORKER)
def test_an_error_there_loses_nothing(point: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails is survived; an error of the worker's own is a bug, of which it dies and comes back."""
    world = world_on(tmp_path)
    plan = Plan.parse(f"{point}=raise")
    strike(world, plan, monkeypatch)
    assert plan.fired == [point]
    go_on(world)
