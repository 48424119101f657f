"""`swctl silence`: have nobody told of some alarms for a while."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from streamwatchd.cli.control import ask, daemon_options, print_json, socket_path
from streamwatchd.cli.pairs import pairs
from streamwatchd.lang.units import parse_duration


@click.command("silence")
@daemon_options
@click.argument("rules", nargs=-1, metavar="[RULE]…")
@click.option("--label", "labels", multiple=True, metavar="NAME=TEXT", help="Alarms that have this label.")
@click.option("--key", "keys", multiple=True, metavar="NAME=VALUE", help="Only the keys with this value.")
@click.option("--where", default="", metavar="CONDITION", help="Only keys for which it is true; it may read tables.")
@click.option("--for", "lasts", metavar="D", help="How long from now on, such as 2h.")
@click.option("--until", metavar="TIME", help="Until when, such as 2026-03-02T06:00Z; without an offset in UTC.")
@click.option("--reason", default="", help="Why, for those who wonder at night.")
@click.option("--by", default="", help="Who says so [default: you].")
@click.option("--end", metavar="NAME", help="End this silence now, in place of beginning one.")
def command(
    config: Path | None,
    path: Path | None,
    as_json: bool,
    rules: tuple[str, ...],
    labels: tuple[str, ...],
    keys: tuple[str, ...],
    where: str,
    lasts: str | None,
    until: str | None,
    reason: str,
    by: str,
    end: str | None,
) -> None:
    """Have nobody told of some alarms for a while; they are judged and written as ever, with `muted_by`.

    It holds from one instant of event time on in all shards, and is kept over restarts. `swctl silences` lists them.
    """
    if end is not None:
        result = ask(socket_path(config, path), "silence", {"end": end})
    else:
        if not reason:
            raise click.UsageError("say why: --reason TEXT")
        arguments = {
            "rules": list(rules),
            "labels": pairs("--label", labels, "team=noc"),
            "keys": pairs("--key", keys, "host=a1"),
            "where": where,
            "until": _end(lasts, until),
            "reason": reason,
            "by": by or getpass.getuser(),
        }
        result = ask(socket_path(config, path), "silence", arguments)
    if as_json:
        print_json(result)
        return
    silence = result["silence"]
    if end is not None:
        click.echo(f"{silence['silence']} has ended in every shard, version {result['version']}")
    else:
        click.echo(f"{silence['silence']} is in force in every shard, version {result['version']}")
        click.echo(f"it ends at {silence['until']}, or with `swctl silence --end {silence['silence']}`")


def _end(lasts: str | None, until: str | None) -> str:
    if (lasts is None) == (until is None):
        raise click.UsageError("say how long: --for 2h, or --until TIME")
    if lasts is not None:
        length_ms = parse_duration(lasts)
        if not length_ms:
            raise click.UsageError(f"--for must be a duration such as 2h, not `{lasts}`")
        end = datetime.now(UTC) + timedelta(milliseconds=length_ms)
    else:
        try:
            end = datetime.fromisoformat(str(until))
        except ValueError:
            raise click.UsageError(f"--until must be a time such as 2026-03-02T06:00Z, not `{until}`") from None
        end = end if end.tzinfo is not None else end.replace(tzinfo=UTC)
        if end <= datetime.now(UTC):
            raise click.UsageError(f"--until {until} is over: it would silence nothing; say a time to come")
    return end.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
