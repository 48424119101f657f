"""`lag`: per partition what is there, what was read, what waits, and how far its event time has come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from streamwatchd.control import CommandRefused
from streamwatchd.daemon.commands.context import Context
from streamwatchd.daemon.metrics import holder
from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.operators.document import iso
from streamwatchd.ports.kafka import Partition
from streamwatchd.ports.telemetry import Report
from streamwatchd.settings import Topics
from streamwatchd.shard.assignor import exchange_topic

_BEGUN = 0


def run(context: Context, arguments: Mapping[str, Any], say: Callable[[str], None]) -> Mapping[str, Any]:
    """Ends are asked of Kafka now; positions are those of the newest reports (at most half a second old)."""
    supervisor, _ = context.working()
    reports = [slot.report for slot in supervisor.slots if slot.report is not None]
    positions = context.metrics.positions()
    ends, stable = _ends(context, [Partition(topic, number) for topic, number in positions])
    marks = _marks(context.settings.topics, reports)
    held = holder(reports)
    rows: list[dict[str, Any]] = []
    for (topic, number), (shard, position) in sorted(positions.items()):
        end, last_stable = ends.get(Partition(topic, number)), stable.get(Partition(topic, number))
        watermark_ms, idle, waits = marks.get((topic, number), (_BEGUN, False, False))
        rows.append(
            {
                "topic": topic,
                "partition": number,
                "shard": shard,
                "position": position,
                "end": end,
                "lag": None if end is None else max(0, end - position),
                "held_by_open_transactions": None if end is None or last_stable is None else max(0, end - last_stable),
                "watermark": iso(watermark_ms) if watermark_ms > _BEGUN else None,
                "idle": idle,
                "waits": waits,
                "holds": held is not None and (topic, number) == held[1:3],
            }
        )
    lag = sum(row["lag"] or 0 for row in rows)
    return {"at": iso(context.clock.now_ms()), "partitions": rows, "lag": lag, "late": late(reports)}


def late(reports: list[Report]) -> list[dict[str, Any]]:
    """Late events by source (`rule` is null), and by the rule that would have read them."""
    counts: Counter[tuple[str, str]] = Counter()
    for report in reports:
        for (name, labels), count in report.counters.items():
            if name in ("late_total", "rule_late_total") and count:
                named = dict(labels)
                counts[named["source"], named.get("rule", "")] += int(count)
    return [{"source": source, "rule": rule or None, "events": n} for (source, rule), n in sorted(counts.items())]


def _marks(topics: Topics, reports: list[Report]) -> dict[tuple[str, int], tuple[int, bool, bool]]:
    """Per topic and partition its task's watermark, whether it is idle, and whether it waits for others."""
    return {
        (task[1] or exchange_topic(topics, task[0]), task[2]): (ms, task in report.idle, task in report.held)
        for report in reports
        for task, ms in report.watermarks_ms.items()
    }


def _ends(context: Context, partitions: list[Partition]) -> tuple[dict[Partition, int], dict[Partition, int]]:
    try:
        admin = context.kafka.admin()
        try:
            return admin.end_offsets(partitions), admin.end_offsets(partitions, read_committed=True)
        finally:
            admin.close()
    except (Unavailable, StateMismatch) as error:
        raise CommandRefused(f"Kafka does not say where the topics end: {error}") from error
