"""`swctl fetch`: tables from databases and topics, fetched now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from streamwatchd.cli.project import config_path, plural, project_options
from streamwatchd.cli.record import open_kafka
from streamwatchd.compiler import compile_project
from streamwatchd.diagnostics import did_you_mean
from streamwatchd.enrichment.fetched import Fetch, copy_path
from streamwatchd.enrichment.origins import origin_of
from streamwatchd.errors import Unavailable, UnreadableInput
from streamwatchd.ports.database import SqlDatabase
from streamwatchd.ports.disk import RealDisk
from streamwatchd.settings import Settings


@click.command("fetch")
@click.argument("tables", metavar="[TABLE]…", nargs=-1)
@project_options
@click.pass_context
def command(ctx: click.Context, tables: tuple[str, ...], config: Path | None, rules_dir: Path | None) -> None:
    """Fetch TABLEs (by default all) from their databases and topics, into the state folder.

    The daemon does this by itself, as often as a table's `every` says. `validate`, `test-rule` and `dry-run` see the
    rows that were fetched last. Exit code 1: some could not be fetched, and stay as they were.
    """
    loaded = compile_project(config_path(config), rules_dir=rules_dir).loaded
    if loaded.settings is None:
        raise UnreadableInput("the configuration does not check; see `swctl validate`")
    failed = 0
    for fetch in _wanted(tables, {each.table: each for each in loaded.fetches}):
        try:
            path, rows = _fetched(fetch, loaded.settings)
            click.echo(f"{fetch.table}: {plural(rows, 'row')} in {path}")
        except Unavailable as error:
            failed += 1
            click.echo(f"{fetch.table}: {error}", err=True)
    ctx.exit(1 if failed else 0)


def _wanted(names: Sequence[str], known: dict[str, Fetch]) -> list[Fetch]:
    for name in names:
        if name not in known:
            said = did_you_mean(name, known) or f"tables to fetch: {', '.join(known) or 'none'}"
            raise UnreadableInput(f"no table `{name}` has a query or a topic; {said}")
    return [known[name] for name in names or known]


def _fetched(fetch: Fetch, settings: Settings) -> tuple[Path, int]:
    origin, path = origin_of(fetch, open_kafka(settings), SqlDatabase()), copy_path(settings.state_dir, fetch.table)
    try:
        rows = origin.rows()
    finally:
        origin.close()
    RealDisk().write(path, rows)
    return path, rows.count(b"\n")
