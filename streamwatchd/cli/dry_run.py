"""`swctl dry-run`: recorded traffic through the daemon's own engine, as fast as the machine can."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from streamwatchd.batch import RawBatch
from streamwatchd.cli.progress import open_progress
from streamwatchd.cli.project import compile_or_exit, project_options
from streamwatchd.cli.results import Results
from streamwatchd.cli.summary import Played, summary
from streamwatchd.cli.times import MOMENT
from streamwatchd.compiler import Compiled, Program
from streamwatchd.diagnostics import did_you_mean
from streamwatchd.errors import UnreadableInput
from streamwatchd.recording import BareSource, Recording, open_recording
from streamwatchd.recording.survey import partitions_in
from streamwatchd.rules.ruleset import RuleSet
from streamwatchd.settings import Settings
from streamwatchd.shard.collector import collect_rarely
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.task import NEVER
from streamwatchd.testing.driver import Driver
from streamwatchd.testing.playback import Playback


@click.command("dry-run")
@click.argument("recording", metavar="RECORDING")
@project_options
@click.option("--out", required=True, metavar="DIR", type=click.Path(path_type=Path), help="Where results are written.")
@click.option("--source", metavar="NAME", help="The source of bare events [default: the only one].")
@click.option("--partitions", type=click.IntRange(1, 100_000), metavar="N", help="Spread bare events by the key.")
@click.option("--flush", is_flag=True, help="Close the windows that the watermark has not closed.")
@click.option("--now", type=MOMENT, metavar="TIME", help="The clock that judges stamps from the future [default: now].")
@click.option("--exact-marks", is_flag=True, help="Play only recorded marks: derive none from record timestamps.")
def command(
    recording: str,
    config: Path | None,
    rules_dir: Path | None,
    out: Path,
    source: str | None,
    partitions: int | None,
    flush: bool,
    now: int | None,
    exact_marks: bool,
) -> None:
    """Play RECORDING and write alerts, KPI rows, late events and dead letters to DIR.

    RECORDING is NDJSON (plain, .gz, .zst) or Parquet, or `-` for standard input: records of Kafka as
    {topic, partition, offset, timestamp, key, value}, or bare events of --source.
    """
    compiled, program = compile_or_exit(config, rules_dir)
    settings = compiled.loaded.settings
    assert settings is not None
    now_ms = int(time.time() * 1000) if now is None else now
    bare = _bare(compiled.loaded.ruleset, source, partitions, now_ms + settings.max_future_ms)
    with _file(recording, twice=source is None and partitions is None) as path, open_recording(path, bare) as opened:
        counts = _partitions(opened, path, partitions)
        driver = _driver(compiled, program, settings, counts, partitions or 1, now_ms)
        expected = [] if opened.header else [TaskId(1, t, p) for t, count in counts.items() for p in range(count)]
        playback = Playback(driver, idle_jump_ms=settings.idle_jump_ms, derive_marks=not exact_marks, expected=expected)
        with Results(out) as results:
            seconds = _play(opened, playback, driver, results, flush)
        played = _played(recording, opened, playback, driver, seconds, flush)
    for line in summary(played, results.tally):
        click.echo(line)


def _bare(rules: RuleSet, name: str | None, partitions: int | None, latest_ms: int) -> BareSource | None:
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
def _file(recording: str, twice: bool) -> Iterator[str]:
    """The recording's path; standard input that may have to be read twice is put aside first (see `_partitions`)."""
    if recording != "-" or not twice:
        yield recording
        return
    with tempfile.NamedTemporaryFile(suffix=".ndjson") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        file.flush()
        yield file.name


def _partitions(opened: Recording, path: str, given: int | None) -> Mapping[str, int]:
    """Topic → partitions, as the header says, else as many as the recording has."""
    if opened.header is not None and opened.header.topics:
        return opened.header.topics
    return partitions_in(path) if opened.enveloped and given is None and path != "-" else {}


def _driver(
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


def _play(opened: Recording, playback: Playback, driver: Driver, results: Results, flush: bool) -> float:
    """Seconds that it took."""
    collect_rarely()
    started = time.perf_counter()
    progress = open_progress(opened.bytes_total)
    try:
        for item in opened:
            if isinstance(item, RawBatch):
                _check_partition(driver, item)
            playback.add(item)
            results.write(driver.take_outputs())
            progress.at(opened.bytes_read, playback.events)
        playback.end()
        if flush:
            driver.flush()
        results.write(driver.take_outputs())
    finally:
        progress.end()
    return time.perf_counter() - started


def _check_partition(driver: Driver, batch: RawBatch) -> None:
    count = driver.partitions.get(batch.topic)
    if count is not None and batch.partition >= count:
        raise UnreadableInput(
            f"the recording holds partition {batch.partition} of {batch.topic}, which has {count} by its header or "
            "--partitions"
        )


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
    )
