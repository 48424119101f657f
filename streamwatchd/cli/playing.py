"""A recording and a driver that plays it: what `dry-run` and `model train` have in common."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from streamwatchd.batch import RawBatch
from streamwatchd.compiler import Compiled
from streamwatchd.diagnostics import did_you_mean
from streamwatchd.errors import UnreadableInput
from streamwatchd.plan.program import Program
from streamwatchd.recording import BareSource, Recording
from streamwatchd.recording.survey import partitions_in
from streamwatchd.rules.ruleset import RuleSet
from streamwatchd.settings import Settings
from streamwatchd.shard.output import TaskId
from streamwatchd.testing.driver import Driver

MOST_PARTITIONS = 10_000


def bare_source(rules: RuleSet, name: str | None, partitions: int | None, latest_ms: int) -> BareSource | None:
    """What bare events would be; None where no source is named and there are several."""
    if name is None:
        if len(rules.sources) != 1:
            return None
        name = next(iter(rules.sources))
    if name not in rules.sources:
        hint = did_you_mean(name, rules.sources) or f"sources: {', '.join(rules.sources)}"
        raise UnreadableInput(f"there is no source `{name}`; {hint}")
    source = rules.sources[name]
    return BareSource(source.topic, source.time, source.time_unit, partitions or 1, source.key, latest_ms)


@contextmanager
def readable(recording: str, twice: bool) -> Iterator[str]:
    """The recording's path; standard input that may have to be read twice is put aside first (see `partitions_of`)."""
    if recording != "-" or not twice:
        yield recording
        return
    with tempfile.NamedTemporaryFile(suffix=".ndjson") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        file.flush()
        yield file.name


def partitions_of(opened: Recording, path: str, given: int | None) -> Mapping[str, int]:
    """Topic → partitions, as the header says, else as many as the recording has; UnreadableInput for too many."""
    if opened.header is not None and opened.header.topics:
        found = opened.header.topics
    else:
        found = partitions_in(path) if opened.enveloped and given is None and path != "-" else {}
    for topic, count in found.items():
        if count > MOST_PARTITIONS:
            raise UnreadableInput(
                f"{path}: a record of {topic} is of partition {count - 1:,}; {MOST_PARTITIONS:,} partitions a topic "
                "are played, so look at where the recording comes from"
            )
    return found


def expected_tasks(opened: Recording, counts: Mapping[str, int]) -> list[TaskId]:
    """Partitions that are known to have records, though no header says so."""
    return [] if opened.header else [TaskId(1, topic, p) for topic, count in counts.items() for p in range(count)]


def driver_for(
    compiled: Compiled, program: Program, settings: Settings, counts: Mapping[str, int], other: int, now_ms: int
) -> Driver:
    """`other` is the number of partitions of topics that are not in `counts`."""
    return Driver(
        program,
        compiled.loaded.tables,
        {source.topic: counts.get(source.topic, other) for source in program.plan.sources.values()},
        exchange_partitions=settings.exchange_partitions,
        now_ms=now_ms,
        max_future_ms=settings.max_future_ms,
    )


def check_partition(driver: Driver, batch: RawBatch) -> None:
    """Raises UnreadableInput for a record of a partition that the recording should not have."""
    count = driver.partitions.get(batch.topic)
    if count is not None and batch.partition >= count:
        raise UnreadableInput(
            f"the recording holds partition {batch.partition} of {batch.topic}, which has {count} by its header or "
            "--partitions"
        )
