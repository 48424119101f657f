"""`tables`: the dimension tables in force, and how old their rows are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streamwatchd.daemon.commands.context import Context
from streamwatchd.errors import StateMismatch
from streamwatchd.operators.document import iso


def run(context: Context, arguments: Mapping[str, Any], say: Callable[[str], None]) -> Mapping[str, Any]:
    now_ms = context.clock.now_ms()
    ages = {dict(labels)["file"]: value for labels, value in _samples(context, "table_age_seconds", now_ms).items()}
    fetches = _samples(context, "table_fetches_total", now_ms)
    counts = {(dict(labels)["table"], dict(labels)["outcome"]): int(value) for labels, value in fetches.items()}
    rows = []
    for name, data in sorted(_in_force(context).items()):
        fetched = any(table == name for table, _ in counts)
        age = next((age for file, age in ages.items() if file.rpartition(".")[0] == name), None)
        rows.append(
            {
                "table": name,
                "rows": len(data.rows),
                "columns": sorted(data.columns),
                "digest": data.digest,
                "age_seconds": age,
                "fetches": {"ok": counts.get((name, "ok"), 0), "failed": counts.get((name, "failed"), 0)}
                if fetched
                else None,
            }
        )
    return {"at": iso(now_ms), "tables": rows}


def _samples(context: Context, name: str, now_ms: int) -> dict[Any, float]:
    return {labels: value for (metric, labels), value in context.metrics.samples(now_ms).items() if metric == name}


def _in_force(context: Context) -> Mapping[str, Any]:
    try:
        return context.store.content(context.store.versions[-1].digest).tables
    except (StateMismatch, IndexError):
        return {}
