"""`swctl takeover`: have this host's daemon work on shards of another one."""

from __future__ import annotations

from pathlib import Path

import click

from streamwatchd.cli.control import ask, daemon_options, print_json, socket_path
from streamwatchd.errors import UnreadableInput
from streamwatchd.settings import numbers_of


@click.command("takeover")
@click.argument("shards", metavar="SHARDS")
@daemon_options
def command(config: Path | None, path: Path | None, as_json: bool, shards: str) -> None:
    """Work on SHARDS (such as 2-3 or 0,4) here from now on; whoever works on them now is fenced off.

    The state comes from the shared snapshot store, the rest is replayed. It lasts until this daemon stops: write it in
    `owns` to make it last.
    """
    try:
        wanted = numbers_of(shards)
    except ValueError as error:
        raise UnreadableInput(f"{shards}: {error}") from error
    result = ask(socket_path(config, path), "takeover", {"shards": list(wanted)})
    if as_json:
        print_json(result)
    else:
        taken = ", ".join(map(str, result["taken"])) or "none, they are here already"
        click.echo(f"taken over: {taken}; at work here: {', '.join(map(str, result['here']))}")
