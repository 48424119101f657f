"""`swctl model rollback`."""

from __future__ import annotations

from pathlib import Path

import click

from streamwatchd.cli.model.store import now, open_repository, repository_options, somebody
from streamwatchd.errors import UnreadableInput
from streamwatchd.repository.store import GOOD, WITHDRAWN, Status


@click.command("rollback")
@click.argument("model", metavar="NAME[@VERSION]")
@repository_options
@click.option("--reason", default="", help="Why, for the audit.")
def command(model: str, config: Path | None, rules_dir: Path | None, models: str | None, reason: str) -> None:
    """Withdraw a version, by default the newest good one. Its files stay; `promote` brings it back.

    Rules go on with the newest good one that is left. Without one their score is null and they do not fire.
    """
    repository = open_repository(config, rules_dir, models)
    name, version = repository.version(model)
    if repository.store.status(name, version).status == WITHDRAWN:
        raise UnreadableInput(f"{name}@{version} is withdrawn already")
    repository.store.set_status(name, version, Status(WITHDRAWN, now(), somebody(), reason))
    newest = repository.store.newest(name, GOOD)
    left = f"rules that name `{name}` take {name}@{newest}" if newest else f"`{name}` has no good version: no scores"
    click.echo(f"{name}@{version} is withdrawn; {left}")
