"""A rule's vectors over a recording or a topic: what `model train` learns from and `model evaluate` judges on."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import click

from streamwatchd.batch import RawBatch
from streamwatchd.cli.pairs import pairs
from streamwatchd.cli.playing import bare_source, check_partition, driver_for, expected_tasks, partitions_of, readable
from streamwatchd.cli.progress import open_progress
from streamwatchd.cli.project import compile_or_exit
from streamwatchd.cli.record import open_kafka, record_topics
from streamwatchd.compiler import Compiled, program_of
from streamwatchd.diagnostics import did_you_mean
from streamwatchd.errors import UnreadableInput
from streamwatchd.plan.program import Program
from streamwatchd.recording import RecordedMark, Recording, open_recording
from streamwatchd.repository.manifest import Feature
from streamwatchd.rules.ruleset import Anomaly, RuleSet, reads
from streamwatchd.shard.collector import collect_rarely
from streamwatchd.testing.driver import Driver
from streamwatchd.testing.playback import Playback
from streamwatchd.testing.vectors import anomaly_rule, features_of, width_ms
from streamwatchd.training.train import step_ms
from streamwatchd.training.vectors import Seen, vectors_of

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Traffic:
    """What to play: `--from`, `--source` and `--partitions`."""

    where: str
    bare: str | None
    partitions: int | None


@dataclass(frozen=True, eq=False)
class Vectors:
    """`seen` over the traffic, of a rule whose vectors come every `every_ms` and look back `width_ms`."""

    rule: Anomaly
    features: list[Feature]
    every_ms: int
    width_ms: int
    seen: Seen

    @property
    def keys(self) -> list[str]:
        """The names of `by`."""
        return [each.name for each in self.rule.by]


def traffic_options(function: F) -> F:
    """`--from`, `--source` and `--partitions`, as `traffic`, `bare` and `partitions`."""
    for option in (
        click.option(
            "--partitions", type=click.IntRange(1, 100_000), metavar="N", help="Spread bare events by the key."
        ),
        click.option("--source", "bare", metavar="NAME", help="The source of bare events [default: the only one]."),
        click.option(
            "--from",
            "traffic",
            required=True,
            metavar="RECORDING|TOPIC",
            help="A file as `dry-run` takes it (NDJSON or Parquet), or a topic or source: what Kafka has of it now.",
        ),
    ):
        function = option(function)
    return function


def vectors_in(
    rule: str, config: Path | None, rules_dir: Path | None, traffic: Traffic, others: Collection[str] = ()
) -> Vectors:
    """The rule runs with what it reads and with `others`, whose alerts are wanted too: the rest changes no vector and
    costs time. Raises UnreadableInput, Unavailable."""
    compiled, _ = compile_or_exit(config, rules_dir)
    wanted = _rule(compiled.loaded.ruleset, rule)
    program = program_of(_alone(compiled.loaded.ruleset, (rule, *others)))
    with _file(compiled, traffic.where) as path:
        seen = _played(compiled, program, wanted, path, traffic)
    every_ms = wanted.every_ms or step_ms(seen.history)
    return Vectors(wanted, features_of(wanted), every_ms, width_ms(compiled.loaded.ruleset, wanted) or every_ms, seen)


def _alone(rules: RuleSet, names: Sequence[str]) -> RuleSet:
    """These rules and what they read, over any number of steps."""
    named = {each.name: each for each in rules.rules}
    kept = list(names)
    for name in kept:
        kept += [other for other in (reads(named[name]) if name in named else ()) if other not in kept]
    return replace(rules, rules=tuple(each for each in rules.rules if each.name in kept))


def _rule(rules: RuleSet, name: str) -> Anomaly:
    try:
        return anomaly_rule(rules, name)
    except KeyError:
        known = [each.name for each in rules.rules if isinstance(each, Anomaly)]
        hint = did_you_mean(name, known) or (f"anomaly rules: {', '.join(known)}" if known else "see `swctl validate`")
        raise UnreadableInput(f"there is no anomaly rule `{name}`; {hint}") from None


@contextmanager
def _file(compiled: Compiled, where: str) -> Iterator[str]:
    """The recording; a topic is recorded first, from its beginning to its present end, into a file that goes again."""
    sources, settings = compiled.loaded.ruleset.sources, compiled.loaded.settings
    assert settings is not None
    topics = {source.topic for source in sources.values()}
    if where == "-" or Path(where).exists() or not (where in sources or where in topics):
        yield where
        return
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "topic.parquet")
        topic = sources[where].topic if where in sources else where
        record_topics(open_kafka(settings), [topic], sources, path)
        yield path


def _played(compiled: Compiled, program: Program, rule: Anomaly, path: str, traffic: Traffic) -> Seen:
    settings = compiled.loaded.settings
    assert settings is not None
    bare, partitions = traffic.bare, traffic.partitions
    now_ms = int(time.time() * 1000)
    made = bare_source(compiled.loaded.ruleset, bare, partitions, now_ms + settings.max_future_ms)
    twice = bare is None and partitions is None
    collect_rarely()
    with readable(path, twice=twice) as readable_path, open_recording(readable_path, made) as opened:
        counts = partitions_of(opened, readable_path, partitions)
        driver = driver_for(compiled, program, settings, counts, partitions or 1, now_ms)
        playback = Playback(driver, idle_jump_ms=settings.idle_jump_ms, expected=expected_tasks(opened, counts))
        progress = open_progress(opened.bytes_total)
        try:
            items = _checked(opened, driver)
            return vectors_of(items, driver, playback, rule.name, lambda events: progress.at(opened.bytes_read, events))
        finally:
            progress.end()


def _checked(opened: Recording, driver: Driver) -> Iterator[RawBatch | RecordedMark]:
    for item in opened:
        if isinstance(item, RawBatch):
            check_partition(driver, item)
        yield item


def settings_of(texts: Sequence[str]) -> dict[str, int]:
    """Of `--set NAME=NUMBER`. Raises UnreadableInput."""
    found = pairs("--set", texts, "trees=200")
    for name, number in found.items():
        if not number.isdigit():
            raise UnreadableInput(f"--set {name}={number}: write a whole number, such as --set trees=200")
    return {name: int(number) for name, number in found.items()}
