"""Laws 1 and 3 over edits: rules that come, change and go do so at instants of event time, whatever is restarted."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatchd.compiler import Compiled
from streamwatchd.operators import asking
from streamwatchd.shard.output import Output, TaskId
from streamwatchd.testing.driver import Driver
from tests.laws.edits import histories
from tests.laws.engine import Slice, compile_world, cut, equal, feed
from tests.laws.examples import EXAMPLES
from tests.laws.neighbours import declared, halves
from tests.oracle.compare import Plain, plain_outputs
from tests.oracle.random_rules import World, worlds
from tests.placed import moved_about


class Line:
    """One thread that changes its rules at instants of event time, and may be restarted anywhere.

    Versions are kept as a shard keeps them: those that a restart needs, and no more.
    """

    def __init__(self, world: World, first: Compiled) -> None:
        self._world = world
        self._versions: list[tuple[int, Compiled]] = [(asking.BEGINNING, first)]
        self._outputs: list[Output] = []
        self.driver = self._driver()

    def _driver(self) -> Driver:
        (_, first), *later = self._versions
        assert first.program is not None
        world = self._world
        driver = Driver(
            first.program, first.loaded.tables, world.partitions, exchange_partitions=world.exchange_partitions
        )
        for at_ms, compiled in later:
            assert compiled.program is not None
            driver.switch(compiled.program, compiled.loaded.tables, at_ms)
        return driver

    def feed(self, piece: Slice) -> None:
        feed(self.driver, piece)

    def change(self, compiled: Compiled) -> None:
        assert compiled.program is not None
        at_ms = self.driver.switch(compiled.program, compiled.loaded.tables)
        self._versions.append((at_ms, compiled))

    def restart(self) -> None:
        """Another process, from a snapshot and the versions in play."""
        self._settle()
        states: dict[TaskId, bytes] = {}
        for shard in self.driver.shards:
            states |= shard.snapshot()
        self._outputs += self.driver.take_outputs()
        self.driver = self._driver()
        for shard in self.driver.shards:
            shard.restore({task: state for task, state in states.items() if task in shard.tasks})

    def _settle(self) -> None:
        least = min(self.driver.watermarks().values())
        while len(self._versions) > 1 and least > asking.grace_ends([at for at, _ in self._versions]):
            self._versions.pop(0)

    def outputs(self) -> dict[str, list[Plain]]:
        return plain_outputs([*self._outputs, *self.driver.take_outputs()])


def singly(piece: Slice) -> list[Slice]:
    return [Slice(piece.topic, piece.partition, (item,)) for item in piece.items]


def run(world: World, versions: list[Compiled], seed: int, *, shaken: bool) -> dict[str, list[Plain]]:
    """The changes come between the same records; shaken, these come one by one, with restarts anywhere."""
    rng, shake = random.Random(seed), random.Random(seed + 7)
    line = Line(world, versions[0])
    pieces = list(cut(world, rng))
    when = {rng.randrange(1, len(pieces) + 1): each for each in versions[1:]}
    for number, piece in enumerate(pieces, 1):
        for part in singly(piece) if shaken else [piece]:
            line.feed(part)
            if shaken and shake.random() < 0.15:
                line.restart()
        if number in when:
            line.change(when[number])
            if shaken and shake.random() < 0.5:
                line.restart()
    return line.outputs()


@pytest.mark.parametrize("grace_ms", [0, 20_000, 900_000])
@EXAMPLES
@given(world=worlds(rules=5, records=60), seed=st.integers(0, 2**32 - 1))
def test_edits_come_to_the_same_with_restarts_and_other_batches(world: World, seed: int, grace_ms: int) -> None:
    """Rules come, go and come back, before and after their state is let go."""
    kept, asking.GRACE_MS = asking.GRACE_MS, grace_ms
    try:
        with tempfile.TemporaryDirectory() as folder:
            world = declared(world)
            sets = [world, *halves(world, seed), *halves(world, seed + 5)]
            compiled = [compile_world(each, Path(folder) / str(i)) for i, each in enumerate(sets)]
            rng = random.Random(seed + 3)
            versions = moved_about([rng.choice(compiled) for _ in range(6)], world.partitions, random.Random(seed + 9))
            calm = run(world, versions, seed, shaken=False)
            assert not equal(calm, run(world, versions, seed, shaken=True))
    finally:
        asking.GRACE_MS = kept


@EXAMPLES
@given(world=worlds(rules=5, records=60), seed=st.integers(0, 2**32 - 1))
def test_edits_of_all_kinds_come_to_the_same_with_restarts_and_other_batches(world: World, seed: int) -> None:
    """Windows, holds, filters, keys, names: whatever is edited, and taken back; and where keys lie."""
    world = declared(world)
    versions = moved_about(histories(world, random.Random(seed), 7), world.partitions, random.Random(seed + 9))
    assert not equal(run(world, versions, seed, shaken=False), run(world, versions, seed, shaken=True))
