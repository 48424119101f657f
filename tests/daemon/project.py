"""A small project on disk, and what stands in place of compiled rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RULE = """
source: events
every: 10s
rules:
  - kpi: {name}
    by: k
    every: 1m
    values: {{n: count()}}
"""


def rule(name: str) -> str:
    return RULE.format(name=name)


def write_project(
    folder: Path, rules: Mapping[str, str], servers: str = "127.0.0.1:1", topic: str = "in", source: str = "",
    **settings: Any,
) -> Path:  # fmt: skip
    """`rules` are texts by file name, `source` is more of the source, `kafka` more options of the client; returns the
    path of the settings."""
    client = {"bootstrap.servers": servers, **settings.pop("kafka", {})}
    lines = [
        f"kafka: {json.dumps(client)}",
        f"sources: {{events: {{topic: {topic}, time: t, max_delay: 1s, {source}}}}}",
        *(f"{name}: {value}" for name, value in {"listen": "'127.0.0.1:0'", **settings}.items()),
    ]
    (folder / "rules.d").mkdir(parents=True, exist_ok=True)
    for name, text in rules.items():
        (folder / "rules.d" / name).write_text(text)
    config = folder / "streamwatchd.yaml"
    config.write_text("\n".join(lines) + "\n")
    return config


class ListLog:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def _add(self, level: str, event: str, fields: dict[str, Any]) -> None:
        self.lines.append((level, event, fields))

    def debug(self, event: str, **fields: Any) -> None:
        self._add("debug", event, fields)

    def info(self, event: str, **fields: Any) -> None:
        self._add("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._add("warning", event, fields)

    def error(self, event: str, **fields: Any) -> None:
        self._add("error", event, fields)

    def events(self) -> list[str]:
        return [event for _, event, _ in self.lines]
