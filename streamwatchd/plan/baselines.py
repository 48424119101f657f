"""Lowering of `usual` and `spread`: what a rule learns, and which of its conditions wait until it has."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from streamwatchd.lang.typed import Baseline, Expr, Value, walk
from streamwatchd.operators.baseline import SAMPLE_MS
from streamwatchd.operators.spec import BaselineSpec, LearningAlarmSpec, WindowAlarmSpec
from streamwatchd.plan.builder import expressions
from streamwatchd.plan.identity import identity
from streamwatchd.rules.ruleset import Alarm


def baselines_of(rule: Alarm, family: str) -> tuple[BaselineSpec, ...]:
    """One for each expression that the rule asks the usual of, named by what it means."""
    named = {value.name: value.expr for value in rule.values}
    found: dict[Expr, list[Baseline]] = {}
    for node in dict.fromkeys(n for expr in expressions(rule) for n in walk(expr) if isinstance(n, Baseline)):
        found.setdefault(_inlined(node.arg, named), []).append(node)
    step_ms = -(-SAMPLE_MS // rule.every_ms) * rule.every_ms
    return tuple(
        BaselineSpec(identity("baseline", family, expr, step_ms), expr, tuple(nodes), step_ms)
        for expr, nodes in found.items()
    )


def _inlined(expr: Expr, named: dict[str, Expr]) -> Expr:
    """With values as the expressions that they stand for."""
    if isinstance(expr, Value):
        return _inlined(named[expr.name], named)
    changes: dict[str, Any] = {}
    for field in fields(expr):
        value = getattr(expr, field.name)
        if field.name == "type":
            continue
        if isinstance(value, tuple) and value and all(is_dataclass(part) for part in value):
            changes[field.name] = tuple(_inlined(part, named) for part in value)
        elif is_dataclass(value):
            changes[field.name] = _inlined(value, named)  # type: ignore[arg-type]
    return replace(expr, **changes) if changes else expr


def learning_alarm(spec: WindowAlarmSpec, rule: Alarm) -> WindowAlarmSpec:
    """The alarm as one that learns, where its rule asks what is usual."""
    baselines = baselines_of(rule, spec.family)
    if not baselines:
        return spec
    named = {value.name: value.expr for value in rule.values}

    def reads(expr: Expr | None) -> bool:
        return expr is not None and any(isinstance(node, Baseline) for node in walk(_inlined(expr, named)))

    plain = {field.name: getattr(spec, field.name) for field in fields(WindowAlarmSpec)}
    learnt = tuple((reads(level.when), reads(level.until)) for level in rule.levels)
    return LearningAlarmSpec(**plain, baselines=baselines, learnt=learnt)
