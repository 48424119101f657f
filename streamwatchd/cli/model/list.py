"""`swctl model list`."""

from __future__ import annotations

from pathlib import Path

import click

from streamwatchd.cli.control import columns, print_json
from streamwatchd.cli.model.store import Repository, open_repository, repository_options
from streamwatchd.errors import ModelRejected
from streamwatchd.repository.store import GOOD

HEAD = ("model", "status", "kind", "features", "trained on", "alarms/key/day", "why")


@click.command("list")
@click.argument("name", required=False)
@repository_options
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(name: str | None, config: Path | None, rules_dir: Path | None, models: str | None, as_json: bool) -> None:
    """Versions of all models, or of NAME. Rules take the newest good one, marked by →, or the one that they pin.

    The alarms are those at a score above 0.95 that its training saw on days that it had not learned from.
    """
    repository = open_repository(config, rules_dir, models)
    names = [repository.known(name)] if name else repository.store.names()
    rows = [row for each in names for row in _rows(repository, each)]
    if as_json:
        print_json({"models": [dict(zip(HEAD, row)) for row in rows]})
    elif rows:
        click.echo(columns(HEAD, rows))
    else:
        click.echo(f"no models in {repository.root}; train one: `swctl model train NAME --rule RULE --from RECORDING`")


def _rows(repository: Repository, name: str) -> list[tuple[str, ...]]:
    store = repository.store
    rows: list[tuple[str, ...]] = []
    newest = store.newest(name, GOOD)
    for version in store.versions(name):
        status = store.status(name, version)
        mark = "→ " if version == newest else "  "
        try:
            manifest = store.read(name, version).manifest
        except ModelRejected as error:
            rows.append((f"{mark}{name}@{version}", "refused", "–", "–", "–", "–", str(error)))
            continue
        alarms = manifest.metrics.get("alarms_per_key_and_day_0.95")
        training = manifest.training
        rows.append(
            (
                f"{mark}{manifest.id}",
                status.status,
                manifest.kind,
                ", ".join(manifest.feature_names),
                f"{training.begin[:16]} to {training.end[:16]}",
                "–" if alarms is None else f"{alarms:.3f}",
                status.reason or "–",
            )
        )
    return rows
