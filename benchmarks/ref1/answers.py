"""Our outputs as rows of the reference job, and how far they agree with the oracle's."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from benchmarks.ref1.oracle import Answer, Row

KEYS = {
    "region_latency": ("region", "window_end"),
    "error_ratio": ("service", "window_end"),
    "host_cpu": ("host", "window_end"),
    "slow_500": ("host", "ts"),
}
Identity = tuple[object, ...]


def milliseconds(text: str) -> int:
    """ISO-8601 to ms since the epoch."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def from_kpi(document: Mapping[str, Any]) -> Row:
    """A KPI row of ours as the job names it; the job calls two of the KPIs alerts."""
    window_end = milliseconds(document["window"]["end"])
    key, values, context = document["key"], document["values"], document.get("context", {})
    match document["kpi"]:
        case "region_latency":
            window = {"window_start": milliseconds(document["window"]["start"]), "window_end": window_end}
            row = {"topic": "kpis", "kpi": "region_latency", **key, **window}
            return row | {"avg": values["average"], "count": values["requests"]}
        case "error_ratio":
            return {
                "topic": "alerts",
                "rule": "error_ratio",
                **key,
                "window_end": window_end,
                "value": values["errors"],
            }
        case "host_cpu":
            row = {"topic": "alerts", "rule": "host_cpu", **key, "window_end": window_end, "value": values["average"]}
            return row | {name: context[name] for name in ("region", "sla_tier")}
        case other:
            raise ValueError(f"a KPI that the job does not have: {other}")


def from_alert(document: Mapping[str, Any]) -> Row:
    values = document["values"]
    row = {"topic": "alerts", "rule": document["rule"], "ts": milliseconds(document["at"])}
    return row | {name: values[name] for name in ("host", "region", "latency_ms")}


def identity(row: Mapping[str, object]) -> Identity:
    name = str(row.get("rule") or row.get("kpi"))
    return (row["topic"], name, *(row[column] for column in KEYS[name]))


def same(wanted: object, got: object) -> bool:
    """Equal, floats to 1e-9 of the larger."""
    if isinstance(wanted, float) and isinstance(got, int | float):
        return math.isclose(wanted, got, rel_tol=1e-9)
    return wanted == got


@dataclass(slots=True)
class Verdict:
    """How rows compare with the answer. `tail`: windows that the answer's watermark has not closed; not judged."""

    required: int
    right: int = 0
    wrong: list[Row] = field(default_factory=list)
    extra: list[Row] = field(default_factory=list)
    missing: list[Row] = field(default_factory=list)
    doubled: int = 0
    tail: int = 0

    @property
    def passed(self) -> bool:
        return self.right == self.required and not (self.wrong or self.extra or self.missing or self.doubled)

    def __str__(self) -> str:
        faults = {"missing": len(self.missing), "extra": len(self.extra), "wrong": len(self.wrong)}
        told = ", ".join(f"{count} {name}" for name, count in {**faults, "doubled": self.doubled}.items())
        return f"{self.right} of {self.required} rows right, {told}"


def compare(answer: Answer, rows: Iterable[Row]) -> Verdict:
    wanted = {identity(row): row for row in answer.rows}
    verdict, seen = Verdict(len(wanted)), set()
    for row in rows:
        which = identity(row)
        if which in seen:
            verdict.doubled += 1
        elif which in wanted:
            is_right = all(name in row and same(value, row[name]) for name, value in wanted[which].items())
            verdict.right += is_right
            verdict.wrong += [] if is_right else [row]
        elif int(str(row.get("window_end", 0))) > answer.last_window_end:
            verdict.tail += 1
        else:
            verdict.extra.append(row)
        seen.add(which)
    verdict.missing = [row for which, row in wanted.items() if which not in seen]
    return verdict
