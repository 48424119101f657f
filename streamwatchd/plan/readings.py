"""What rules read from windows: the families and panes that serve them, and joins of several streams."""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamwatchd.lang.typed import Aggregate, Expr, Field, Kind, Type
from streamwatchd.operators.spec import JoinSpec, KeyColumn, Reading, Window
from streamwatchd.plan.builder import Builder, Home, Stream, aggregates, key_columns, without_null_keys
from streamwatchd.plan.families import FamilyDraft, accumulations_of
from streamwatchd.plan.identity import identity
from streamwatchd.plan.windows import day_window_of, finest_width, on_panes_of, window_of
from streamwatchd.rules.ruleset import Alarm, Kpi, Rule


@dataclass(frozen=True, slots=True)
class Readings:
    """What a rule reads: `base` is the family of its own keys."""

    base: FamilyDraft
    readings: tuple[Reading, ...]


def common_keys(rule: Rule) -> tuple[str, ...]:
    """The names of `by` that every aggregate of the rule has."""
    names = [key.name for key in rule.by]
    for node in aggregates(rule):
        if node.by is not None:
            names = [name for name in names if name in node.by]
    return tuple(names)


def read_windows(
    builder: Builder, rule: Rule, home: Home, where: Expr | None, lifted: tuple[KeyColumn, ...]
) -> Readings:
    keys = key_columns(rule)
    home, stream = _stream_of(builder, rule, home)
    nodes = aggregates(rule)
    windows = _windows(rule, nodes)
    width = finest_width([*windows.values(), own_window(rule)], step_ms_of(rule))
    readings = []
    for node in nodes:
        window = on_panes_of(windows[node], width, rule.every_ms)
        draft = _family_of(builder, rule, home, where, lifted, stream, node.by, width)
        draft.need(window, accumulations_of(node), amend_ms_of(rule))
        project = None if node.by is None or lifted or len(node.by) == len(keys) else _projection(keys, node.by)
        if node.by is not None and (lifted or len(node.by) != len(keys)):
            project = tuple(range(len(lifted))) + tuple(len(lifted) + i for i in _projection(keys, node.by))
            project = None if len(project) == len(lifted) + len(keys) else project
        readings.append(Reading(node, draft.id, node.function, accumulations_of(node), window, project))
    base = _family_of(builder, rule, home, where, lifted, stream, None, width)
    base.max_keys = max(base.max_keys, rule.max_keys)
    return Readings(base, tuple(readings))


def amend_ms_of(rule: Rule) -> int:
    """How long after its end a window may be judged again: up to the second judgement after."""
    return rule.amend_for_ms + 2 * rule.every_ms if rule.amend else 0


def _windows(rule: Rule, nodes: tuple[Aggregate, ...]) -> dict[Aggregate, Window]:
    if isinstance(rule, Kpi) and rule.session_ms:
        return dict.fromkeys(nodes, own_window(rule))
    if isinstance(rule, Kpi):
        default = rule.over_ms or rule.every_ms
        return {node: _kpi_window(rule, node.over_ms or default, node.ago_ms) for node in nodes}
    coarse = isinstance(rule, Alarm)
    return {n: window_of(n.over_ms or rule.every_ms, rule.every_ms, n.ago_ms, coarse=coarse) for n in nodes}


def step_ms_of(rule: Rule) -> int:
    """The instants at which a rule is judged are multiples of this."""
    return rule.days.grid_ms if isinstance(rule, Kpi) and rule.days is not None else rule.every_ms


def _kpi_window(rule: Kpi, size_ms: int, ago_ms: int) -> Window:
    if rule.days is None:
        return window_of(size_ms, rule.every_ms, ago_ms, coarse=False)
    return day_window_of(size_ms, rule.every_ms, ago_ms, rule.zone)


def own_window(rule: Rule) -> Window:
    """A KPI's window, or the one over which an alarm knows silence (without `no_data`, new keys)."""
    match rule:
        case Kpi() if rule.session_ms:
            return Window(0, rule.session_ms, 0, rule.session_ms)
        case Kpi():
            return _kpi_window(rule, rule.over_ms or rule.every_ms, 0)
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
    return replace(home, route=None), join(builder, rule, home)


def lifted_keys(lifted: tuple[Expr, ...]) -> tuple[KeyColumn, ...]:
    """Key columns of what equality filters compare; no field has such a name."""
    return tuple(KeyColumn(f"where {i}", expr, "string") for i, expr in enumerate(lifted))


def join(builder: Builder, rule: Rule, home: Home) -> str:
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
        builder.pace(home, name, rule.sources)
        names = tuple(key.name for key in keys)
        builder.streams[name] = Stream(
            name, home.stage, home.route, home.source, {}, names, pace_ms=draft.paces.get(name, 0)
        )
    return name
