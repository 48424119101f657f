"""The engine over a world: on one thread with the Driver, or on several shards that exchange records."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from streamwatchd.batch import RawBatch
from streamwatchd.compiler import Compiled
from streamwatchd.rules.ruleset import Alarm, RuleSet
from streamwatchd.shard.output import Mark, Output, TaskId
from streamwatchd.shard.shard import Shard
from streamwatchd.testing.driver import Driver
from tests.laws.models import compile_with_models
from tests.oracle.compare import Plain, as_oracle, by_law, differences, from_oracle, plain_outputs
from tests.oracle.oracle import answers
from tests.oracle.random_rules import World
from tests.oracle.reading import LogItem, MarkAt, Record
from tests.oracle.streams import Stream, local_key, moves
from tests.oracle.world import write_project

LARGEST_INPUT = 1_000.0
"""No number in the records of a random world is larger, products of two fields included."""

FAR_FUTURE_MS = 2**52


@dataclass(frozen=True, slots=True)
class Slice:
    """A batch, or a mark, of one partition."""

    topic: str
    partition: int
    items: tuple[LogItem, ...]


def compile_world(world: World, folder: Path) -> Compiled:
    """Raises AssertionError with the diagnostics if the loader refuses what was drawn."""
    files = (world.sources, world.rules, world.tables, world.calendars, world.silences)
    compiled = compile_with_models(write_project(folder, *files))
    errors = [found for found in compiled.loaded.diagnostics if found.is_error]
    assert not errors, [f"{found.span} {found.message}" for found in errors]
    assert compiled.program is not None
    return compiled


def cut(world: World, rng: random.Random | None) -> Iterator[Slice]:
    """The logs as slices: whole partitions one after the other, or random pieces in a random order of partitions."""
    queues = {place: list(log) for place, log in sorted(world.logs.items())}
    while any(queues.values()):
        places = [place for place, log in queues.items() if log]
        place = places[0] if rng is None else places[rng.randrange(len(places))]
        log = queues[place]
        if isinstance(log[0], MarkAt):
            size = 1
        else:
            most = next((i for i, item in enumerate(log) if isinstance(item, MarkAt)), len(log))
            size = most if rng is None else min(most, rng.choice((1, 2, 3, 7, 20)))
        yield Slice(*place, tuple(log[:size]))
        del log[:size]


def raw_batch(piece: Slice) -> RawBatch:
    records = [item for item in piece.items if isinstance(item, Record)]
    return RawBatch(
        piece.topic,
        piece.partition,
        [record.payload for record in records],
        [record.offset for record in records],
        [record.timestamp for record in records],
    )


def mark_of(piece: Slice) -> Mark | None:
    first = piece.items[0]
    return Mark(TaskId(1, piece.topic, piece.partition), 0, first.watermark_ms) if isinstance(first, MarkAt) else None


def feed(driver: Driver, piece: Slice) -> None:
    mark = mark_of(piece)
    if mark is None:
        driver.feed(raw_batch(piece))
    else:
        driver.mark(mark)


def run_driver(compiled: Compiled, world: World, rng: random.Random | None = None) -> dict[str, list[Plain]]:
    """What comes out on one thread, cut by `rng`."""
    assert compiled.program is not None
    driver = Driver(
        compiled.program, compiled.loaded.tables, world.partitions, exchange_partitions=world.exchange_partitions
    )
    for piece in cut(world, rng):
        feed(driver, piece)
    return plain_outputs(driver.outputs)


class Cluster:
    """Several shards in one process; the exchange is a log per stage and partition, read when `rng` says so."""

    def __init__(
        self, compiled: Compiled, world: World, shards: int, rng: random.Random, max_future_ms: int = 300_000
    ) -> None:
        assert compiled.program is not None
        stages = [stage.stage for stage in compiled.program.plan.later]
        tasks = [TaskId(1, topic, p) for topic, count in sorted(world.partitions.items()) for p in range(count)]
        tasks += [TaskId(stage, "", p) for stage in stages for p in range(world.exchange_partitions)]
        self._owner = {task: rng.randrange(shards) for task in tasks}
        self._shards = [
            Shard(
                compiled.program,
                compiled.loaded.tables,
                [task for task in tasks if self._owner[task] == shard],
                world.partitions,
                world.exchange_partitions,
                max_future_ms,
            )
            for shard in range(shards)
        ]
        self._exchange: dict[TaskId, list[bytes]] = {task: [] for task in tasks if task.stage > 1}
        self._outputs: list[Output] = []
        self._rng = rng

    def ready(self, number: int) -> None:
        """A shard is about to take something in."""

    def take(self, piece: Slice) -> None:
        number = self._owner[TaskId(1, piece.topic, piece.partition)]
        self.ready(number)
        shard = self._shards[number]
        mark = mark_of(piece)
        if mark is None:
            shard.step(raw_batch(piece), FAR_FUTURE_MS)
        else:
            shard.mark(mark)

    def deliver(self) -> bool:
        """Some of what waits in the exchange; False when nothing does."""
        self._drain()
        waiting = [task for task, log in self._exchange.items() if log]
        if not waiting:
            return False
        task = waiting[self._rng.randrange(len(waiting))]
        self.ready(self._owner[task])
        log = self._exchange[task]
        size = self._rng.randrange(len(log)) + 1
        self._shards[self._owner[task]].merge(task.stage, task.partition, log[:size])
        del log[:size]
        return True

    def _drain(self) -> None:
        order = list(self._shards)
        self._rng.shuffle(order)
        for shard in order:
            outputs, records = shard.drain()
            self._outputs += outputs
            for record in records:
                self._exchange[TaskId(record.stage, "", record.partition)].append(record.payload)

    def finish(self) -> list[Output]:
        while self.deliver():
            pass
        return self._outputs


def run_shards(compiled: Compiled, world: World, shards: int, seed: int) -> dict[str, list[Plain]]:
    """What comes out of several shards, with batches, owners and the pace of the exchange drawn from `seed`."""
    rng = random.Random(seed)
    cluster = Cluster(compiled, world, shards, rng)
    for piece in cut(world, rng):
        cluster.take(piece)
        if rng.random() < 0.3:
            cluster.deliver()
    return plain_outputs(cluster.finish())


def without_storms(found: dict[str, list[Plain]], rules: set[str]) -> dict[str, list[Plain]]:
    """Alerts as they were without budgets of notifications for these rules."""
    alerts = [
        {**alert, "muted_by": None} if alert["rule"] in rules else alert
        for alert in found["alerts"]
        if alert["rule"] not in rules or "folded" not in alert["values"]  # type: ignore[operator]
    ]
    return found | {"alerts": alerts}


def spread(compiled: Compiled, exchange_partitions: int) -> set[str]:
    """Alarms that are judged in several partitions of the exchange, of which the oracle knows nothing."""
    rules = compiled.loaded.ruleset
    if exchange_partitions == 1:
        return set()
    alarms = (rule for rule in rules.rules if isinstance(rule, Alarm))
    kept = (rule for rule in alarms if rule.by or rule.sources[0] not in rules.sources)  # rows are where they were made
    return {rule.name for rule in kept if not _is_local(rule, rules)}


def _is_local(rule: Alarm, rules: RuleSet) -> bool:
    """Whether the oracle is sure that the rule is judged where its source's records are."""
    source = rules.sources.get(rule.sources[0])
    streams = {} if source is None else {source.name: Stream(source.name, {}, source.key, source.name)}
    return source is not None and not moves(rule) and len(rule.sources) == 1 and bool(local_key(rule, streams))


def oracle_says(compiled: Compiled, world: World) -> dict[str, list[Plain]]:
    loaded = compiled.loaded
    return from_oracle(answers(loaded.ruleset, loaded.tables, world.partitions, world.logs))


def against_oracle(compiled: Compiled, world: World, rng: random.Random | None) -> list[str]:
    """`-` is what only the oracle has, `+` what only the engine has; the log cut as `cut` does."""
    several = spread(compiled, world.exchange_partitions)
    engine = without_storms(as_oracle(run_driver(compiled, world, rng)), several)
    return differences(without_storms(oracle_says(compiled, world), several), engine, LARGEST_INPUT)


def equal(one: dict[str, list[Plain]], two: dict[str, list[Plain]], *, ids: bool = True) -> list[str]:
    """Differences between two runs of the engine under the laws."""
    return differences(by_law(one, ids=ids), by_law(two, ids=ids), LARGEST_INPUT)
