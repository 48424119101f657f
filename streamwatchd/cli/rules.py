"""`swctl rules`: the rules of the running daemon, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from streamwatchd.cli.control import ask, columns, daemon_options, number, print_json, socket_path
from streamwatchd.cli.project import plural


@click.command("rules")
@daemon_options
def command(config: Path | None, path: Path | None, as_json: bool) -> None:
    """List the rules in force in the running daemon, with their lifecycle events and late events.

    Numbers count from the start of each worker process. `swctl top` shows what rules cost.
    """
    result = ask(socket_path(config, path), "rules")
    if as_json:
        print_json(result)
        return
    rows: list[tuple[str, ...]] = []
    for rule in result["rules"]:
        events = ", ".join(f"{count:,} {event}" for event, count in rule["events"].items())
        kind = f"{rule['kind']} in shadow" if rule.get("shadow") else rule["kind"]
        rows.append((rule["rule"], kind, number(rule["late"]), _said(rule), events or "–"))
    if rows:
        click.echo(columns(("rule", "kind", "late", "precision", "events"), rows) + "\n")
    click.echo(f"{plural(len(rows), 'rule')} in force, {result['at']}")


def _said(rule: Mapping[str, Any]) -> str:
    """`75% of 4`: confirmed ones among the alarms of which somebody said what they were."""
    if rule.get("precision") is None:
        return "–"
    return f"{rule['precision']:.0%} of {sum(rule['dispositions'].values()):,}"
