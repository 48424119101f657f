"""`rules`: the rules in force, what came of each, and the time and memory of the nodes that run them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from streamwatchd.daemon.commands.context import Context
from streamwatchd.daemon.control_topic.dispositions import precision
from streamwatchd.errors import StateMismatch
from streamwatchd.operators.document import iso
from streamwatchd.operators.stage_spec import LogicalPlan
from streamwatchd.ports.telemetry import Report

_NODE = {"node_seconds_total": "seconds", "node_rows_total": "rows", "node_calls_total": "judgements"}


def run(context: Context, arguments: Mapping[str, Any], say: Callable[[str], None]) -> Mapping[str, Any]:
    """Numbers count from the start of each worker process; `seconds` are of one processor.
    `precision` is the share of confirmed alarms among those of which somebody said what they were."""
    supervisor, _ = context.working()
    reports = [slot.report for slot in supervisor.slots if slot.report is not None]
    now_ms = context.clock.now_ms()
    return {
        "at": iso(now_ms),
        "at_ms": now_ms,
        "rules": list(_rules(kinds_in_force(context), shadows_in_force(context), reports, context.dispositions())),
        "nodes": list(_nodes(reports)),
    }


def kinds_in_force(context: Context) -> Mapping[str, str]:
    """Rules in force → their kinds."""
    plan = plan_in_force(context)
    return {} if plan is None else names_of(plan)


def shadows_in_force(context: Context) -> frozenset[str]:
    """Rules in force that nobody is told of (`mode: shadow`)."""
    plan = plan_in_force(context)
    return frozenset() if plan is None else shadows_of(plan)


def scored_keys_in_force(context: Context, rule: str) -> frozenset[str]:
    """The names of `by` of an anomaly rule."""
    plan = plan_in_force(context)
    stages = () if plan is None else (*plan.first.values(), *plan.later)
    return frozenset(key.name for stage in stages for score in stage.scores if score.name == rule for key in score.keys)


def plan_in_force(context: Context) -> LogicalPlan | None:
    """None before the first, and where it can't be read."""
    try:
        return context.store.content(context.store.versions[-1].digest).program.plan
    except (StateMismatch, IndexError):
        return None


def names_of(plan: LogicalPlan) -> dict[str, str]:
    """Rules of a plan → kpi, alarm or anomaly."""
    return {name: kind for name, kind, _ in _of(plan)}


def shadows_of(plan: LogicalPlan) -> frozenset[str]:
    """Rules of a plan in `mode: shadow`."""
    return frozenset(name for name, _, is_shadow in _of(plan) if is_shadow)


def _of(plan: LogicalPlan) -> Iterator[tuple[str, str, bool]]:
    """Name, kind and whether it is in shadow, of each rule."""
    for stage in (*plan.first.values(), *plan.later):
        for kpi in stage.kpis:
            yield from ((member.name, "kpi", member.shadow) for member in kpi.members)
        for windowed in stage.window_alarms:
            yield from ((member.name, "alarm", member.shadow) for member in windowed.members)
        for on_rows in stage.row_alarms:
            yield from ((member.name, "alarm", member.shadow) for member in on_rows.members)
        yield from ((score.name, "anomaly", score.shadow) for score in stage.scores)


def _rules(
    names: Mapping[str, str], shadows: Collection[str], reports: list[Report], said: Mapping[str, Mapping[str, int]]
) -> Iterator[dict[str, Any]]:
    events: dict[str, Counter[str]] = defaultdict(Counter)
    late: Counter[str] = Counter()
    for metric, labels, value in _counted(reports):
        if metric == "alerts_total":
            events[labels["rule"]][labels["event"]] += int(value)
        elif metric == "rule_late_total":
            late[labels["rule"]] += int(value)
    for name, kind in sorted(names.items()):
        row = {
            "rule": name,
            "kind": kind,
            "shadow": name in shadows,
            "events": dict(sorted(events[name].items())),
            "late": late[name],
        }
        counts = dict(said.get(name, {}))
        yield {**row, "dispositions": counts, "precision": precision(counts)}


def _nodes(reports: list[Report]) -> Iterator[dict[str, Any]]:
    """By the time that they took, longest first. Of many rules of one shape the first gives the node its name."""
    found: dict[tuple[str, str, str], dict[str, float]] = {}
    for metric, labels, value in _counted(reports):
        if metric in _NODE:
            key = (labels["kind"], labels["rule"], labels["stage"])
            node = found.setdefault(key, dict.fromkeys(_NODE.values(), 0.0))
            node[_NODE[metric]] += value
    sizes = _sizes(reports)
    for (kind, rule, stage), node in sorted(found.items(), key=lambda each: -each[1]["seconds"]):
        size = sizes.get((kind, rule, stage))
        yield {"kind": kind, "rule": rule, "stage": int(stage), **node, "bytes": size}


def _sizes(reports: list[Report]) -> dict[tuple[str, str, str], float]:
    found: dict[tuple[str, str, str], float] = {}
    for report in reports:
        for (name, labels), value in report.gauges.items():
            if name == "state_bytes":
                at = dict(labels)
                key = at["kind"], at["rule"], at["stage"]
                found[key] = found.get(key, 0.0) + value
    return found


def _counted(reports: list[Report]) -> Iterator[tuple[str, dict[str, str], float]]:
    for report in reports:
        for (name, labels), value in report.counters.items():
            yield name, dict(labels), value
