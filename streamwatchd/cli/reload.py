"""`swctl reload`: have the running daemon look at rules and tables now."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from streamwatchd.cli.control import ask, daemon_options, print_json, socket_path
from streamwatchd.cli.project import plural


@click.command("reload")
@daemon_options
@click.option("--wait", is_flag=True, help="Until what checks is in force in every shard.")
@click.option("--seconds", type=click.FloatRange(0, 3600), default=60.0, help="How long to wait [default: 60].")
@click.pass_context
def command(
    ctx: click.Context, config: Path | None, path: Path | None, as_json: bool, wait: bool, seconds: float
) -> None:
    """Have the running daemon look at rules and tables now; it also does so by itself when files change.

    With --wait the exit code is 0 when all that is on disk is in force, 1 when files were refused or settings wait
    for a restart.
    """
    result = ask(socket_path(config, path), "reload", {"wait": wait, "seconds": seconds})
    if as_json:
        print_json(result)
    elif not wait:
        click.echo("asked; `swctl status` says what came of it")
    else:
        refused = result["refused"]
        if result["in_force"]:
            click.echo(f"version {result['version']} is in force in every shard, content {result['digest'][:12]}")
        else:
            click.echo(f"not in force: {result['problem']}")
        if refused:
            click.echo(f"{plural(len(refused), 'file')} refused, `swctl validate` says why:")
            click.echo("\n".join(f"  {each}" for each in refused))
        if result["pending_settings"]:
            click.echo("these settings wait for a restart:")
            click.echo("\n".join(f"  {each}" for each in result["pending_settings"]))
    ctx.exit(1 if wait and not _is_all_in_force(result) else 0)


def _is_all_in_force(result: Mapping[str, Any]) -> bool:
    return bool(result["in_force"]) and not result["refused"] and not result["pending_settings"]
