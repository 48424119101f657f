"""`swctl top`: what costs time and memory in the running daemon, now."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from streamwatchd.cli.control import ask, columns, daemon_options, number, print_json, socket_path

Node = Mapping[str, Any]
_HEAD = ("cpu %", "rows/s", "judgements/s", "state MiB", "kind", "rule", "stage")


@click.command("top")
@daemon_options
@click.option(
    "--every", type=click.FloatRange(0.2), default=2.0, show_default=True, metavar="SECONDS", help="Between two tables."
)
@click.option("--count", type=click.IntRange(1), metavar="N", help="End after so many tables [default: until Ctrl-C].")
@click.option("--lines", type=click.IntRange(1), default=20, show_default=True, metavar="N", help="At most so many.")
def command(config: Path | None, path: Path | None, as_json: bool, every: float, count: int | None, lines: int) -> None:
    """Show which rules and stages of the running daemon take its time, busiest first.

    100 % is one processor. Rules of one shape run together, under the name of the first. Decoding and scheduling have
    lines of their own.
    """
    socket = socket_path(config, path)
    before = ask(socket, "rules")
    shown = 0
    while count is None or shown < count:
        time.sleep(every)
        after = ask(socket, "rules")
        rows = busiest(before, after)[:lines]
        if as_json:
            print_json({"at": after["at"], "nodes": rows})
        else:
            if shown and sys.stdout.isatty():
                click.clear()
            click.echo(columns(_HEAD, [_row(each) for each in rows]) + f"\n{after['at']}")
        before = after
        shown += 1


def busiest(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rates of each node between two answers. A worker that was started anew in between counts from its start."""
    seconds: float = max(1e-3, (after["at_ms"] - before["at_ms"]) / 1000)
    known = {(each["kind"], each["rule"], each["stage"]): each for each in before["nodes"]}
    found = []
    for node in after["nodes"]:
        old = known.get((node["kind"], node["rule"], node["stage"]), {})

        def rate(name: str, node: Node = node, old: Node = old) -> float:
            grown = float(node[name]) - float(old.get(name, 0.0))
            return (grown if grown >= 0 else float(node[name])) / seconds

        found.append(
            {
                "kind": node["kind"], "rule": node["rule"], "stage": node["stage"], "bytes": node["bytes"],
                "cpu_percent": 100 * rate("seconds"), "rows_per_second": rate("rows"),
                "judgements_per_second": rate("judgements"),
            }
        )  # fmt: skip
    return sorted(found, key=lambda each: -each["cpu_percent"])


def _row(node: Node) -> tuple[str, ...]:
    size = "–" if node["bytes"] is None else f"{node['bytes'] / 2**20:,.1f}"
    rates = (f"{node['cpu_percent']:.1f}", number(node["rows_per_second"]), number(node["judgements_per_second"]))
    return (*rates, size, node["kind"], node["rule"] or "–", str(node["stage"]) if node["stage"] else "–")
