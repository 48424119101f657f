"""`swctl model train`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from streamwatchd.cli.model.bar import advance_bar
from streamwatchd.cli.model.history import Traffic, Vectors, settings_of, traffic_options, vectors_in
from streamwatchd.cli.model.store import Repository, now, open_repository, repository_options, somebody
from streamwatchd.repository.dispositions import CONFIRMED, FALSE_POSITIVE, read_dispositions
from streamwatchd.repository.manifest import Manifest
from streamwatchd.repository.store import GOOD, SHADOW, ModelStore, Status
from streamwatchd.training.history import History
from streamwatchd.training.report import write_report
from streamwatchd.training.spans import Span, at_ms, fired, read_labels, within
from streamwatchd.training.train import FITS, Order, Trained, check_settings, train
from streamwatchd.training.vectors import Seen


@click.command("train")
@click.argument("name")
@click.option("--rule", required=True, help="The anomaly rule whose vectors it learns from.")
@traffic_options
@repository_options
@click.option("--kind", type=click.Choice(list(FITS)), help="[default: isolation_forest; lstm for one feature]")
@click.option("--set", "given", multiple=True, metavar="NAME=NUMBER", help="trees, samples, contrast, units, …")
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
    traffic: str,
    config: Path | None,
    rules_dir: Path | None,
    models: str | None,
    kind: str | None,
    given: tuple[str, ...],
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
    wanted = settings_of(given)
    if kind is not None:
        check_settings(kind, wanted)  # before a recording of a week is read
    spans = read_labels(labels) if labels else []
    repository = open_repository(config, rules_dir, models)
    vectors = vectors_in(rule, config, rules_dir, Traffic(traffic, bare, partitions), without)
    spans += fired(vectors.seen.alerts, frozenset(without))
    history = _normal(vectors, spans, repository, name)
    versions = repository.store.versions(name)
    order = Order(
        name,
        versions[-1] + 1 if versions else 1,
        kind or ("lstm" if len(vectors.features) == 1 else "isolation_forest"),
        vectors.features,
        vectors.every_ms,
        seed,
        given=wanted,
        rule=rule,
        query="\n".join(f"{each.name}: {each.aggregate}" for each in vectors.features),
        source=traffic,
        created_at=now(),
        created_by=somebody(),
    )
    trained = train(order, history, advance_bar("training"))
    path = write_report(trained, history, report or Path("build") / "models" / f"{name}-{order.version}")
    status = Status(SHADOW if shadow else GOOD, now(), somebody())
    written = repository.store.publish(trained.manifest, trained.arrays, status)
    click.echo(_told(trained, vectors.seen))
    click.echo(_compared(written, versions, repository.store))
    click.echo(f"{written.id} written to {repository.root}; report: {path}")


def _normal(vectors: Vectors, spans: list[Span], repository: Repository, name: str) -> History:
    """Without the spans and what people confirmed, with what they marked as a false positive."""
    history, keys, width = vectors.seen.history, vectors.keys, vectors.width_ms
    normal = ~within(history, keys, spans, width) & ~within(history, keys, _marked(repository, name, CONFIRMED), 1)
    normal |= within(history, keys, _marked(repository, name, FALSE_POSITIVE), 1)
    return replace(history, normal=normal)


def _marked(repository: Repository, name: str, verdict: str) -> list[Span]:
    """Each as the last instant of its window."""
    marks = read_dispositions(repository.files, repository.root, name)
    return [Span(at_ms(each.end) - 1, at_ms(each.end), each.key) for each in marks if each.verdict == verdict]


def _compared(written: Manifest, versions: Sequence[int], store: ModelStore) -> str:
    """Equal seeds and data give equal numbers: whether they did, as against earlier versions."""
    mine = written.artifact.sha256
    equal = [f"{written.name}@{version}" for version in versions if store.sha256(written.name, version) == mine]
    said = f"the same as of {', '.join(equal)}" if equal else "those of no other version" if versions else "the first"
    return f"SHA-256 of its numbers {mine[:16]}…: {said}"


def _told(trained: Trained, seen: Seen) -> str:
    manifest = trained.manifest
    training, alarms = manifest.training, manifest.metrics["alarms_per_key_and_day_0.95"]
    return (
        f"{seen.events:,} events gave {training.vectors:,} vectors of {training.keys:,} keys, "
        f"{training.left_out:,} left out, {seen.nulls:,} with a null not taken\n"
        f"score > 0.95 in the last part: {alarms:.3f} alarms a key and day (0.143 promised)"
    )
