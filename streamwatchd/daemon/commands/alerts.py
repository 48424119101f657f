"""`alerts`: the alarms that are up now, the worst first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streamwatchd.daemon.commands.asking import ask_shards
from streamwatchd.daemon.commands.context import Context
from streamwatchd.daemon.commands.rules import shadows_in_force
from streamwatchd.operators.document import iso
from streamwatchd.operators.lifecycle import SEVERITIES

_MOST = 1_000
_LAST = len(SEVERITIES)


def run(context: Context, arguments: Mapping[str, Any], say: Callable[[str], None]) -> Mapping[str, Any]:
    """At most `most` alarms of each shard; `total` counts all, `problems` says whose are missing.
    Of alarms with `shadow` nobody is told."""
    told, problems = ask_shards(context, "", {}, int(arguments.get("most", _MOST)))
    shadows = shadows_in_force(context)
    rows = [
        {**row, "starts_at": iso(row["starts_at_ms"]), "shard": each.shard, "shadow": row["rule"] in shadows}
        for each in told
        for row in each.answers
    ]
    rows.sort(key=_order)
    now_ms = context.clock.now_ms()
    return {
        "at": iso(now_ms),
        "at_ms": now_ms,
        "total": sum(each.total for each in told),
        "alarms": rows,
        "problems": problems,
    }


def _order(row: Mapping[str, Any]) -> tuple[Any, ...]:
    rank = SEVERITIES.index(row["severity"]) if row["severity"] in SEVERITIES else _LAST
    return row["state"] != "firing", rank, row["starts_at_ms"], row["rule"], str(row["key"])
