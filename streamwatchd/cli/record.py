"""`swctl record`: traffic from Kafka to a file that `dry-run` plays."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from streamwatchd.cli.project import config_path, plural, project_options
from streamwatchd.cli.times import PAST
from streamwatchd.compiler import compile_project
from streamwatchd.errors import StateMismatch, Unavailable, UnreadableInput
from streamwatchd.ports.kafka import Kafka
from streamwatchd.ports.librdkafka import Librdkafka
from streamwatchd.recording import Header, RecordingWriter
from streamwatchd.rules.ruleset import Source
from streamwatchd.settings import Settings
from streamwatchd.testing.recorder import Recorder, journalled_marks, partitions_of, stretch_between, stretch_of
from streamwatchd.testing.thinning import Thinning


def open_kafka(settings: Settings) -> Kafka:
    """The cluster of the configuration."""
    return Librdkafka(settings.kafka)


@click.command("record")
@click.argument("topics", metavar="[TOPIC]…", nargs=-1)
@project_options
@click.option(
    "--out",
    required=True,
    metavar="FILE",
    help="NDJSON, .gz and .zst compress; .parquet, .parq or .pq. - is standard output.",
)
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="How long to record [default: until Ctrl-C].")
@click.option(
    "--from-beginning", is_flag=True, help="What the topics hold now, up to their ends, with journalled marks."
)
@click.option("--from", "from_ms", type=PAST, metavar="TIME", help="Records from then on: 2h (ago), or a time.")
@click.option("--until", "until_ms", type=PAST, metavar="TIME", help="Up to then [default: the ends of the topics].")
@click.option(
    "--sample", type=click.FloatRange(0, 100, min_open=True), metavar="PERCENT", help="Of the keys, the same ones."
)
@click.option("--hide", "hidden", metavar="FIELD", multiple=True, help="Write a pseudonym in place of its texts.")
def command(
    topics: tuple[str, ...],
    config: Path | None,
    rules_dir: Path | None,
    out: str,
    seconds: float | None,
    from_beginning: bool,
    from_ms: int | None,
    until_ms: int | None,
    sample: float | None,
    hidden: tuple[str, ...],
) -> None:
    """Write records of TOPICs (topics or sources; by default those of all sources) to FILE, from now on.

    Parquet is played twice as fast, but has an end that Ctrl-C or SIGTERM leaves time for and SIGKILL does not; it
    is FILE once it has its end: a FILE that was there stays as it was if that fails.
    `swctl convert` makes one of the other.
    With --from or --until: those that the topics hold of that time, by the timestamps that Kafka keeps of records.
    --sample and --hide make one that may be given away; a payload that is no JSON object is hidden whole.
    With --from-beginning the daemon's own marks are written too, and `dry-run --exact-marks` answers as it did.
    """
    loaded = compile_project(config_path(config), rules_dir=rules_dir).loaded
    if loaded.settings is None:
        raise UnreadableInput("the configuration does not check; see `swctl validate`")
    ranged = from_ms is not None or until_ms is not None
    if ranged and (from_beginning or seconds is not None):
        raise click.UsageError(
            "--from and --until say what to record: neither --seconds nor --from-beginning goes with them"
        )
    kafka = open_kafka(loaded.settings)
    names = topics_of(topics, loaded.ruleset.sources)
    counts = partitions_of(kafka, names)
    stretch = (
        stretch_between(kafka, counts, from_ms, until_ms)
        if ranged
        else stretch_of(kafka, counts, from_beginning=from_beginning, endless=seconds is not None)
    )
    marks = journalled_marks(kafka, loaded.settings.topics.journal, loaded.settings.app) if from_beginning else {}
    reader = kafka.reader(read_committed=True)
    with RecordingWriter(out, _header(counts, loaded.ruleset.sources)) as writer:
        recorder = Recorder(writer, marks, _thinning(sample, hidden))
        try:
            with asked_to_end() as asked:
                over = _stop_after(seconds)
                recorder.record(reader, stretch, lambda: asked() or over())
                if asked():
                    click.echo("", err=True)
        except KeyboardInterrupt:
            click.echo("", err=True)
        except (StateMismatch, Unavailable):
            _set_aside(writer, recorder)
            raise
        finally:
            reader.close()
    count = f"{plural(recorder.records, 'record')} of {plural(len(counts), 'topic')}"
    click.echo(f"{out}: {count}, {plural(recorder.marks, 'mark')}", err=True)


def _set_aside(writer: RecordingWriter, recorder: Recorder) -> None:
    """What was recorded until Kafka failed: it can't be had again, and replaces nothing."""
    place = writer.set_aside() if recorder.records else None
    if place is not None:
        click.echo(f"what was recorded until then: {place}: {plural(recorder.records, 'record')}", err=True)


def record_topics(
    kafka: Kafka,
    topics: list[str],
    sources: Mapping[str, Source],
    path: str,
    from_ms: int | None = None,
    until_ms: int | None = None,
) -> int:
    """What the topics hold now, of this time, into a recording; gives the number of records. Raises UnreadableInput,
    Unavailable."""
    counts = partitions_of(kafka, topics)
    reader = kafka.reader(read_committed=True)
    try:
        with RecordingWriter(path, _header(counts, sources)) as writer:
            recorder = Recorder(writer)
            recorder.record(reader, stretch_between(kafka, counts, from_ms, until_ms), lambda: False)
    finally:
        reader.close()
    return recorder.records


def topics_of(given: Sequence[str], sources: Mapping[str, Source]) -> list[str]:
    """The topics meant: a source's name stands for its topic."""
    names = given or list(sources)
    return list(dict.fromkeys(sources[name].topic if name in sources else name for name in names))


def _header(counts: Mapping[str, int], sources: Mapping[str, Source]) -> Header:
    mine = {name: source for name, source in sources.items() if source.topic in counts}
    return Header(counts, {name: {"topic": source.topic, "time": source.time} for name, source in mine.items()})


def _thinning(sample: float | None, hidden: Sequence[str]) -> Thinning | None:
    """Pseudonyms are of this recording alone."""
    if sample is None and not hidden:
        return None
    return Thinning(1.0 if sample is None else sample / 100, hidden, os.urandom(16))


@contextmanager
def asked_to_end() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C or SIGTERM has come: what is being written is finished first. A second Ctrl-C breaks in."""
    asked: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {each: signal.signal(each, note) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _stop_after(seconds: float | None) -> Callable[[], bool]:
    if seconds is None:
        return lambda: False
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end
