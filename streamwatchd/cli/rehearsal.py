"""A recording played once through a program: how, and how far it came."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from streamwatchd.batch import RawBatch
from streamwatchd.cli.playing import (
    bare_source,
    check_partition,
    driver_for,
    expected_tasks,
    partitions_of,
    readable,
)
from streamwatchd.cli.progress import open_progress
from streamwatchd.cli.summary import Played
from streamwatchd.compiler import Compiled
from streamwatchd.plan.program import Program
from streamwatchd.recording import Recording, open_recording
from streamwatchd.shard.collector import collect_rarely
from streamwatchd.shard.output import Output
from streamwatchd.shard.task import NEVER
from streamwatchd.testing.driver import Driver
from streamwatchd.testing.playback import Playback

Take = Callable[[Iterable[Output]], None]


@dataclass(frozen=True, slots=True)
class Manner:
    """How to play: the source and the partitions of bare events, the clock, and what is done at the end."""

    source: str | None
    partitions: int | None
    flush: bool
    now_ms: int
    exact_marks: bool

    @property
    def reads_twice(self) -> bool:
        return self.source is None and self.partitions is None


def rehearse(recording: str, compiled: Compiled, program: Program, manner: Manner, take: Take) -> Played:
    """Play all of it; `take` gets what comes out, as it comes. Raises UnreadableInput."""
    settings = compiled.loaded.settings
    assert settings is not None
    latest_ms = manner.now_ms + settings.max_future_ms
    bare = bare_source(compiled.loaded.ruleset, manner.source, manner.partitions, latest_ms)
    with readable(recording, twice=manner.reads_twice) as path, open_recording(path, bare) as opened:
        counts = partitions_of(opened, path, manner.partitions)
        driver = driver_for(compiled, program, settings, counts, manner.partitions or 1, manner.now_ms)
        playback = Playback(
            driver,
            idle_jump_ms=settings.idle_jump_ms,
            derive_marks=not manner.exact_marks,
            expected=expected_tasks(opened, counts),
        )
        seconds = _play(opened, playback, driver, take, manner.flush)
        return _played(recording, opened, playback, driver, seconds, manner.flush)


def _play(opened: Recording, playback: Playback, driver: Driver, take: Take, flush: bool) -> float:
    """Seconds that it took."""
    collect_rarely()
    started = time.perf_counter()
    progress = open_progress(opened.bytes_total)
    try:
        for item in opened:
            if isinstance(item, RawBatch):
                check_partition(driver, item)
            playback.add(item)
            take(driver.take_outputs())
            progress.at(opened.bytes_read, playback.events)
        playback.end()
        if flush:
            driver.flush()
        take(driver.take_outputs())
    finally:
        progress.end()
    return time.perf_counter() - started


def _played(
    recording: str, opened: Recording, playback: Playback, driver: Driver, seconds: float, flushed: bool
) -> Played:
    newest = max((shard.max_event_time() for shard in driver.shards), default=NEVER)
    known = newest > NEVER
    watermarks = [mark for task, mark in driver.watermarks().items() if task.stage == 1 and mark > NEVER]
    return Played(
        recording="standard input" if recording == "-" else recording,
        events=playback.events,
        seconds=seconds,
        newest_ms=newest if known else None,
        watermark_ms=min(watermarks, default=None) if known else None,
        unknown=playback.unknown,
        notes=tuple(opened.notes),
        flushed=flushed,
        first_ms=playback.first_ms,
    )
