"""`swctl model mark`."""

from __future__ import annotations

from pathlib import Path

import click

from streamwatchd.cli.model.store import now, open_repository, repository_options, somebody
from streamwatchd.cli.pairs import pairs
from streamwatchd.errors import UnreadableInput
from streamwatchd.operators.document import iso
from streamwatchd.repository.dispositions import VERDICTS
from streamwatchd.repository.feedback import Taken, Verdict, take
from streamwatchd.repository.store import GOOD
from streamwatchd.training.spans import at_ms


@click.command("mark")
@click.argument("model", metavar="NAME[@VERSION]")
@click.argument("verdict", type=click.Choice([each.replace("_", "-") for each in VERDICTS]))
@click.option("--key", "keys", multiple=True, metavar="NAME=VALUE", help="The key of the anomaly, each field once.")
@click.option("--at", "at", required=True, metavar="TIME", help="The end of its window, as the event says.")
@click.option("--score", required=True, type=click.FloatRange(0, 1), help="Its score, as the event says.")
@click.option("--note", default="", help="Why.")
@repository_options
def command(
    model: str,
    verdict: str,
    keys: tuple[str, ...],
    at: str,
    score: float,
    note: str,
    config: Path | None,
    rules_dir: Path | None,
    models: str | None,
) -> None:
    """Say what an anomaly was: NAME[@VERSION] is the model that scored it, VERDICT false-positive or confirmed.

    Marks are kept beside the model. They shift the calibration, as a new version of the same artifact; the next
    training learns from what was marked a false positive, and leaves out what was confirmed.
    """
    repository = open_repository(config, rules_dir, models)
    name, version = repository.version(model)
    try:
        end = iso(at_ms(at))
    except ValueError as error:
        raise UnreadableInput(f"--at {at}: {error}; write 2026-01-05T10:00:00Z") from error
    key: dict[str, object] = {**pairs("--key", keys, "service=billing")}
    given = Verdict(name, version, verdict.replace("-", "_"), key, end, score, now(), somebody(), note)
    click.echo(f"{name}@{version}: marked as {verdict}; {_words(name, take(repository.store, given))}")


def _words(name: str, taken: Taken) -> str:
    if not taken.version:
        return "its calibration stays"
    used = f"; rules that name `{name}` take it" if taken.status == GOOD else f"; it is {taken.status}"
    return f"its calibration shifts by {taken.shift:.4g} as {name}@{taken.version}{used}"
