"""The runs of the crash loop that are done, and the table of docs/reliability.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.crashloop.loop import Result
from tests.ledger import BUILD, Ledger, commit, engine, stretches, today

_COLUMNS = (
    "commit (engine)", "seeds", "kills", "processes killed", "failpoints", "calls", "changes", "records", "outputs",
    "at fault", "day",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A run that is done. `blows` counts them by kind, `points` are the failpoints that struck,
    `calls` the writes, fsyncs and renames that were the last of a process; `only`: other kinds were not drawn."""

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
    calls: dict[str, int] = field(default_factory=dict)
    only: str = ""


LEDGER = Ledger(BUILD / "crashloop.ndjson", Line)


def line_of(seed: int, result: Result, only: str = "") -> Line:
    return Line(
        seed, engine(), commit(), today(), result.kills,
        result.killed, dict(result.blows), result.points, result.switches, result.records, result.outputs,
        round(result.seconds, 1), result.faults[:50], dict(result.calls), only,
    )  # fmt: skip


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
        str(sum(sum(run.calls.values()) for run in runs)),
        *(f"{total[name]:,}" for name in ("switches", "records", "outputs")),
        str(sum(len(run.faults) for run in runs)), runs[-1].day,
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"
