"""Lowering of single rules: KPIs and alarms to the nodes that run them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from streamwatchd.lang.typed import (
    BOOL,
    NUMBER,
    Aggregate,
    Compare,
    Expr,
    Field,
    Kind,
    Literal,
    TableColumn,
    Type,
    conjunction,
    conjuncts,
)
from streamwatchd.operators.judging import SILENCE
from streamwatchd.operators.spec import (
    AlarmShape,
    ExpectSpec,
    JoinSpec,
    KeyColumn,
    KpiMember,
    KpiSpec,
    LevelSpec,
    LogicalPlan,
    Member,
    MuteSpec,
    Reading,
    RowAlarmSpec,
    TopKpiSpec,
    Window,
    WindowAlarmSpec,
)
from streamwatchd.plan.anomalies import lower_scores, rows_of
from streamwatchd.plan.baselines import baselines_of, learning_alarm
from streamwatchd.plan.builder import (
    Builder,
    Draft,
    Home,
    Stream,
    aggregates,
    aggregates_below,
    context_columns,
    expressions,
    key_columns,
    row_fields,
    value_specs,
    without_null_keys,
)
from streamwatchd.plan.families import ROWS, FamilyDraft, accumulations_of
from streamwatchd.plan.identity import identity
from streamwatchd.plan.lifting import lift_equalities, lift_numbers
from streamwatchd.plan.message import message_of
from streamwatchd.plan.muting import (
    add_states,
    asked,
    asked_first,
    flaps_of,
    lower_mute,
    reads,
    repeats_of,
    settle_told,
)
from streamwatchd.plan.sequences import Merged, merge, spec_of, travelling
from streamwatchd.plan.windows import finest_width, on_panes_of, window_of
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
    windowed: dict[object, list[_Drafted]] = {}
    rows: dict[object, list[_Drafted]] = {}
    told = asked(alarms.values())
    for rule in asked_first(alarms.values()):
        drafted, handle = (_draft_row_alarm if rule.windowless else _draft_window_alarm)(builder, rule)
        (rows if rule.windowless else windowed).setdefault(handle, []).append(drafted)
        if rule.name in told:
            add_states(builder, rule, drafted.home)
    for handle, group in windowed.items():
        _place_window_alarm(builder, group, identity("alarm", handle))
    for handle, group in rows.items():
        _place_row_alarm(builder, group, identity("rows", handle))
    settle_told(builder)
    return builder.plan(max_bytes)


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


# what rules read from windows


@dataclass(frozen=True, slots=True)
class _Readings:
    """What a rule reads: `base` is the family of its own keys."""

    base: FamilyDraft
    readings: tuple[Reading, ...]


def _common_keys(rule: Rule) -> tuple[str, ...]:
    """The names of `by` that every aggregate of the rule has."""
    names = [key.name for key in rule.by]
    for node in aggregates(rule):
        if node.by is not None:
            names = [name for name in names if name in node.by]
    return tuple(names)


def _read(builder: Builder, rule: Rule, home: Home, where: Expr | None, lifted: tuple[KeyColumn, ...]) -> _Readings:
    keys = key_columns(rule)
    home, stream = _stream_of(builder, rule, home)
    nodes = aggregates(rule)
    windows = _windows(rule, nodes)
    width = finest_width([*windows.values(), _own_window(rule)], rule.every_ms)
    readings = []
    for node in nodes:
        window = on_panes_of(windows[node], width, rule.every_ms)
        draft = _family_of(builder, rule, home, where, lifted, stream, node.by, width)
        draft.need(window, accumulations_of(node), _amend_ms(rule))
        project = None if node.by is None or lifted or len(node.by) == len(keys) else _projection(keys, node.by)
        if node.by is not None and (lifted or len(node.by) != len(keys)):
            project = tuple(range(len(lifted))) + tuple(len(lifted) + i for i in _projection(keys, node.by))
            project = None if len(project) == len(lifted) + len(keys) else project
        readings.append(Reading(node, draft.id, node.function, accumulations_of(node), window, project))
    base = _family_of(builder, rule, home, where, lifted, stream, None, width)
    base.max_keys = max(base.max_keys, rule.max_keys)
    return _Readings(base, tuple(readings))


def _amend_ms(rule: Rule) -> int:
    """How long after its end a window may be judged again: up to the second judgement after."""
    return rule.amend_for_ms + 2 * rule.every_ms if rule.amend else 0


def _windows(rule: Rule, nodes: tuple[Aggregate, ...]) -> dict[Aggregate, Window]:
    if isinstance(rule, Kpi) and rule.session_ms:
        return dict.fromkeys(nodes, _own_window(rule))
    coarse = isinstance(rule, Alarm)
    default = rule.over_ms or rule.every_ms if isinstance(rule, Kpi) else rule.every_ms
    return {n: window_of(n.over_ms or default, rule.every_ms, n.ago_ms, coarse=coarse) for n in nodes}


def _own_window(rule: Rule) -> Window:
    """A KPI's window, or the one over which an alarm knows silence (without `no_data`, new keys)."""
    match rule:
        case Kpi() if rule.session_ms:
            return Window(0, rule.session_ms, 0, rule.session_ms)
        case Kpi():
            return window_of(rule.over_ms or rule.every_ms, rule.every_ms, 0, coarse=False)
        case _:
            assert isinstance(rule, Alarm)
            return window_of(rule.no_data.after_ms or rule.every_ms, rule.every_ms, 0, coarse=False)


