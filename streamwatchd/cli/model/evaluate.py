"""`swctl model evaluate`."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from streamwatchd.cli.control import columns
from streamwatchd.cli.model.bar import advance_bar
from streamwatchd.cli.model.history import Traffic, Vectors, traffic_options, vectors_in
from streamwatchd.cli.model.store import open_repository, repository_options
from streamwatchd.operators.document import iso
from streamwatchd.training.evaluate import Judged, check_fits, evaluate
from streamwatchd.training.spans import read_labels


@click.command("evaluate")
@click.argument("models_", metavar="NAME[@VERSION]…", nargs=-1, required=True)
@click.option("--rule", required=True, help="The anomaly rule whose vectors they score.")
@traffic_options
@click.option("--labels", type=click.Path(path_type=Path), help="Lines of JSON with the stretches that are odd.")
@click.option("--threshold", type=click.FloatRange(0, 1), default=0.95, show_default=True, help="An alarm is above it.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@repository_options
def command(
    models_: tuple[str, ...],
    rule: str,
    traffic: str,
    bare: str | None,
    partitions: int | None,
    labels: Path | None,
    threshold: float,
    output: str,
    config: Path | None,
    rules_dir: Path | None,
    models: str | None,
) -> None:
    """Judge versions on recorded traffic whose odd stretches are known: precision, recall, delay, false alarms.

    Without --labels all of it counts as normal. NAME alone is its newest good version. Nothing is written.
    """
    repository = open_repository(config, rules_dir, models)
    wanted = [repository.store.read(*repository.version(each)) for each in models_]
    spans = read_labels(labels) if labels else []
    vectors = vectors_in(rule, config, rules_dir, Traffic(traffic, bare, partitions))
    for data in wanted:
        check_fits(data.manifest, vectors.rule.features)
    history = vectors.seen.history
    judged = [
        evaluate(data, history, vectors.keys, spans, vectors.width_ms, threshold, advance_bar(data.manifest.id))
        for data in wanted
    ]
    click.echo(_json(judged, vectors) if output == "json" else _text(judged, vectors))


def _json(judged: list[Judged], vectors: Vectors) -> str:
    rows = [
        {
            "model": each.model,
            "precision": each.precision,
            "recall": each.recall,
            "delay_seconds": each.delay_s,
            "alarms": each.alarms,
            "true_alarms": each.true_alarms,
            "labels": each.labels,
            "found": each.found,
            "false_alarms_per_key_and_day": each.false_per_key_and_day,
            "promised_per_key_and_day": each.promised_per_key_and_day,
            "key_days": each.key_days,
            "vectors": each.rows,
            "unscored": each.unscored,
            "threshold": each.threshold,
            "share_of_scores_at_or_above": {f"{edge:g}": share for edge, share in each.above},
        }
        for each in judged
    ]
    begin, end = vectors.seen.history.span_ms
    document = {"rule": vectors.rule.name, "begin": iso(begin), "end": iso(end), "versions": rows}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _text(judged: list[Judged], vectors: Vectors) -> str:
    seen, first = vectors.seen, judged[0]
    begin, end = seen.history.span_ms
    about = (
        f"{seen.events:,} events gave {first.rows:,} vectors of {len(seen.history.keys):,} keys, {iso(begin)} to "
        f"{iso(end)}; {first.labels} odd stretches; score > {first.threshold:g}"
    )
    heads = ("version", "precision", "recall", "delay", "alarms", "false a key and day", "promised")
    rows: list[tuple[str, ...]] = [
        (
            each.model,
            _part(each.precision),
            _part(each.recall),
            "–" if each.delay_s is None else f"{each.delay_s:.0f} s",
            str(each.alarms),
            f"{each.false_per_key_and_day:.4f}",
            f"{each.promised_per_key_and_day:.4f}",
        )
        for each in judged
    ]
    spread: list[tuple[str, ...]] = [(each.model, *(f"{share:.3%}" for _, share in each.above)) for each in judged]
    edges = ("scores at or above", *(f"{edge:g}" for edge, _ in first.above))
    return f"{about}\n\n{columns(heads, rows)}\n\n{columns(edges, spread)}"


def _part(share: float | None) -> str:
    return "–" if share is None else f"{share:.3f}"
