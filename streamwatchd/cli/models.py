"""`swctl models`: the versions of models that score in the running daemon."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from streamwatchd.cli.control import ask, columns, daemon_options, number, print_json, socket_path

_HEAD = ("rule", "model", "kind", "scored", "odd", "failed", "state")


@click.command("models")
@daemon_options
def command(config: Path | None, path: Path | None, as_json: bool) -> None:
    """List the versions of models that score for the rules of the running daemon.

    Counts are rows since the start of each worker process; `odd` are those that scored 0.95 or more. `swctl model list`
    shows what the repository holds.
    """
    result = ask(socket_path(config, path), "models")
    if as_json:
        print_json(result)
        return
    rows = [_row(each) for each in result["models"]]
    click.echo(columns(_HEAD, rows) if rows else "no rule in force has a model")


def _row(each: Mapping[str, Any]) -> tuple[str, ...]:
    version = "" if each["version"] is None else f"@{each['version']}"
    counts = tuple(number(each.get(name)) for name in ("scored", "odd", "failed"))
    return (each["rule"] or "–", each["model"] + version, each["kind"] or "–", *counts, _state(each))


def _state(each: Mapping[str, Any]) -> str:
    if each.get("taken_back_for"):
        return f"taken back, {each['model']}@{each['taken_back_for']} takes over"
    if each.get("missing"):
        return "there is none to take: every score is null"
    if each["on_trial"]:
        return "on trial"
    return "in force" if each["rule"] else "not in force any more"
