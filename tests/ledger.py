"""Runs of a campaign that are done, one JSON line each in `build/NAME.ndjson`: one that is stopped goes on there.

A run counts for the engine that it tried: `engine` is git's hash of `streamwatchd/` (with `+` where files there were
changed), so tests and pages may change meanwhile.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
L = TypeVar("L")


def engine() -> str:
    changed = git("status", "--porcelain", "--", "streamwatchd")
    return git("rev-parse", "--short=12", "HEAD:streamwatchd") + ("+" if changed else "")


def commit() -> str:
    return git("rev-parse", "--short", "HEAD")


def today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


class Ledger(Generic[L]):
    """The lines of one campaign, each a `line` (a dataclass)."""

    def __init__(self, path: Path, line: type[L]) -> None:
        self.path = path
        self._line = line

    def write(self, line: L) -> None:
        row: Any = line
        self.path.parent.mkdir(exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(row)) + "\n")

    def read(self) -> list[L]:
        if not self.path.exists():
            return []
        return [self._line(**json.loads(text)) for text in self.path.read_text(encoding="utf-8").splitlines()]


def stretches(seeds: list[int]) -> str:
    """`1–20, 31`."""
    found: list[list[int]] = []
    for seed in seeds:
        if found and found[-1][-1] == seed - 1:
            found[-1].append(seed)
        else:
            found.append([seed])
    return ", ".join(f"{each[0]}–{each[-1]}" if len(each) > 1 else str(each[0]) for each in found)
