"""`explain`: what a rule makes of one key now, and why: read from the state of the shards that have the key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streamwatchd.control import CommandRefused
from streamwatchd.daemon.commands.asking import ask_shards
from streamwatchd.daemon.commands.context import Context
from streamwatchd.daemon.commands.rules import names_of
from streamwatchd.daemon.commands.status import holding
from streamwatchd.diagnostics import did_you_mean
from streamwatchd.errors import StateMismatch
from streamwatchd.operators.document import iso
from streamwatchd.operators.stage_spec import LogicalPlan
from streamwatchd.shard.control import Told


def run(context: Context, arguments: Mapping[str, Any], say: Callable[[str], None]) -> Mapping[str, Any]:
    """`rule` and `key` (name → text). Raises CommandRefused for a rule or a key that is not there."""
    rule, key = str(arguments.get("rule", "")), {str(k): str(v) for k, v in dict(arguments.get("key", {})).items()}
    version = context.store.versions[-1] if context.store.versions else None
    try:
        plan = None if version is None else context.store.content(version.digest).program.plan
    except StateMismatch:
        plan = None
    if version is None or plan is None:
        raise CommandRefused("no rules are in force yet, see `swctl status`", "not_ready")
    _check(rule, key, plan)
    told, problems = ask_shards(context, rule, key)
    answers = [{**answer, "shard": each.shard} for each in told for answer in each.answers]
    found = [answer for answer in answers if "examples" not in answer]
    if not found:
        raise CommandRefused(_not_there(rule, key, answers, problems) + _only_late(_late(told)))
    supervisor, _ = context.working()
    now_ms = context.clock.now_ms()
    reports = [slot.report for slot in supervisor.slots if slot.report is not None]
    return {
        "rule": rule,
        "key": key,
        "at": iso(now_ms),
        "at_ms": now_ms,
        "version": version.number,
        "answers": found,
        "late": _late(told),
        "holding": holding(reports, now_ms),
        "problems": problems,
    }


def _check(rule: str, key: Mapping[str, str], plan: LogicalPlan) -> None:
    names = names_of(plan)
    if rule not in names:
        hint = did_you_mean(rule, names) or "`swctl rules` lists those that are; `swctl reload` brings in edits"
        raise CommandRefused(f"no rule `{rule}` is in force; {hint}", "bad_request")
    wanted = _keys_of(rule, plan)
    if set(key) != set(wanted):
        takes = " ".join(f"--key {name}=…" for name in wanted) or "no --key: it has no `by`"
        raise CommandRefused(f"`{rule}` takes {takes}", "bad_request")


def _keys_of(rule: str, plan: LogicalPlan) -> list[str]:
    for stage in (*plan.first.values(), *plan.later):
        for windowed in stage.window_alarms:
            if any(member.name == rule for member in windowed.members):
                return [each.name for each in windowed.shape.keys]
        for on_rows in stage.row_alarms:
            if any(member.name == rule for member in on_rows.members):
                return [each.name for each in on_rows.shape.keys]
        for kpi in stage.kpis:
            if any(member.name == rule for member in kpi.members):
                return [each.name for each in kpi.keys]
    return []


def _not_there(rule: str, key: Mapping[str, str], answers: list[dict[str, Any]], problems: list[str]) -> str:
    text = ", ".join(f"{name}={value}" for name, value in key.items())
    others = "; " + "; ".join(problems) if problems else ""
    count = sum(answer["keys"] for answer in answers)
    if not count:
        return f"`{rule}` knows no key yet: no event has passed its `where` since it took effect{others}"
    alike = [answer for answer in answers if answer["alike"]] or answers
    examples = [each for answer in alike for each in answer["examples"]][:5]
    named = " · ".join(",".join(f"{name}={value}" for name, value in each.items()) for each in examples)
    return (
        f"`{rule}` knows no {text}: no event of it has passed the rule's `where`, or it was forgotten; "
        f"it knows {count:,} key(s), such as {named}{others}"
    )


def _only_late(late: Mapping[str, Any] | None) -> str:
    """What there was of a key that no window has."""
    if late is None:
        return ""
    topic, partition, offset = late["place"]
    last = f"the last at {topic}:{partition}:{offset} says {iso(late['time_ms'])}"
    return f"; {late['events']:,} of its events came late, {last}: late events enter no window"


def _late(told: list[Told]) -> Mapping[str, Any] | None:
    found = [each.late for each in told if each.late is not None]
    if not found:
        return None
    last = max(found, key=lambda each: each["time_ms"])
    return {**last, "events": sum(each["events"] for each in found)}
