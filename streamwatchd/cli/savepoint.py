"""`swctl savepoint`: have the running daemon write a copy of all its state, or list those that are there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from streamwatchd.cli.control import ask, columns, daemon_options, number, print_json, socket_path
from streamwatchd.cli.project import plural


@click.command("savepoint")
@daemon_options
@click.option("--out", metavar="DIR|URL", default="", help="Where savepoints lie [default: `savepoints` of the state].")
@click.option("--name", default="", help="Of the savepoint [default: the time].")
@click.option("--list", "listing", is_flag=True, help="Write none; list those that are there.")
@click.option("--seconds", type=click.FloatRange(0, 3600), default=300.0, help="How long to wait [default: 300].")
def command(
    config: Path | None, path: Path | None, as_json: bool, out: str, name: str, listing: bool, seconds: float
) -> None:
    """Have the running daemon write a savepoint: the state of all shards with the rules it needs, complete by name.

    Work goes on meanwhile. Where several hosts share the shards, run it on each of them with the same --out and
    --name; the last one finishes it. `streamwatchd --restore URL` starts from it. DIR is a folder of the daemon's
    machine; URL is file:///folder or s3://bucket/prefix, reached as `snapshot_store` is.
    """
    where = out if not out or "://" in out else f"file://{Path(out).absolute()}"
    result = ask(
        socket_path(config, path), "savepoint", {"where": where, "name": name, "list": listing, "seconds": seconds}
    )
    if as_json:
        print_json(result)
    elif listing:
        click.echo(_table(result))
    else:
        shards = plural(len(result["epochs"]), "shard")
        click.echo(f"{result['url']}: {shards}, {number(result['bytes'])} bytes")
        if result.get("missing"):
            left = ", ".join(map(str, result["missing"]))
            click.echo(f"not finished: run the same command on the host(s) with shard(s) {left}")


def _table(result: Mapping[str, Any]) -> str:
    rows: list[tuple[str, ...]] = [
        (each["name"], each["at"], each["app"], each["engine"], str(each["shards"]), number(each["bytes"]))
        for each in result["savepoints"]
    ]
    if not rows:
        return f"no savepoints in {result['where']}"
    return columns(("name", "taken at", "app", "engine", "shards", "bytes"), rows)
