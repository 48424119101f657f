"""`--watch`: do it again each time a file of the project changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import click

_PERIOD_S = 0.3
_SUFFIXES = (".yaml", ".yml", ".csv", ".json", ".parquet", ".ics")

Stamp = frozenset[tuple[str, int, int]]


def stamp(folder: Path) -> Stamp:
    """What the files below `folder` are, by path, time of change and size; hidden folders are left out."""
    found = set()
    for path in folder.rglob("*"):
        inner = path.relative_to(folder).parts
        if path.suffix not in _SUFFIXES or any(part.startswith(".") for part in inner):
            continue
        try:
            status = path.stat()
        except OSError:
            continue
        found.add((str(path), status.st_mtime_ns, status.st_size))
    return frozenset(found)


def again_and_again(
    once: Callable[[], object], folder: Path, *, wait: Callable[[float], None] = time.sleep, clear: bool = True
) -> None:
    """Call `once` now and after each change below `folder`, until Ctrl-C."""
    seen: Stamp | None = None
    while True:
        now = stamp(folder)
        if now != seen:
            seen = now
            if clear:
                click.clear()
            once()
            click.echo(f"\nwatching {folder} (Ctrl-C ends it)", err=True)
        wait(_PERIOD_S)
