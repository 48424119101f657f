"""`status`: how the daemon is, in one look. It waits for nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import streamwatchd
from streamwatchd.daemon.commands.context import Context
from streamwatchd.daemon.commands.lag import late
from streamwatchd.daemon.metrics import Samples, holder
from streamwatchd.daemon.workers import WorkerSlot
from streamwatchd.operators.document import iso
from streamwatchd.ports.telemetry import Report
from streamwatchd.shard.scoring import ODD

_BEGUN = 0
"""Watermarks below 1970 belong to partitions that never had a record."""


def run(context: Context, arguments: Mapping[str, Any], say: Callable[[str], None]) -> Mapping[str, Any]:
    now_ms = context.clock.now_ms()
    supervisor = context.supervisor
    slots = supervisor.slots if supervisor else []
    running = sum(slot.phase == "running" for slot in slots)
    wrong = dict(context.wrong_topics())
    good = running == len(slots) and not wrong
    if supervisor is None:
        state = "waiting for topics" if wrong else "waiting for Kafka"
    else:
        state = "ok" if good else "degraded"
    reports = [slot.report for slot in slots]
    return {
        "app": context.settings.app,
        "version": streamwatchd.__version__,
        "pid": os.getpid(),
        "uptime_seconds": (now_ms - context.started_ms) // 1000,
        "state": state,
        "rules": _rules(context),
        "topics": wrong,
        "settling": dict(context.settling()),
        "shards": [_shard(context, slot, now_ms) for slot in slots],
        "late": late([report for report in reports if report is not None]),
        "models": models(context.metrics.samples(now_ms)),
        "holding": holding([report for report in reports if report is not None], now_ms),
        "idle_partitions": sum(_idle(report) for report in reports if report is not None),
        "pending_settings": list(context.pending_settings()),
    }


def _rules(context: Context) -> dict[str, Any]:
    newest = context.store.versions[-1] if context.store.versions else None
    changes = context.supervisor.changes if context.supervisor else None
    wanted = changes.wanted if changes else None
    return {
        "version": newest.number if newest else None,
        "since": iso(newest.at_ms) if newest and newest.at_ms > _BEGUN else None,
        "digest": newest.digest if newest else None,
        "proposed": wanted.content.digest if wanted else None,
        "postponed_for": (changes.postponed_for or None) if changes else None,
        "refused": list(context.refusals.refused),
    }


def _shard(context: Context, slot: WorkerSlot, now_ms: int) -> dict[str, Any]:
    report, restarts = slot.report, slot.restarts.total()
    found: dict[str, Any] = {
        "shard": slot.shard,
        "phase": slot.phase,
        "pid": slot.pid,
        "restarts": restarts,
    }
    if report is None or context.supervisor is None:
        return found
    watermarks = [ms for ms in report.watermarks_ms.values() if ms > _BEGUN]
    written = report.gauges.get(("snapshot_timestamp_seconds", ()))
    return found | {
        "epoch": report.epoch,
        "rules_version": report.gauges.get(("version_number", ())),
        "records_per_second": round(context.supervisor.rates.of(slot.shard), 1),
        "watermark": iso(min(watermarks)) if watermarks else None,
        "lag_records": context.metrics.lag_of(slot.shard),
        "snapshot_age_seconds": None if written is None else max(0.0, round(now_ms / 1000 - written, 1)),
        "old_records_left": round(report.gauges.get(("backfill_left_records", ()), 0)),
        "old_records_done": round(report.gauges.get(("backfill_done_ratio", ()), 0), 3),
        "troubles": dict(report.troubles),
        "note": report.notes[-1] if report.notes and slot.phase != "running" else None,
    }


def models(samples: Samples) -> list[dict[str, Any]]:
    """The versions in force or on trial, with the rows that they scored, how many of them from `ODD` on and at how many
    they failed; and those that the daemon has taken back since its start, with what it took in their place."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    counts = {"model_scored_total": "scored", "model_scores_total": "odd", "model_failed_total": "failed"}
    for name, labels in samples:
        of = dict(labels)
        if name == "model_expected_ratio" or name == "model_rollbacks_total":
            version = {"model": of["model"], "version": int(of["version"]), "scored": 0, "odd": 0, "failed": 0}
            back = {} if name == "model_expected_ratio" else {"taken_back_for": int(of["to"])}
            key = of["model"], of["version"]
            found[key] = version | found.get(key, {}) | back
    for (name, labels), value in samples.items():
        of = dict(labels)
        each = found.get((of.get("model", ""), of.get("version", "")))
        if each is not None and name in counts and of.get("bound", f"{ODD:g}") == f"{ODD:g}":
            each[counts[name]] += round(value)
    return [found[key] for key in sorted(found)]


def _idle(report: Report) -> int:
    """Source partitions that wait for records and hold nothing up."""
    return sum(stage == 1 for stage, _, _ in report.idle)


def holding(reports: list[Report], now_ms: int) -> dict[str, Any] | None:
    """Which source partition all else waits for; None while all are idle, or none is at work."""
    found = holder(reports)
    if found is None:
        return None
    ms, topic, partition, shard = found
    begun = ms > _BEGUN
    return {
        "topic": topic,
        "partition": partition,
        "shard": shard,
        "watermark": iso(ms) if begun else None,
        "behind_seconds": round((now_ms - ms) / 1000, 1) if begun else None,
    }
