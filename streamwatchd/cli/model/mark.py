"""`swctl model mark`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from streamwatchd.batch import Value
from streamwatchd.cli.keys import key_of
from streamwatchd.cli.model.store import now, open_repository, repository_options, somebody
from streamwatchd.cli.pairs import pairs
from streamwatchd.cli.project import config_path
from streamwatchd.compiler import compile_project
from streamwatchd.errors import UnreadableInput
from streamwatchd.operators.document import iso
from streamwatchd.repository.dispositions import VERDICTS
from streamwatchd.repository.feedback import Taken, Verdict, take
from streamwatchd.repository.store import GOOD
from streamwatchd.rules.ruleset import Anomaly
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
    key = _key(repository.store.read(name, version).manifest.training.rule, keys, config, rules_dir)
    given = Verdict(name, version, verdict.replace("-", "_"), key, end, score, now(), somebody(), note)
    click.echo(f"{name}@{version}: marked as {verdict}; {_words(name, take(repository.store, given))}")


def _key(name: str, texts: Sequence[str], config: Path | None, rules_dir: Path | None) -> Mapping[str, Value]:
    """Of the rule that the model was trained for, where the project has it; else as given. Raises UnreadableInput."""
    try:
        rules = compile_project(config_path(config), rules_dir=rules_dir, models="").loaded.ruleset.rules
    except UnreadableInput:
        rules = ()
    rule = next((each for each in rules if each.name == name and isinstance(each, Anomaly)), None)
    return pairs("--key", texts, "service=billing") if rule is None else key_of(rule, texts)


def _words(name: str, taken: Taken) -> str:
    if not taken.version:
        return "its calibration stays"
    used = f"; rules that name `{name}` take it" if taken.status == GOOD else f"; it is {taken.status}"
    return f"its calibration shifts by {taken.shift:.4g} as {name}@{taken.version}{used}"
