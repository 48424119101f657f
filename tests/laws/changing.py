"""Several shards whose rules change: each switches when it comes to it, and works on beside others that have not."""

from __future__ import annotations

import random

from streamwatchd.batch import RawBatch
from streamwatchd.compiler import Compiled, Program
from streamwatchd.shard.output import Mark, TaskId
from streamwatchd.shard.past import Past
from streamwatchd.shard.shard import Shard
from streamwatchd.testing.driver import longest_reach
from tests.laws.engine import Cluster, Slice, cut, mark_of, raw_batch
from tests.oracle.compare import Plain, plain_outputs
from tests.oracle.random_rules import World

ALL = 2**52
"""Retained is everything, and stamps are believed, as the records of random worlds have other timestamps."""
_LONG_MS = 6 * 3_600_000


class Changing(Cluster):
    """A change is decided while all hold; a shard that has not made it takes nothing in before it has.

    Those that have go on, and what they say waits in the exchange for those that have not.
    """

    def __init__(self, compiled: Compiled, world: World, shards: int, rng: random.Random) -> None:
        super().__init__(compiled, world, shards, rng, ALL)
        self._world = world
        self._made: list[list[tuple[int, Compiled]]] = [[(0, compiled)] for _ in range(shards)]
        self._version: tuple[int, Compiled] = (0, compiled)
        self._log: dict[TaskId, list[RawBatch]] = {}

    def ready(self, number: int) -> None:
        """It makes the change that was decided, if it has not."""
        if self._made[number][-1] is self._version:
            return
        at_ms, compiled = self._version
        assert compiled.program is not None
        shard = self._shards[number]
        pasts = shard.pasts(at_ms, compiled.program, compiled.loaded.tables)
        for task, past in pasts.items():
            for raw in self._log.get(task, ()):
                past.step(raw)
        filled = {task: (past, max(0, at_ms - 1 - past.reach_ms)) for task, past in pasts.items()}
        self._switch(shard, number, self._version, filled)
        self._made[number].append(self._version)

    def _switch(
        self, shard: Shard, number: int, version: tuple[int, Compiled], pasts: dict[TaskId, tuple[Past, int]]
    ) -> None:
        at_ms, compiled = version
        assert compiled.program is not None
        mine = [task for task, owner in self._owner.items() if owner == number]
        shard.switch(at_ms, compiled.program, compiled.loaded.tables, mine, pasts)

    def take(self, piece: Slice) -> None:
        super().take(piece)
        if mark_of(piece) is None:
            self._log.setdefault(TaskId(1, piece.topic, piece.partition), []).append(raw_batch(piece))

    def change(self, compiled: Compiled) -> None:
        """Decided once the last one is made everywhere."""
        assert compiled.program is not None
        for number in range(len(self._shards)):
            self.ready(number)
        for stage in compiled.program.plan.later:
            for partition in range(self._world.exchange_partitions):
                task = TaskId(stage.stage, "", partition)
                self._owner.setdefault(task, self._rng.randrange(len(self._shards)))
                self._exchange.setdefault(task, [])
        highest = [max(shard.max_event_time(), *shard.watermarks().values()) for shard in self._shards if shard.tasks]
        self._version = (max(0, max(highest) + 1), compiled)

    def restart(self, number: int) -> None:
        """Another process goes on from the shard's state."""
        self._drain()
        old = self._shards[number]
        (_, first), *later = self._made[number]
        assert first.program is not None
        tasks = [task for task in old.tasks if task.stage == 1 or task.stage - 2 < len(first.program.plan.later)]
        partitions, exchange = self._world.partitions, self._world.exchange_partitions
        made = Shard(first.program, first.loaded.tables, tasks, partitions, exchange, ALL)
        for version in later:
            self._switch(made, number, version, {})
        made.restore(old.snapshot())
        self._shards[number] = made

    def flush(self) -> None:
        """Every source partition goes on to the same instant."""
        high = max(shard.max_event_time() for shard in self._shards)
        program = self._version[1].program
        assert program is not None
        for task, number in sorted(self._owner.items()):
            if task.stage == 1:
                self.ready(number)
                self._shards[number].mark(Mark(task, -1, high + after_ms(program)))


def after_ms(program: Program) -> int:
    """For how long a run goes on after the last record: what repeats would go on for days."""
    return min(2 * longest_reach(program), _LONG_MS)


def run_changing(
    world: World, versions: list[Compiled], when: list[int], seed: int, shards: int
) -> dict[str, list[Plain]]:
    """What comes out where the rules change after so many slices of the log."""
    rng = random.Random(seed + shards)
    cluster = Changing(versions[0], world, shards, rng)
    for number, piece in enumerate(cut(world, random.Random(seed)), 1):
        cluster.take(piece)
        while rng.random() < 0.5 and cluster.deliver():
            pass
        for at, compiled in zip(when, versions[1:], strict=True):
            if at == number:
                cluster.change(compiled)
        if rng.random() < 0.15:
            cluster.restart(rng.randrange(shards))
    cluster.flush()
    return plain_outputs(cluster.finish())
