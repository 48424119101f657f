"""`swctl silences`: the silences of the running daemon."""

from __future__ import annotations

from pathlib import Path

import click

from streamwatchd.cli.control import ask, columns, daemon_options, print_json, socket_path


@click.command("silences")
@daemon_options
def command(config: Path | None, path: Path | None, as_json: bool) -> None:
    """List the silences of the running daemon: those of silences.d/, and those said with `swctl silence`.

    `now` says whether one holds at this moment of the clock; what counts for an alarm is event time.
    """
    result = ask(socket_path(config, path), "silences")
    if as_json:
        print_json(result)
        return
    rows: list[tuple[str, ...]] = [
        (
            str(each["silence"]),
            "yes" if each["holds"] else "no",
            ", ".join(each["alarms"]) or "nothing",
            str(each.get("where", "")),
            str(each.get("until") or f"during {each.get('during')}"),
            str(each.get("by", "")),
            str(each["reason"]),
            str(each["file"] or "swctl silence"),
        )
        for each in result["silences"]
    ]
    head = ("silence", "now", "mutes", "where", "until", "by", "reason", "said in")
    click.echo(columns(head, rows) if rows else "no silences")
