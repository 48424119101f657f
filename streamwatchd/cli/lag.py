"""`swctl lag`: what waits in each partition."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from streamwatchd.cli.control import ask, columns, daemon_options, number, print_json, socket_path
from streamwatchd.cli.project import plural

_HEAD = ("topic", "partition", "shard", "position", "end", "lag", "open", "watermark")


@click.command("lag")
@daemon_options
def command(config: Path | None, path: Path | None, as_json: bool) -> None:
    """Show what waits in each partition that the running daemon reads, and how far its event time has come.

    `open` are records behind a transaction that is not ended yet: nobody who reads committed records sees them.
    Of watermarks, `holds` is the one that all else waits for; `idle` is silent at its end and holds nothing up;
    `waits` is far ahead, and held back until the slowest has caught up (`max_ahead`). `late` are events that came later
    than their source's `max_delay` allows, and by rule those that it would have read.
    """
    result = ask(socket_path(config, path), "lag")
    if as_json:
        print_json(result)
        return
    click.echo(columns(_HEAD, [_row(each) for each in result["partitions"]]))
    click.echo(f"\n{plural(result['lag'], 'record')} behind, {result['at']}")
    if result["late"]:
        rows: list[tuple[str, ...]] = [
            (each["source"], each["rule"] or "all", number(each["events"])) for each in result["late"]
        ]
        click.echo("\n" + columns(("source", "rule", "late"), rows))


def _row(each: Mapping[str, Any]) -> tuple[str, ...]:
    words = [word for word in ("idle", "waits", "holds") if each[word]]
    watermark = (each["watermark"] or "–") + (f" ({', '.join(words)})" if words else "")
    return (
        each["topic"],
        str(each["partition"]),
        str(each["shard"]),
        number(each["position"]),
        number(each["end"]),
        number(each["lag"]),
        number(each["held_by_open_transactions"]),
        watermark,
    )
