"""`swctl model show`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click
import msgspec

from streamwatchd.batch import Value, key_text
from streamwatchd.cli.control import columns
from streamwatchd.cli.model.store import open_repository, repository_options
from streamwatchd.repository.dispositions import read_dispositions


@click.command("show")
@click.argument("model", metavar="NAME[@VERSION]")
@repository_options
def command(model: str, config: Path | None, rules_dir: Path | None, models: str | None) -> None:
    """The manifest of a version, the marks that people gave and who changed what, as text."""
    repository = open_repository(config, rules_dir, models)
    name, version = repository.version(model)
    data = repository.store.read(name, version)
    status = repository.store.status(name, version)
    about = f"{status.status}{f', since {status.at} by {status.by}' if status.at else ''}"
    click.echo(f"{data.manifest.id}: {about}{f': {status.reason}' if status.reason else ''}\n")
    click.echo(msgspec.json.format(msgspec.json.encode(data.manifest), indent=2).decode())
    marks = read_dispositions(repository.files, repository.root, name)
    if marks:
        rows: list[tuple[str, ...]] = [
            (each.end, _key(each.key), each.verdict, f"{each.score:.4f}", each.by, each.note or "–") for each in marks
        ]
        click.echo("\n" + columns(("window end", "key", "verdict", "score", "by", "note"), rows))
    for line in repository.store.audited(name):
        click.echo(f"\n{msgspec.json.encode(line).decode()}", nl=False)
    click.echo()


def _key(key: Mapping[str, Value]) -> str:
    return " ".join(f"{name}={key_text(value)}" for name, value in key.items())
