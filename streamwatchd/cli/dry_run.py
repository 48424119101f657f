"""`swctl dry-run`: recorded traffic through the daemon's own engine, as fast as the machine can."""

from __future__ import annotations

import time
from pathlib import Path

import click

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
from streamwatchd.cli.project import compile_or_exit, project_options
from streamwatchd.cli.results import Results
from streamwatchd.cli.summary import Played, summary
from streamwatchd.cli.times import MOMENT
from streamwatchd.recording import Recording, open_recording
from streamwatchd.shard.collector import collect_rarely
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
    bare = bare_source(compiled.loaded.ruleset, source, partitions, now_ms + settings.max_future_ms)
    with readable(recording, twice=source is None and partitions is None) as path, open_recording(path, bare) as opened:
        counts = partitions_of(opened, path, partitions)
        driver = driver_for(compiled, program, settings, counts, partitions or 1, now_ms)
        playback = Playback(
            driver,
            idle_jump_ms=settings.idle_jump_ms,
            derive_marks=not exact_marks,
            expected=expected_tasks(opened, counts),
        )
        with Results(out) as results:
            seconds = _play(opened, playback, driver, results, flush)
        played = _played(recording, opened, playback, driver, seconds, flush)
    for line in summary(played, results.tally):
        click.echo(line)


def _play(opened: Recording, playback: Playback, driver: Driver, results: Results, flush: bool) -> float:
    """Seconds that it took."""
    collect_rarely()
    started = time.perf_counter()
    progress = open_progress(opened.bytes_total)
    try:
        for item in opened:
            if isinstance(item, RawBatch):
                check_partition(driver, item)
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
