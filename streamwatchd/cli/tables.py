"""`swctl tables`: the dimension tables of the running daemon."""

from __future__ import annotations

from pathlib import Path

import click

from streamwatchd.cli.control import ask, columns, daemon_options, number, print_json, socket_path, span


@click.command("tables")
@daemon_options
def command(config: Path | None, path: Path | None, as_json: bool) -> None:
    """List the dimension tables in force in the running daemon.

    `age` is since the file was written, or the rows were last fetched and known to be right; `fetches` are those that
    worked and those that failed since the daemon's start.
    """
    result = ask(socket_path(config, path), "tables")
    if as_json:
        print_json(result)
        return
    rows: list[tuple[str, ...]] = []
    for table in result["tables"]:
        fetches = table["fetches"]
        fetched = "–" if fetches is None else f"{fetches['ok']} ok, {fetches['failed']} failed"
        age = table["age_seconds"]
        rows.append((table["table"], number(table["rows"]), span(age and round(age)), table["digest"][:12], fetched))
    click.echo(columns(("table", "rows", "age", "version", "fetches"), rows) if rows else "no tables in force")
