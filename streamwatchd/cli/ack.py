"""`swctl ack`: say that somebody knows of an alarm that is up."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from streamwatchd.cli.control import ask, daemon_options, print_json, socket_path
from streamwatchd.cli.pairs import pairs


@click.command("ack")
@daemon_options
@click.argument("rule", metavar="RULE")
@click.option("--key", "keys", multiple=True, metavar="NAME=VALUE", help="Only the keys with this value.")
@click.option("--where", default="", metavar="CONDITION", help="Only keys for which it is true; it may read tables.")
@click.option("--by", default="", help="Who knows [default: you].")
@click.option("--note", default="", help="What is being done.")
@click.pass_context
def command(
    ctx: click.Context,
    config: Path | None,
    path: Path | None,
    as_json: bool,
    rule: str,
    keys: tuple[str, ...],
    where: str,
    by: str,
    note: str,
) -> None:
    """Say that somebody knows of what is up: it is not told again until it resolves or grows worse.

    Each alarm that is meant writes an event `acknowledged` when it is judged next, and `swctl alerts` shows it. What
    begins later is another matter. Exit code 1 where no alarm of RULE with that key is up; for how many `--where` is
    true is not known here.
    """
    arguments = {
        "rule": rule,
        "keys": pairs("--key", keys, "host=a1"),
        "where": where,
        "by": by or getpass.getuser(),
        "note": note,
        "look": True,
    }
    result = ask(socket_path(config, path), "ack", arguments)
    if as_json:
        print_json(result)
    else:
        click.echo(f"{result['ack']['ack']} is in force in every shard, version {result['version']}")
        if result["none_up"]:
            key = f" with {', '.join(keys)}" if keys else ""
            click.echo(f"but no alarm of `{rule}`{key} is up, so it is about nothing; see `swctl alerts`", err=True)
        elif result["none_new"]:
            click.echo("all that it is about was acknowledged before, so nothing is written", err=True)
        elif where:
            click.echo("see in `swctl alerts` for which alarms the condition is true")
    ctx.exit(1 if result["none_up"] else 0)
