"""Lowering of alarms: those of one shape share a node."""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamwatchd.lang.typed import (
    BOOL,
    NUMBER,
    Aggregate,
    Compare,
    Expr,
    Field,
    Literal,
    TableColumn,
    conjunction,
    conjuncts,
)
from streamwatchd.operators.judging import SILENCE
from streamwatchd.operators.spec import (
    AlarmShape,
    ExpectSpec,
    KeyColumn,
    LevelSpec,
    Member,
    MuteSpec,
    PauseSpec,
    Reading,
    RowAlarmSpec,
    Window,
    WindowAlarmSpec,
)
from streamwatchd.plan.baselines import baselines_of, learning_alarm
from streamwatchd.plan.builder import (
    Builder,
    Home,
    aggregates_below,
    context_columns,
    expressions,
    key_columns,
    row_fields,
    value_specs,
)
from streamwatchd.plan.families import ROWS
from streamwatchd.plan.identity import identity
from streamwatchd.plan.lifting import lift_equalities, lift_numbers
from streamwatchd.plan.message import message_of
from streamwatchd.plan.muting import flaps_of, lower_mute, lower_pause, reads, repeats_of
from streamwatchd.plan.readings import Readings, common_keys, join, lifted_keys, own_window, read_windows
from streamwatchd.plan.sequences import Merged, merge, spec_of, travelling
from streamwatchd.rules.ruleset import Alarm

_NEVER_MS = 2**60


def _forget_ms(rule: Alarm) -> int:
    """The single key of a rule without `by` is never forgotten."""
    return max(rule.forget_ms, 86_400_000) if rule.by else _NEVER_MS


@dataclass(frozen=True, slots=True)
class Drafted:
    """An alarm before it joins its family: the same shape as others of its group but for the constants."""

    rule: Alarm
    home: Home
    plain: AlarmShape
    params: tuple[float, ...]
    lifted_shape: AlarmShape
    constants: tuple[str, ...]
    lifted: tuple[Expr, ...]
    where: Expr | None
    read: Readings | None
    stream: str
    mute: MuteSpec | None = None
    pause: PauseSpec | None = None
    merged: Merged | None = None
    nameless: object = None
    """The handle without the name of the rule, of one that stands alone by it."""


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


def _member(drafted: Drafted, group: str, params: tuple[float, ...]) -> Member:
    rule = drafted.rule
    return Member(
        name=rule.name,
        digest=rule.digest,
        meaning=identity("meaning", drafted.nameless or group, drafted.params, drafted.constants),
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


def _settled(group: list[Drafted], name: str) -> tuple[AlarmShape, tuple[Member, ...]]:
    """Alone, a rule keeps its constants in place; in a family they are parameters."""
    if len(group) == 1:
        return group[0].plain, (_member(group[0], name, ()),)
    return group[0].lifted_shape, tuple(_member(drafted, name, drafted.params) for drafted in group)


def draft_window_alarm(builder: Builder, rule: Alarm) -> tuple[Drafted, object]:
    home = builder.home(rule, common_keys(rule), moves=True)
    rest, lifted, constants = lift_equalities(rule.where) if rule.expect is None else (rule.where, (), ())
    read = read_windows(builder, rule, home, rest, lifted_keys(lifted))
    read.base.forgets.add((_forget_ms(rule), rule.every_ms))
    read.base.need(Window(rule.every_ms, rule.every_ms, 0, read.base.width_ms), (ROWS,))
    for reading in read.readings:
        builder.families[reading.family].admit(constants)
    read.base.admit(constants)
    plain = _shape(rule, tuple(level.when for level in rule.levels))
    shape, params = _lifted(plain)
    mute, pause = lower_mute(builder, rule, home), lower_pause(builder, rule)
    drafted = Drafted(rule, home, plain, params, shape, constants, lifted, rest, read, "", mute, pause)
    what = (
        read.base.id, shape, read.readings, rule.every_ms, rule.partial, rule.min_history_ms, rule.forget_ms,
        rule.no_data, rule.sources, home, rule.amend_for_ms,
    )  # fmt: skip
    learning = baselines_of(rule, read.base.id)
    more = (
        *((rule.expect, mute) if rule.expect is not None or mute is not None else ()),
        *((learning,) if learning else ()),
        *(each for each in (rule.clock, pause) if each is not None),
    )
    if rule.amend:
        return replace(drafted, nameless=(*what, *more)), (*what, rule.name, *more)
    return drafted, (*what, "", *more)


def place_window_alarm(builder: Builder, group: list[Drafted], name: str) -> None:
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
        pause=first.pause,
    )
    spec = learning_alarm(spec, rule)
    draft = builder.draft(home)
    draft.windows.append(spec)
    draft.order.append(spec.id)
    draft.roots[spec.id] = builder.roots(home, reads(rule))
    builder.pace(home, spec.id, rule.sources)


