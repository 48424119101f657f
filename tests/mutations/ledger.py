"""What was tried, one JSON line a seed in `build/mutations.ndjson`: a campaign that is stopped goes on there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.ledger import BUILD, Ledger, commit, engine, stretches, today
from tests.mutations.run import Result

_COLUMNS = (
    "commit (engine)", "seeds", "spoilt files", "snapshots", "journals", "lists of versions", "kept rules",
    "sealed anew", "refused", "read up to there", "cut off", "believed, crashed or hung", "slowest", "seconds", "day",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One seed that is done, see `run.Result`."""

    seed: int
    engine: str
    commit: str
    day: str
    mutants: int
    kinds: dict[str, int]
    verdicts: dict[str, int]
    ways: dict[str, int]
    slowest_ms: float
    grown_kib: int
    seconds: float
    faults: list[str] = field(default_factory=list)


LEDGER = Ledger(BUILD / "mutations.ndjson", Line)


def line_of(seed: int, result: Result) -> Line:
    return Line(
        seed, engine(), commit(), today(), result.mutants,
        dict(result.kinds), dict(result.verdicts), dict(result.ways), round(result.slowest_ms, 1), result.grown_kib,
        round(result.seconds, 2), result.faults[:50],
    )  # fmt: skip


def table(lines: Iterable[Line]) -> str:
    """Markdown: what each engine was shown."""
    by_engine: dict[str, list[Line]] = {}
    for line in lines:
        by_engine.setdefault(line.engine, []).append(line)
    rows = [_row(name, runs) for name, runs in by_engine.items()]
    return "\n".join([f"| {' | '.join(_COLUMNS)} |", "|" + " --- |" * len(_COLUMNS), *rows])


def _row(name: str, runs: list[Line]) -> str:
    kinds, verdicts, ways = Counter[str](), Counter[str](), Counter[str]()
    for run in runs:
        kinds.update(run.kinds)
        verdicts.update(run.verdicts)
        ways.update(run.ways)
    numbers = (
        sum(run.mutants for run in runs), *(kinds[kind] for kind in ("snapshot", "journal", "versions", "rules")),
        ways["sealed_anew"], *(verdicts[verdict] for verdict in ("refused", "read up to there", "cut off")),
        sum(len(run.faults) for run in runs),
    )  # fmt: skip
    cells = [
        f"{runs[-1].commit} ({name})", stretches(sorted({run.seed for run in runs})),
        *(f"{number:,}" for number in numbers), f"{max(run.slowest_ms for run in runs):.0f} ms",
        f"{sum(run.seconds for run in runs):.0f}", runs[-1].day,
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"