def _projection(keys: tuple[KeyColumn, ...], kept: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(i for i, key in enumerate(keys) if key.name in kept)


def _family_of(
    builder: Builder,
    rule: Rule,
    home: Home,
    where: Expr | None,
    lifted: tuple[KeyColumn, ...],
    stream: str,
    by: tuple[str, ...] | None,
    width_ms: int,
) -> FamilyDraft:
    session = isinstance(rule, Kpi) and rule.session_ms > 0
    keys = key_columns(rule)
    if by is not None and len(by) < len(keys):
        where = without_null_keys(where, keys, by)
        keys = tuple(key for key in keys if key.name in by)
    return builder.family(home, stream, (*lifted, *keys), where, len(lifted), session=session, width_ms=width_ms)


def _stream_of(builder: Builder, rule: Rule, home: Home) -> tuple[Home, str]:
    """The stream that the windows of a rule read, and how it gets there: a join is made where the rule runs."""
    if len(rule.sources) == 1:
        return home, rule.sources[0]
    return replace(home, route=None), _join(builder, rule, home)


def _lifted_keys(lifted: tuple[Expr, ...]) -> tuple[KeyColumn, ...]:
    """Key columns of what equality filters compare; no field has such a name."""
    return tuple(KeyColumn(f"where {i}", expr, "string") for i, expr in enumerate(lifted))


# KPIs


def _lower_kpi(builder: Builder, rule: Kpi, *, written: bool = True) -> None:
    home = builder.home(rule, _common_keys(rule) if rule.top is None else (), moves=True)
    rest, lifted, constants = lift_equalities(rule.where) if not rule.session_ms else (rule.where, (), ())
    read = _read(builder, rule, home, rest, _lifted_keys(lifted))
    for reading in read.readings:
        builder.families[reading.family].admit(constants)
    read.base.admit(constants)
    window = replace(_own_window(rule), width_ms=read.base.width_ms)
    read.base.track_times |= rule.session_ms > 0
    read.base.need(window, (ROWS,), _amend_ms(rule))
    meaning = identity("kpi", rule.name, read.base.id, constants, read.readings, window, rule.session_ms)
    shape = KpiSpec(
        id="",
        members=(),
        family=read.base.id,
        keys=key_columns(rule),
        lifted=len(lifted),
        every_ms=rule.every_ms,
        window=window,
        session_ms=rule.session_ms,
        readings=read.readings,
        values=value_specs(rule),
        when=rule.when,
        context=context_columns(rule),
        amend_ms=rule.amend_for_ms,
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
    builder.delay(home, spec.id, rule.sources)
    delay = rule.session_ms if home.route is not None else 0
    delay += draft.delays.get(spec.id, 0)
    if delay:
        draft.delays[rule.name] = delay
    builder.streams[rule.name] = Stream(rule.name, home.stage, route, home.source, columns, names, meaning, delay)


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
    return lower_scores(builder, rule, _join(builder, rule, home))


# alarms

_NEVER_MS = 2**60


def _forget_ms(rule: Alarm) -> int:
    """The single key of a rule without `by` is never forgotten."""
    return max(rule.forget_ms, 86_400_000) if rule.by else _NEVER_MS


@dataclass(frozen=True, slots=True)
class _Drafted:
    """An alarm before it joins its family: the same shape as others of its group but for the constants."""

    rule: Alarm
    home: Home
    plain: AlarmShape
    params: tuple[float, ...]
    lifted_shape: AlarmShape
    constants: tuple[str, ...]
    lifted: tuple[Expr, ...]
    where: Expr | None
    read: _Readings | None
    stream: str
    mute: MuteSpec | None = None
    merged: Merged | None = None


def _shape(rule: Alarm, whens: tuple[Expr, ...]) -> AlarmShape:
    levels = tuple(
        LevelSpec(level.severity, when, level.for_ms, level.until, level.until_for_ms)
        for level, when in zip(rule.levels, whens, strict=True)
    )
    return AlarmShape(key_columns(rule), value_specs(rule), levels, context_columns(rule))


def _lifted(shape: AlarmShape) -> tuple[AlarmShape, tuple[float, ...]]:
    params: list[float] = []
    values = tuple(replace(value, expr=lift_numbers(value.expr, params)) for value in shape.values)
    levels = tuple(
        replace(
            level,
            when=lift_numbers(level.when, params),
            until=None if level.until is None else lift_numbers(level.until, params),
        )
        for level in shape.levels
    )
    return replace(shape, values=values, levels=levels), tuple(params)


def _member(drafted: _Drafted, group: str, params: tuple[float, ...]) -> Member:
    rule = drafted.rule
    return Member(
        name=rule.name,
        digest=rule.digest,
        meaning=identity("meaning", group, drafted.params, drafted.constants),
        params=params,
        constants=drafted.constants,
        severities=tuple(level.severity for level in rule.levels),
        labels=rule.labels,
        message=message_of(rule),
        runbook=rule.runbook,
        limit_per_minute=rule.limit_per_minute,
        max_active=rule.max_active,
        shadow=rule.shadow,
    )


def _settled(group: list[_Drafted], name: str) -> tuple[AlarmShape, tuple[Member, ...]]:
    """Alone, a rule keeps its constants in place; in a family they are parameters."""
    if len(group) == 1:
        return group[0].plain, (_member(group[0], name, ()),)
    return group[0].lifted_shape, tuple(_member(drafted, name, drafted.params) for drafted in group)


def _draft_window_alarm(builder: Builder, rule: Alarm) -> tuple[_Drafted, object]:
    home = builder.home(rule, _common_keys(rule), moves=True)
    rest, lifted, constants = lift_equalities(rule.where) if rule.expect is None else (rule.where, (), ())
    read = _read(builder, rule, home, rest, _lifted_keys(lifted))
    read.base.forgets.add((_forget_ms(rule), rule.every_ms))
    read.base.need(Window(rule.every_ms, rule.every_ms, 0, read.base.width_ms), (ROWS,))
    for reading in read.readings:
        builder.families[reading.family].admit(constants)
    read.base.admit(constants)
    plain = _shape(rule, tuple(level.when for level in rule.levels))
    shape, params = _lifted(plain)
    mute = lower_mute(builder, rule, home)
    drafted = _Drafted(rule, home, plain, params, shape, constants, lifted, rest, read, "", mute)
    handle = (
        read.base.id, shape, read.readings, rule.every_ms, rule.partial, rule.min_history_ms, rule.forget_ms,
        rule.no_data, rule.sources, home, rule.amend_for_ms,
        rule.name if rule.amend else "", *((rule.expect, mute) if rule.expect is not None or mute is not None else ()),
    )  # fmt: skip
    learning = baselines_of(rule, read.base.id)
    more = (*((learning,) if learning else ()), *((rule.clock,) if rule.clock is not None else ()))
    return drafted, (*handle, *more) if more else handle


def _place_window_alarm(builder: Builder, group: list[_Drafted], name: str) -> None:
    first = group[0]
    rule, read, home = first.rule, first.read, first.home
    assert read is not None
    shape, members = _settled(group, name)
    silence = _silence(builder, rule, read)
    spec = WindowAlarmSpec(
        id=name,
        shape=shape,
        members=members,
        family=read.base.id,
        lifted=len(first.lifted),
        every_ms=rule.every_ms,
        readings=read.readings,
        warming=tuple(_warming(level.when, level.until, rule, read) for level in rule.levels),
        partial=rule.partial,
        min_history_ms=rule.min_history_ms,
        forget_ms=_forget_ms(rule),
        silence=silence,
        silence_action=rule.no_data.action,
        amend_ms=rule.amend_for_ms,
        expect=_expected(builder, rule, home),
        mute=first.mute,
        repeats=repeats_of([each.rule for each in group]),
        flaps=flaps_of([each.rule for each in group]),
        clock=rule.clock,
    )
    spec = learning_alarm(spec, rule)
    draft = builder.draft(home)
    draft.windows.append(spec)
    draft.order.append(spec.id)
    draft.roots[spec.id] = builder.roots(home, reads(rule))
    builder.delay(home, spec.id, rule.sources)


def _expected(builder: Builder, rule: Alarm, home: Home) -> ExpectSpec | None:
    if rule.expect is None:
        return None
    builder.begins.update(rule.sources)
    (key,) = key_columns(rule)
    return ExpectSpec(rule.expect.table, key, rule.expect.where, () if not home.route else (0,))


def _silence(builder: Builder, rule: Alarm, read: _Readings) -> Reading | None:
    if rule.no_data.action == "keep":
        return None
    window = replace(_own_window(rule), width_ms=read.base.width_ms)
    read.base.need(window, (ROWS,))
    node = Aggregate("count", None, None, rule.no_data.after_ms, 0, None, NUMBER, quantile=SILENCE)
    return Reading(node, read.base.id, "count", (ROWS,), window, None)


def _warming(
    when: Expr, until: Expr | None, rule: Alarm, read: _Readings
) -> tuple[tuple[Window, ...], tuple[Window, ...]]:
    """The windows that the raise and the clear condition read."""
    by_node = {reading.aggregate: reading.window for reading in read.readings}
    sides = []
    for expr in (when, until):
        nodes = aggregates_below(expr, rule) if expr is not None else frozenset()
        sides.append(tuple(sorted({by_node[node] for node in nodes}, key=repr)))
    return sides[0], sides[1]


def _draft_row_alarm(builder: Builder, rule: Alarm) -> tuple[_Drafted, object]:
    occurrence = _has_occurrences(rule)
    keys = tuple(key.name for key in rule.by)
    home = builder.home(rule, keys, moves=not occurrence)
    if rule.sequence is not None and rule.sequence.of:
        return _draft_merged(builder, rule, home)
    stream = rule.sources[0] if len(rule.sources) == 1 else _join(builder, rule, home)
    where, lifted, constants = lift_equalities(rule.where) if rule.sequence is None else (rule.where, (), ())
    whens = tuple(level.when for level in rule.levels)
    if rule.sequence is None and len(whens) == 1 and rule.levels[0].until is None and stream == rule.sources[0]:
        whens, lifted, constants = _lift_when(rule, whens[0], lifted, constants)
    plain = _shape(rule, whens)
    shape, params = _lifted(plain)
    if len(rule.sources) == 1 and home.route is not None:
        stream = _feed_rows(builder, rule, home, stream, travelling(rule, where), lifted)
    mute = lower_mute(builder, rule, home)
    drafted = _Drafted(rule, home, plain, params, shape, constants, lifted, where, None, stream, mute)
    handle = (
        stream, builder.streams[rule.sources[0]].meaning, shape, lifted, where, rule.forget_ms, rule.in_order, home,
        rule.every_ms, rule.no_data, *(() if rule.sequence is None else (rule.name, rule.sequence)),
        *(() if mute is None else (mute,)),
    )  # fmt: skip
    return drafted, handle


def _draft_merged(builder: Builder, rule: Alarm, home: Home) -> tuple[_Drafted, object]:
    """A sequence over several sources, which stands alone."""
    merged = merge(builder, rule, home)
    shape = replace(_shape(rule, tuple(level.when for level in rule.levels)), keys=merged.keys)
    mute = lower_mute(builder, rule, home)
    drafted = _Drafted(rule, home, shape, (), shape, (), (), None, None, merged.streams[0], mute, merged=merged)
    return drafted, (merged, rule.name, shape, rule.forget_ms, home)


def _has_occurrences(rule: Alarm) -> bool:
    """Without `by`, each row is on its own, unless the rule is about one state."""
    return not rule.by and not rule.is_state


def _lift_when(
    rule: Alarm, when: Expr, lifted: tuple[Expr, ...], constants: tuple[str, ...]
) -> tuple[tuple[Expr, ...], tuple[Expr, ...], tuple[str, ...]]:
    """An equality in the condition chooses rows too, where a row that differs can neither raise nor clear."""
    keyed = {key.expr for key in rule.by}
    taken: list[tuple[Expr, str]] = []
    rest: list[Expr] = []
    for part in conjuncts(when):
        match part:
            case Compare("==", (Field() | TableColumn()) as left, Literal(str() as constant)) if (
                (not rule.by or left in keyed) and left not in lifted and left not in dict(taken)
            ):
                taken.append((left, constant))
            case _:
                rest.append(part)
    remaining = conjunction(tuple(rest)) or Literal(True, BOOL)
    pairs = sorted([*zip(lifted, constants, strict=True), *taken], key=lambda pair: repr(pair[0]))
    return (remaining,), tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)


def _feed_rows(
    builder: Builder, rule: Alarm, home: Home, stream: str, where: Expr | None, lifted: tuple[Expr, ...]
) -> str:
    key_exprs = tuple(key.expr for key in rule.by)
    fields = row_fields((*expressions(rule), *rule.context, *key_exprs, *lifted, where))
    columns = tuple(KeyColumn(f.name, f, f.type.kind.value) for f in fields)
    keys = tuple(KeyColumn(f"route {i}", key.expr, key.expr.type.kind.value) for i, key in enumerate(rule.by))
    return builder.feed(home, stream, where, (*columns, *keys), tuple(key.name for key in keys))


def _join(builder: Builder, rule: Rule, home: Home) -> str:
    """KPI streams joined on the rule's keys, here or behind the exchange."""
    inputs = []
    for name in rule.sources:
        stream = builder.streams[name]
        if home.route is None:
            inputs.append((name, name))
            continue
        carried = tuple(KeyColumn(c, Field(c, Type(Kind(kind))), kind) for c, kind in stream.columns.items())
        inputs.append((builder.feed(home, name, None, carried, home.route), name))
    keys = tuple(KeyColumn(key.name, key.expr, key.expr.type.kind.value) for key in rule.by)
    columns = tuple((n, c, kind) for n in rule.sources for c, kind in builder.streams[n].columns.items())
    meanings = tuple(builder.streams[name].meaning for name in rule.sources)
    name = identity("joined", tuple(inputs), meanings, keys)
    draft = builder.draft(home)
    if name not in draft.roots:
        draft.joins.append(JoinSpec(name, name, tuple(inputs), keys, columns))
        draft.order.append(name)
        draft.roots[name] = builder.roots(home, rule.sources)
        builder.delay(home, name, rule.sources)
        names = tuple(key.name for key in keys)
        builder.streams[name] = Stream(
            name, home.stage, home.route, home.source, {}, names, delay_ms=draft.delays.get(name, 0)
        )
    return name


def _place_row_alarm(builder: Builder, group: list[_Drafted], name: str) -> None:
    first = group[0]
    rule, home = first.rule, first.home
    shape, members = _settled(group, name)
    is_source = first.stream in builder.rules.sources
    holds = any(level.for_ms or level.until_for_ms for level in rule.levels)
    ordered = not is_source or rule.in_order or (holds and bool(rule.by))
    fields: tuple[Expr, ...] = row_fields((*expressions(rule), rule.where, *(key.expr for key in rule.by)))
    merged = first.merged
    spec = RowAlarmSpec(
        id=name,
        stream=first.stream,
        shape=shape,
        members=members,
        where=first.where,
        lifted=first.lifted,
        max_keys=max(drafted.rule.max_keys for drafted in group),
        occurrence=_has_occurrences(rule),
        ordered=ordered,
        tie_breakers=fields if merged is None else merged.tie_breakers,
        every_ms=rule.every_ms or 1,
        forget_ms=_forget_ms(rule),
        silence_ms=0 if rule.no_data.action == "keep" else rule.no_data.after_ms,
        silence_action=rule.no_data.action,
        sequence=spec_of(rule) if merged is None else merged.sequence,
        mute=first.mute,
        repeats=repeats_of([each.rule for each in group]),
        flaps=flaps_of([each.rule for each in group]),
    )
    draft = builder.draft(home)
    draft.rows.append(spec)
    draft.order.append(spec.id)
    draft.roots[spec.id] = builder.roots(home, reads(rule))