def _expected(builder: Builder, rule: Alarm, home: Home) -> ExpectSpec | None:
    if rule.expect is None:
        return None
    builder.begins.update(rule.sources)
    (key,) = key_columns(rule)
    return ExpectSpec(rule.expect.table, key, rule.expect.where, () if not home.route else (0,))


def _silence(builder: Builder, rule: Alarm, read: Readings) -> Reading | None:
    if rule.no_data.action == "keep":
        return None
    window = replace(own_window(rule), width_ms=read.base.width_ms)
    read.base.need(window, (ROWS,))
    node = Aggregate("count", None, None, rule.no_data.after_ms, 0, None, NUMBER, quantile=SILENCE)
    return Reading(node, read.base.id, "count", (ROWS,), window, None)


def _warming(
    when: Expr, until: Expr | None, rule: Alarm, read: Readings
) -> tuple[tuple[Window, ...], tuple[Window, ...]]:
    """The windows that the raise and the clear condition read."""
    by_node = {reading.aggregate: reading.window for reading in read.readings}
    sides = []
    for expr in (when, until):
        nodes = aggregates_below(expr, rule) if expr is not None else frozenset()
        sides.append(tuple(sorted({by_node[node] for node in nodes}, key=repr)))
    return sides[0], sides[1]


def draft_row_alarm(builder: Builder, rule: Alarm) -> tuple[Drafted, object]:
    occurrence = _has_occurrences(rule)
    keys = tuple(key.name for key in rule.by)
    home = builder.home(rule, keys, moves=not occurrence)
    if rule.sequence is not None and rule.sequence.of:
        # rows of a source and of KPIs over it may lie together, but come one after the other
        return _draft_merged(builder, rule, home if home.route is not None else Home(home.stage + 1, keys, ""))
    stream = rule.sources[0] if len(rule.sources) == 1 else join(builder, rule, home)
    where, lifted, constants = lift_equalities(rule.where) if rule.sequence is None else (rule.where, (), ())
    whens = tuple(level.when for level in rule.levels)
    if rule.sequence is None and len(whens) == 1 and rule.levels[0].until is None and stream == rule.sources[0]:
        whens, lifted, constants = _lift_when(rule, whens[0], lifted, constants)
    plain = _shape(rule, whens)
    shape, params = _lifted(plain)
    if len(rule.sources) == 1 and home.route is not None:
        stream = _feed_rows(builder, rule, home, stream, travelling(rule, where), lifted)
    mute, pause = lower_mute(builder, rule, home), lower_pause(builder, rule)
    drafted = Drafted(rule, home, plain, params, shape, constants, lifted, where, None, stream, mute, pause)
    what = (
        stream, builder.streams[rule.sources[0]].meaning, shape, lifted, where, rule.forget_ms, rule.in_order, home,
        rule.every_ms, rule.no_data,
    )  # fmt: skip
    more = tuple(each for each in (mute, pause) if each is not None)
    if rule.sequence is not None:
        return replace(drafted, nameless=(*what, rule.sequence, *more)), (*what, rule.name, rule.sequence, *more)
    return drafted, (*what, *more)


def _draft_merged(builder: Builder, rule: Alarm, home: Home) -> tuple[Drafted, object]:
    """A sequence over several sources, which stands alone."""
    merged = merge(builder, rule, home)
    shape = replace(_shape(rule, tuple(level.when for level in rule.levels)), keys=merged.keys)
    mute, pause = lower_mute(builder, rule, home), lower_pause(builder, rule)
    drafted = Drafted(rule, home, shape, (), shape, (), (), None, None, merged.streams[0], mute, pause, merged)
    drafted = replace(drafted, nameless=(merged, shape, rule.forget_ms, home))
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


def place_row_alarm(builder: Builder, group: list[Drafted], name: str) -> None:
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
        pause=first.pause,
    )
    draft = builder.draft(home)
    draft.rows.append(spec)
    draft.order.append(spec.id)
    draft.roots[spec.id] = builder.roots(home, reads(rule))
    builder.pace(home, spec.id, rule.sources)
