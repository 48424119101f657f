"""The runs that are done, one JSON line each in `build/crashloop.ndjson`: a campaign that is stopped goes on there.

A run counts for the engine that it tried: `engine` is git's hash of `streamwatchd/` (with `+` where files there were
changed), so tests and pages may change meanwhile.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.crashloop.loop import Result

ROOT = Path(__file__).resolve().parents[2]
_COLUMNS = (
    "commit (engine)", "seeds", "kills", "processes killed", "failpoints", "changes", "records", "outputs", "at fault",
    "day",
)  # fmt: skip
PATH = ROOT / "build" / "crashloop.ndjson"


@dataclass(frozen=True, slots=True)
class Line:
    """A run that is done. `blows` counts them by kind, `points` are the failpoints that struck."""

    seed: int
    engine: str
    commit: str
    day: str
    kills: int
    killed: int
    blows: dict[str, int]
    points: list[str]
    switches: int
    records: int
    outputs: int
    seconds: float
    faults: list[str] = field(default_factory=list)


def line_of(seed: int, result: Result) -> Line:
    return Line(
        seed, engine(), git("rev-parse", "--short", "HEAD"), f"{datetime.now(UTC):%Y-%m-%d}", result.kills,
        result.killed, dict(result.blows), result.points, result.switches, result.records, result.outputs,
        round(result.seconds, 1), result.faults[:50],
    )  # fmt: skip


def engine() -> str:
    changed = git("status", "--porcelain", "--", "streamwatchd")
    return git("rev-parse", "--short=12", "HEAD:streamwatchd") + ("+" if changed else "")


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def write(line: Line, path: Path = PATH) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(line)) + "\n")


def read(path: Path = PATH) -> list[Line]:
    if not path.exists():
        return []
    return [Line(**json.loads(text)) for text in path.read_text(encoding="utf-8").splitlines()]


def table(lines: Iterable[Line]) -> str:
    """Markdown: what each engine went through."""
    by_engine: dict[str, list[Line]] = {}
    for line in lines:
        by_engine.setdefault(line.engine, []).append(line)
    rows = [_row(engine, runs) for engine, runs in by_engine.items()]
    return "\n".join([f"| {' | '.join(_COLUMNS)} |", "|" + " --- |" * len(_COLUMNS), *rows])


def _row(engine: str, runs: list[Line]) -> str:
    total: Counter[str] = Counter()
    for run in runs:
        total.update({name: getattr(run, name) for name in ("kills", "killed", "switches", "records", "outputs")})
    cells = [
        f"{runs[-1].commit} ({engine})", stretches(sorted({run.seed for run in runs})),
        f"{total['kills']:,}", f"{total['killed']:,}", str(len({point for run in runs for point in run.points})),
        *(f"{total[name]:,}" for name in ("switches", "records", "outputs")),
        str(sum(len(run.faults) for run in runs)), runs[-1].day,
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def stretches(seeds: list[int]) -> str:
    """`1–20, 31`."""
    found: list[list[int]] = []
    for seed in seeds:
        if found and found[-1][-1] == seed - 1:
            found[-1].append(seed)
        else:
            found.append([seed])
    return ", ".join(f"{each[0]}–{each[-1]}" if len(each) > 1 else str(each[0]) for each in found)
