"""Lowering of anomaly rules: rows of values, the node that scores them, and the alarm that judges the scored rows."""

from __future__ import annotations

from dataclasses import fields, replace

from streamwatchd.lang.typed import NUMBER, Field
from streamwatchd.operators.spec import KeyColumn, ScoreSpec
from streamwatchd.plan.builder import Builder, Home, Stream, context_columns, value_specs
from streamwatchd.plan.identity import identity
from streamwatchd.plan.placement import OWN_ROWS
from streamwatchd.rules.ruleset import Alarm, Anomaly, KeyField, Kpi, NamedValue, RuleCommon
from streamwatchd.rules.streams import SCORE

_COMMON = tuple(field.name for field in fields(RuleCommon))


def rows_of(rule: Anomaly) -> Kpi:
    """The KPI of a rule that makes windows of its own; nobody reads it by name, as no name has a space."""
    shared = {name: getattr(rule, name) for name in _COMMON}
    return Kpi(**shared | {"name": rule.name + OWN_ROWS}, over_ms=rule.every_ms)


def lower_scores(builder: Builder, rule: Anomaly, rows: str) -> Alarm:
    """Rows of the stream `rows` are scored where they are; gives the alarm on the scored rows."""
    origin = builder.streams[rows]
    home = Home(origin.stage, None, origin.source)
    keys, values, where = _keys(rule), value_specs(rule), rule.where
    if rule.windowed:
        keys, where = tuple(replace(key, expr=_read(rule, key.name)) for key in keys), None
        values = tuple(replace(value, expr=Field(value.name, value.expr.type)) for value in values)
    meaning = identity("scores", rule.name, rows, origin.meaning, keys, where, values, rule.features, rule.missing)
    alarm = _alarm(rule)
    spec = ScoreSpec(
        id=meaning,
        name=rule.name,
        meaning=meaning,
        stream=rows,
        input_meaning=origin.meaning,
        keys=keys,
        where=where,
        values=values,
        features=rule.features,
        model=rule.model,
        missing=rule.missing,
        forget_ms=max(rule.forget_ms, 86_400_000),
        whens=tuple(level.when for level in alarm.levels),
        context=context_columns(alarm),
        labels=rule.labels,
        shadow=rule.shadow,
    )
    _place(builder, rule, spec, home, origin)
    return alarm


def _place(builder: Builder, rule: Anomaly, spec: ScoreSpec, home: Home, origin: Stream) -> None:
    draft = builder.draft(home)
    draft.scores.append(spec)
    draft.order.append(spec.id)
    draft.roots[spec.id] = draft.roots[rule.name] = builder.roots(home, (origin.name,))
    builder.pace(home, spec.id, (origin.name,))
    pace_ms = draft.paces.get(spec.id, 0)
    if pace_ms:
        draft.paces[rule.name] = pace_ms
    columns = {key.name: key.kind for key in spec.keys} | {v.name: v.expr.type.kind.value for v in spec.values}
    names = tuple(key.name for key in spec.keys)
    builder.streams[rule.name] = Stream(
        rule.name, home.stage, origin.route, home.source, columns | {SCORE: "number"}, names, spec.meaning, pace_ms
    )


def _keys(rule: Anomaly) -> tuple[KeyColumn, ...]:
    return tuple(KeyColumn(key.name, key.expr, key.expr.type.kind.value) for key in rule.by)


def _read(rule: Anomaly, name: str) -> Field:
    """A key as a column of rows that have it."""
    return Field(name, next(key.expr.type for key in rule.by if key.name == name))


def _alarm(rule: Anomaly) -> Alarm:
    """On scored rows: it carries their values and the score."""
    types = {value.name: value.expr.type for value in rule.values}
    shared = {name: getattr(rule, name) for name in _COMMON}
    score = NamedValue(SCORE, Field(SCORE, NUMBER))
    return Alarm(
        **shared
        | {
            "sources": (rule.name,),
            "by": tuple(KeyField(key.name, _read(rule, key.name)) for key in rule.by),
            "where": None,
            "values": (*(NamedValue(name, Field(name, type_)) for name, type_ in types.items()), score),
        },
        levels=rule.levels,
        windowless=True,
        in_order=True,
        no_data=rule.no_data,
        message=rule.message,
        runbook=rule.runbook,
        max_active=rule.max_active,
        unless=rule.unless,
        repeat_ms=rule.repeat_ms,
        flapping=rule.flapping,
        pause=rule.pause,
        is_state=True,
    )
