"""What is done, one JSON line each in `build/brokers.ndjson`: a campaign that is stopped goes on there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.brokers.cluster import Result as ClusterResult
from tests.brokers.injections import Result as InjectionResult
from tests.ledger import BUILD, Ledger, commit, engine, today


@dataclass(frozen=True, slots=True)
class Line:
    """A run: of `injections` (counts by kind, `late` by the broker's error code), or of `rounds` on the cluster."""

    seed: int
    engine: str
    commit: str
    day: str
    events: int
    seconds: float
    injections: dict[str, int] = field(default_factory=dict)
    late: dict[str, int] = field(default_factory=dict)
    rounds: list[dict[str, Any]] = field(default_factory=list)
    memory_before_mb: float = 0.0
    faults: list[str] = field(default_factory=list)


LEDGER = Ledger(BUILD / "brokers.ndjson", Line)


def line_of(seed: int, result: ClusterResult | InjectionResult) -> Line:
    line = Line(
        seed, engine(), commit(), today(), result.events,
        round(result.seconds, 1), faults=result.faults[:50],
    )  # fmt: skip
    if isinstance(result, InjectionResult):
        line.injections.update(result.injections)
        line.late.update({str(code): count for code, count in result.late.items()})
        return line
    line.rounds.extend(asdict(each) for each in result.rounds)
    return Line(**{**asdict(line), "memory_before_mb": round(result.memory_before_mb)})


def table(lines: Iterable[Line]) -> str:
    """Markdown: faults injected by kind, then what the cluster went through."""
    lines = list(lines)
    kinds: Counter[str] = Counter()
    for line in lines:
        kinds.update(line.injections)
    found = ["| injected | times |", "| --- | ---: |"]
    found += [f"| {kind} | {count} |" for kind, count in sorted(kinds.items())]
    rounds = [each for line in lines for each in line.rounds]
    if rounds:
        found += [
            "",
            "| killed | times | longest outage | records taken in again after | most memory |",
            "|" + " --- |" * 5,
        ]
        found += [_round(kind, [each for each in rounds if each["kind"] == kind]) for kind in _kinds(rounds)]
    return "\n".join(found)


def _kinds(rounds: Iterable[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(each["kind"] for each in rounds))


def _round(kind: str, rounds: list[dict[str, Any]]) -> str:
    outage, resumed, memory = (max(each[name] for each in rounds) for name in ("outage_s", "resumed_s", "memory_mb"))
    return f"| {kind.replace('_', ' ')} | {len(rounds)} | {outage:.0f} s | ≤ {resumed:.1f} s | {memory:.0f} MB |"
