"""Lowering of single rules: KPIs and alarms to the nodes that run them."""

from __future__ import annotations

from dataclasses import fields, replace

from streamwatchd.operators.spec import KpiMember, KpiSpec, TopKpiSpec
from streamwatchd.operators.stage_spec import LogicalPlan
from streamwatchd.plan.alarms import Drafted, draft_row_alarm, draft_window_alarm, place_row_alarm, place_window_alarm
from streamwatchd.plan.anomalies import lower_scores, rows_of
from streamwatchd.plan.builder import Builder, Draft, Stream, context_columns, key_columns, value_specs
from streamwatchd.plan.families import ROWS
from streamwatchd.plan.grids import with_grids
from streamwatchd.plan.identity import identity
from streamwatchd.plan.lifting import lift_equalities
from streamwatchd.plan.muting import add_states, asked, asked_first, settle_told
from streamwatchd.plan.readings import amend_ms_of, common_keys, join, lifted_keys, own_window, read_windows, step_ms_of
from streamwatchd.rules.ruleset import Alarm, Anomaly, Kpi, Rule, RuleSet


def build(rules: RuleSet, max_bytes: int = 1_048_576) -> LogicalPlan:
    """The plan of a rule set."""
    builder = Builder(rules)
    alarms = {rule.name: rule for rule in rules.rules if isinstance(rule, Alarm)}
    for stream in _streams_in_order(rules):
        if isinstance(stream, Kpi):
            _lower_kpi(builder, stream)
        else:
            alarms[stream.name] = _lower_anomaly(builder, stream)
    windowed: dict[object, list[Drafted]] = {}
    rows: dict[object, list[Drafted]] = {}
    told = asked(alarms.values())
    for rule in asked_first(alarms.values()):
        drafted, handle = (draft_row_alarm if rule.windowless else draft_window_alarm)(builder, rule)
        (rows if rule.windowless else windowed).setdefault(handle, []).append(drafted)
        if rule.name in told:
            add_states(builder, rule, drafted.home)
    for handle, group in windowed.items():
        place_window_alarm(builder, group, identity("alarm", handle))
    for handle, group in rows.items():
        place_row_alarm(builder, group, identity("rows", handle))
    settle_told(builder)
    return with_grids(builder.plan(max_bytes))


def _name(rule: Rule) -> str:
    """Plans go by names, so that moving rules about in files changes nothing."""
    return rule.name


def _streams_in_order(rules: RuleSet) -> list[Kpi | Anomaly]:
    """KPIs and anomaly rules before those that read them; the loader has refused circles."""
    waiting = {rule.name: rule for rule in sorted(rules.rules, key=_name) if isinstance(rule, Kpi | Anomaly)}
    done: list[Kpi | Anomaly] = []
    while waiting:
        ready = [rule for rule in waiting.values() if not any(name in waiting for name in rule.sources)]
        assert ready, "rules read each other in a circle"
        for rule in ready:
            done.append(waiting.pop(rule.name))
    return done


# KPIs


def _lower_kpi(builder: Builder, rule: Kpi, *, written: bool = True) -> None:
    home = builder.home(rule, common_keys(rule) if rule.top is None else (), moves=True)
    rest, lifted, constants = lift_equalities(rule.where) if not rule.session_ms else (rule.where, (), ())
    read = read_windows(builder, rule, home, rest, lifted_keys(lifted))
    for reading in read.readings:
        builder.families[reading.family].admit(constants)
    read.base.admit(constants)
    window = replace(own_window(rule), width_ms=read.base.width_ms)
    read.base.track_times |= rule.session_ms > 0
    read.base.need(window, (ROWS,), amend_ms_of(rule))
    meaning = identity("kpi", rule.name, read.base.id, constants, read.readings, window, rule.session_ms)
    shape = KpiSpec(
        id="",
        members=(),
        family=read.base.id,
        keys=key_columns(rule),
        lifted=len(lifted),
        every_ms=step_ms_of(rule),
        window=window,
        session_ms=rule.session_ms,
        readings=read.readings,
        values=value_specs(rule),
        when=rule.when,
        context=context_columns(rule),
        amend_ms=rule.amend_for_ms,
        days=rule.days,
    )
    if rule.top is not None:
        plain = {field.name: getattr(shape, field.name) for field in fields(KpiSpec)}
        shape = TopKpiSpec(**plain, most=rule.top.most, value=rule.top.value, until=rule.top.until)
    draft = builder.draft(home)
    spec = _among_its_like(draft, shape, KpiMember(rule.name, meaning, constants, rule.labels, written, rule.shadow))
    draft.roots[spec.id] = draft.roots[rule.name] = builder.roots(home, rule.sources)
    columns = {key.name: key.kind for key in spec.keys} | {v.name: v.expr.type.kind.value for v in spec.values}
    route = home.route if home.route is not None else builder.streams[rule.sources[0]].route
    names = tuple(key.name for key in spec.keys)
    builder.pace(home, spec.id, rule.sources)
    pace_ms = rule.session_ms if home.route is not None else draft.paces.get(spec.id, 0)
    if pace_ms:
        draft.paces[rule.name] = pace_ms
    builder.streams[rule.name] = Stream(rule.name, home.stage, route, home.source, columns, names, meaning, pace_ms)


def _among_its_like(draft: Draft, shape: KpiSpec, member: KpiMember) -> KpiSpec:
    """The node of all KPIs of a shape, with one more member; it stands where the first of them does.

    Sessions stay apart, as those that are open belong to one KPI, and KPIs that amend, as what they amend goes back to
    where their node began.
    """
    name = identity("kpis", shape, member.meaning if shape.session_ms or shape.amend_ms else "")
    before = draft.kpis.get(name)
    if before is None:
        draft.order.append(name)
    spec = draft.kpis[name] = replace(shape, id=name, members=(*(before.members if before else ()), member))
    return spec


# anomaly rules


def _lower_anomaly(builder: Builder, rule: Anomaly) -> Alarm:
    """Rows, where the rule makes its own, and their scores; gives the alarm on them."""
    if rule.windowed:
        rows = rows_of(rule)
        _lower_kpi(builder, rows, written=False)
        return lower_scores(builder, rule, rows.name)
    if len(rule.sources) == 1:
        return lower_scores(builder, rule, rule.sources[0])
    home = builder.home(rule, tuple(key.name for key in rule.by), moves=True)
    return lower_scores(builder, rule, join(builder, rule, home))
