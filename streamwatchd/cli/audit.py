"""`swctl audit`: what changed the running daemon's work, and who said so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from streamwatchd.cli.control import ask, columns, daemon_options, print_json, socket_path

_MOST_NAMES = 6


@click.command("audit")
@daemon_options
@click.option("--event", "events", metavar="EVENT", multiple=True, help="Only this event, such as silence_began.")
@click.option(
    "--lines", metavar="N", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many."
)
def command(config: Path | None, path: Path | None, as_json: bool, events: tuple[str, ...], lines: int) -> None:
    """List what changed the running daemon's work, the newest last: starts, files that came into force or were
    refused, silences, acknowledgements, verdicts, models that were taken back, shards that moved.

    It is kept in the state folder over restarts, some 20,000 lines of it. What people do to models stands beside
    these: `swctl model show`.
    """
    result = ask(socket_path(config, path), "audit", {"lines": lines, "events": list(events)})
    if as_json:
        print_json(result)
        return
    rows: list[tuple[str, ...]] = [(each["at"], each["event"], _details(each)) for each in result["lines"]]
    click.echo(columns(("at", "event", "details"), rows) if rows else "nothing yet")


def _details(line: Mapping[str, Any]) -> str:
    parts = (f"{name}={_text(value)}" for name, value in line.items() if name not in ("at", "event"))
    return ", ".join(parts).replace("\n", " ")


def _text(value: object) -> str:
    match value:
        case list():
            more = [f"and {len(value) - _MOST_NAMES} more"] if len(value) > _MOST_NAMES else []
            return " ".join([*map(str, value[:_MOST_NAMES]), *more])
        case dict():
            return json.dumps(value, ensure_ascii=False)
        case str():
            return value.partition("\n")[0]
        case _:
            return str(value)
