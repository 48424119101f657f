"""`swctl model promote`."""

from __future__ import annotations

from pathlib import Path

import click

from streamwatchd.cli.model.store import now, open_repository, repository_options, somebody
from streamwatchd.errors import UnreadableInput
from streamwatchd.repository.store import GOOD, Status


@click.command("promote")
@click.argument("model", metavar="NAME[@VERSION]")
@repository_options
@click.option("--reason", default="", help="Why, for the audit.")
def command(model: str, config: Path | None, rules_dir: Path | None, models: str | None, reason: str) -> None:
    """Make a version good: rules that name the model take its newest good one. Without @VERSION: the newest of all.

    A version that is refused (its hash, its arrays) is not promoted.
    """
    repository = open_repository(config, rules_dir, models)
    name = repository.known(model.partition("@")[0])
    name, version = repository.version(model if "@" in model else f"{name}@{repository.store.versions(name)[-1]}")
    data = repository.store.read(name, version)
    if repository.store.status(name, version).status == GOOD:
        raise UnreadableInput(f"{data.manifest.id} is good already")
    repository.store.set_status(name, version, Status(GOOD, now(), somebody(), reason))
    newest = repository.store.newest(name, GOOD)
    click.echo(f"{data.manifest.id} is good; rules that name `{name}` take {name}@{newest}")
