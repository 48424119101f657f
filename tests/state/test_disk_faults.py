"""The n-th call to the disk fails or is the last of the process, for every n: the answers are those of a good disk.

The real engine, with rules of every kind; a life in which the rules change, snapshots are written and read, the daemon
stops and starts. After the fault the disk is well again, and the next start goes on from whatever it finds.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.ports.fake_disk import broken, full
from streamwatchd.ports.faults import Killed
from streamwatchd.shard.control import Change, Command, Hold
from streamwatchd.shard.version import Version
from tests.state.traffic import CROWD_AT_S, START_MS, stretch
from tests.state.world import PROJECT, World, _compiled

BEGIN_S = CROWD_AT_S + 1
CHANGE_MS = START_MS + 1_000 * (BEGIN_S + 20)
EVERY = int(os.environ.get("STREAMWATCHD_DISK_CALLS_EVERY", "17"))
"""Of the calls, each so-many-th is tried in `make test`; 1 tries them all."""


def live(world: World, tries: int = 4) -> None:
    """A life: started again where the disk made it end, and each time the records that have come meanwhile."""
    _step(world, tries, lambda: world.begin() if not world.store().versions else None)
    world.feed(stretch(BEGIN_S, BEGIN_S + 12))
    _step(world, tries, lambda: world.run(turns=40))
    world.feed(stretch(BEGIN_S + 12, BEGIN_S + 15))
    _step(world, tries, lambda: _change(world))
    world.feed(stretch(BEGIN_S + 15, BEGIN_S + 40))
    _step(world, tries, lambda: world.run(turns=40))


def _change(world: World) -> None:
    """The version is on disk before any worker hears of it; a start after that has it from the list."""
    store = world.store()
    script: dict[int, list[Command]] = {}
    if len(store.versions) < 2:
        content, bundle = _compiled(PROJECT / "after")
        version: Version = store.add(content, bundle, CHANGE_MS)
        script = {5: [Hold(1)], 6: [Change(version)]}
    world.run(turns=40, script=dict(script))


def _step(world: World, tries: int, step: Callable[[], object]) -> None:
    for _ in range(tries):
        try:
            step()
        except Killed:
            world.disk.kill_process()
        except (Unavailable, StateMismatch):
            world.disk.kill_process()  # the daemon left with a message; the service manager starts it again
        else:
            return
    raise AssertionError("it never came through")


def make() -> World:
    world = World()
    world.disk.faults = world.disk.faults.__class__()  # the disk's calls alone are counted
    world.settings = replace(world.settings, batch_records=30, snapshot_every_ms=300)
    return world


@cache
def undisturbed() -> tuple[dict[str, list[str]], int]:
    """The answers, and how many points of the disk a life passes."""
    world = make()
    live(world, tries=1)
    return _said(world), len(world.disk.faults.trace)


def _said(world: World) -> dict[str, list[str]]:
    return {sink: sorted(map(repr, rows)) for sink, rows in world.outputs().items()}


@pytest.mark.parametrize("fault", [full, broken, Killed], ids=["full", "broken", "killed"])
def test_whichever_call_to_the_disk_fails_the_answers_are_the_same(fault: Callable[[], BaseException]) -> None:
    """Snapshot, journal, contents, versions, locks: nothing of them is needed for a right answer."""
    wanted, points = undisturbed()
    assert points > 60
    assert len(wanted["alerts"]) > 20
    start = (full, broken, Killed).index(fault) * EVERY // 3
    for n in range(1 + start, points + 1, EVERY):
        world = make()
        world.disk.faults.at(n, fault)
        live(world)
        assert _said(world) == wanted, f"call {n}: {world.disk.faults.trace[n - 1]}"


@pytest.mark.parametrize("point", ["disk.write", "disk.append", "disk.write.done", "disk.append.torn", "disk.delete"])
def test_a_disk_that_takes_nothing_any_more_costs_no_answer(point: str) -> None:
    """From the first version on, over two restarts, each of which replays from the journal topic."""
    wanted, _ = undisturbed()
    world = make()
    world.begin()
    before = dict(world.disk.files)
    world.disk.faults.every(point, full)
    world.feed(stretch(BEGIN_S, BEGIN_S + 12))
    world.run(turns=40)
    world.feed(stretch(BEGIN_S + 12, BEGIN_S + 15))
    world.run(turns=40)
    world.disk.faults.clear()
    _step(world, 1, lambda: _change(world))
    world.feed(stretch(BEGIN_S + 15, BEGIN_S + 40))
    world.run(turns=40)
    assert _said(world) == wanted
    assert before.keys() <= world.disk.files.keys()
