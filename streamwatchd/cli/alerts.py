"""`swctl alerts`: the alarms that are up in the running daemon."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from streamwatchd.cli.control import ask, columns, daemon_options, print_json, socket_path, span
from streamwatchd.cli.project import plural

_HEAD = ("severity", "state", "rule", "key", "for", "acked", "muted by", "id")


@click.command("alerts")
@daemon_options
@click.option("--rule", "rules", metavar="RULE", multiple=True, help="Only of this rule; may be given several times.")
@click.option("--pending", is_flag=True, help="Also those whose hold is not over yet.")
@click.option("--lines", type=click.IntRange(1), default=50, show_default=True, metavar="N", help="At most so many.")
def command(
    config: Path | None, path: Path | None, as_json: bool, rules: tuple[str, ...], pending: bool, lines: int
) -> None:
    """List the alarms that are up in the running daemon, the worst and oldest first.

    Read from its state between two batches. `swctl explain RULE --key …` says why one is up.
    """
    result = ask(socket_path(config, path), "alerts")
    chosen = [each for each in result["alarms"] if not rules or each["rule"] in rules]
    if as_json:
        print_json({**result, "alarms": chosen})
        return
    shown = [each for each in chosen if pending or each["state"] == "firing"]
    if shown:
        rows = [_row(each, result["at_ms"]) for each in shown[:lines]]
        click.echo(columns(_HEAD, rows) + "\n")
    click.echo(_count(chosen, len(shown[:lines]), result))
    for each in result["problems"]:
        click.echo(f"swctl: not complete: {each}", err=True)


def _count(chosen: list[Mapping[str, Any]], shown: int, result: Mapping[str, Any]) -> str:
    states = Counter(each["state"] for each in chosen)
    firing = [each for each in chosen if each["state"] == "firing"]
    shadow = sum(bool(each.get("shadow")) for each in firing)
    muted = sum(bool(each["muted_by"]) and not each.get("shadow") for each in firing)
    aside = [f"{count:,} {what}" for count, what in ((muted, "muted"), (shadow, "in shadow")) if count]
    text = f"{plural(len(firing), 'alarm')} firing" + (f" ({', '.join(aside)})" if aside else "")
    text += f", {states['pending']:,} pending" if states["pending"] else ""
    text += f", the first {shown:,} shown" if 0 < shown < states["firing"] else ""
    if result["total"] > len(result["alarms"]):
        text += f"; {result['total']:,} in all, and not all were looked at"
    return f"{text}, {result['at']}"


def _row(alarm: Mapping[str, Any], now_ms: int) -> tuple[str, ...]:
    key = ",".join(f"{name}={value}" for name, value in alarm["key"].items())
    since = max(0.0, (now_ms - alarm["starts_at_ms"]) / 1000)
    return (
        alarm["severity"] or "–",
        alarm.get("event", alarm["state"]),
        alarm["rule"],
        key or "–",
        span(float(int(since))),
        "yes" if alarm["acknowledged"] else "–",
        alarm["muted_by"] or ("shadow" if alarm.get("shadow") else "–"),
        alarm["id"],
    )
