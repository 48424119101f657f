"""`swctl model train`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import click

from streamwatchd.batch import RawBatch
from streamwatchd.cli.model.store import Repository, now, open_repository, repository_options, somebody
from streamwatchd.cli.playing import bare_source, check_partition, driver_for, expected_tasks, partitions_of, readable
from streamwatchd.cli.project import compile_or_exit
from streamwatchd.compiler import Compiled, Program
from streamwatchd.errors import UnreadableInput
from streamwatchd.recording import RecordedMark, Recording, open_recording
from streamwatchd.repository.dispositions import CONFIRMED, FALSE_POSITIVE, read_dispositions
from streamwatchd.repository.store import GOOD, SHADOW, Status
from streamwatchd.rules.ruleset import Anomaly
from streamwatchd.testing.driver import Driver
from streamwatchd.testing.playback import Playback
from streamwatchd.testing.vectors import anomaly_rule, features_of
from streamwatchd.training.report import write_report
from streamwatchd.training.spans import Span, at_ms, fired, read_labels, within
from streamwatchd.training.train import FITS, Order, Trained, step_ms, train
from streamwatchd.training.vectors import Seen, vectors_of


@click.command("train")
@click.argument("name")
@click.option("--rule", required=True, help="The anomaly rule whose vectors it learns from.")
@click.option("--from", "source", required=True, metavar="RECORDING", help="As `dry-run` takes it.")
@repository_options
@click.option("--kind", type=click.Choice(list(FITS)), help="[default: isolation_forest; lstm for one feature]")
@click.option("--source", "bare", metavar="NAME", help="The source of bare events [default: the only one].")
@click.option("--partitions", type=click.IntRange(1, 100_000), metavar="N", help="Spread bare events by the key.")
@click.option("--labels", type=click.Path(path_type=Path), help="Lines of JSON with stretches that are not normal.")
@click.option("--without", "without", multiple=True, metavar="RULE", help="Leave out keys while this alarm fires.")
@click.option("--shadow", is_flag=True, help="Write it as a shadow: no rule takes it until it is promoted.")
@click.option("--seed", type=int, default=1, help="Equal seeds and data give equal models [default: 1].")
@click.option(
    "--report", type=click.Path(path_type=Path), help="Folder of the report [default: build/models/NAME-VERSION]."
)
def command(
    name: str,
    rule: str,
    source: str,
    config: Path | None,
    rules_dir: Path | None,
    models: str | None,
    kind: str | None,
    bare: str | None,
    partitions: int | None,
    labels: Path | None,
    without: tuple[str, ...],
    shadow: bool,
    seed: int,
    report: Path | None,
) -> None:
    """Train a version of the model NAME for an anomaly rule, from the vectors that the rule's own plan makes.

    The first 60 % of the time are learned from, the next 20 % calibrate the score, the last 20 % are judged.
    """
    compiled, program = compile_or_exit(config, rules_dir)
    try:
        wanted = anomaly_rule(compiled.loaded.ruleset, rule)
    except KeyError as error:
        raise UnreadableInput(f"there is no anomaly rule `{rule}`; see `swctl validate`") from error
    repository = open_repository(config, rules_dir, models)
    spans = read_labels(labels) if labels else []
    seen = _seen(compiled, program, wanted, source, bare, partitions)
    history = seen.history
    spans += fired(seen.alerts, frozenset(without))
    every_ms = wanted.every_ms if wanted.windowed else step_ms(history)
    keys = [each.name for each in wanted.by]
    normal = ~within(history, keys, [*spans, *_marked(repository, name, CONFIRMED)], every_ms)
    normal |= within(history, keys, _marked(repository, name, FALSE_POSITIVE), every_ms)
    versions = repository.store.versions(name)
    order = Order(
        name,
        versions[-1] + 1 if versions else 1,
        kind or ("lstm" if len(wanted.features) == 1 else "isolation_forest"),
        features_of(wanted),
        every_ms,
        seed,
        rule=rule,
        query="\n".join(f"{each.name}: {each.aggregate}" for each in features_of(wanted)),
        source=source,
        created_at=now(),
        created_by=somebody(),
    )
    history = replace(history, normal=normal)
    trained = train(order, history, _advance())
    path = write_report(trained, history, report or Path("build") / "models" / f"{name}-{order.version}")
    status = Status(SHADOW if shadow else GOOD, now(), somebody())
    written = repository.store.publish(trained.manifest, trained.arrays, status)
    click.echo(_told(trained, seen))
    click.echo(f"{written.id} written to {repository.root}; report: {path}")


def _seen(
    compiled: Compiled, program: Program, rule: Anomaly, source: str, bare: str | None, partitions: int | None
) -> Seen:
    settings = compiled.loaded.settings
    assert settings is not None
    now_ms = int(time.time() * 1000)
    made = bare_source(compiled.loaded.ruleset, bare, partitions, now_ms + settings.max_future_ms)
    twice = bare is None and partitions is None
    with readable(source, twice=twice) as path, open_recording(path, made) as opened:
        counts = partitions_of(opened, path, partitions)
        driver = driver_for(compiled, program, settings, counts, partitions or 1, now_ms)
        playback = Playback(driver, idle_jump_ms=settings.idle_jump_ms, expected=expected_tasks(opened, counts))
        return vectors_of(_checked(opened, driver), driver, playback, rule.name, lambda events: None)


def _checked(opened: Recording, driver: Driver) -> Iterator[RawBatch | RecordedMark]:
    for item in opened:
        if isinstance(item, RawBatch):
            check_partition(driver, item)
        yield item


def _marked(repository: Repository, name: str, verdict: str) -> list[Span]:
    """Each as the last instant of its window."""
    marks = read_dispositions(repository.files, repository.root, name)
    return [Span(at_ms(each.end) - 1, at_ms(each.end), each.key) for each in marks if each.verdict == verdict]


def _advance() -> Callable[[float], None]:
    """A bar where somebody looks at it."""
    if not sys.stderr.isatty():
        return lambda share: None
    bar = click.progressbar(length=1_000, label="training", file=sys.stderr)
    bar.render_progress()

    def advance(share: float) -> None:
        bar.update(max(int(1_000 * share) - bar.pos, 0))
        if share >= 1.0:
            bar.render_finish()

    return advance


def _told(trained: Trained, seen: Seen) -> str:
    manifest = trained.manifest
    training, alarms = manifest.training, manifest.metrics["alarms_per_key_and_day_0.95"]
    return (
        f"{seen.events:,} events gave {training.vectors:,} vectors of {training.keys:,} keys, "
        f"{training.left_out:,} left out, {seen.nulls:,} with a null not taken\n"
        f"score > 0.95 in the last part: {alarms:.3f} alarms a key and day (0.143 promised)"
    )
