"""RuleSet → LogicalPlan: where each rule runs, what it reads there, and what crosses the exchange to get it there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from streamwatchd.lang.typed import (
    STRING,
    Aggregate,
    Expr,
    Field,
    Firing,
    IsNull,
    Kind,
    Not,
    TableColumn,
    Type,
    Value,
    conjunction,
    walk,
)
from streamwatchd.operators.firing import FIRES, column_of, stream_of
from streamwatchd.operators.spec import (
    FamilySpec,
    JoinSpec,
    KeyColumn,
    KpiSpec,
    RowAlarmSpec,
    RowFeedSpec,
    ScoreSpec,
    ValueSpec,
    WindowAlarmSpec,
)
from streamwatchd.operators.stage_spec import LogicalPlan, SourceSpec, StageSpec
from streamwatchd.plan.families import FamilyDraft
from streamwatchd.plan.identity import identity
from streamwatchd.rules.ruleset import SHADOW_OF, Alarm, Anomaly, Kpi, Rule, RuleSet, Source
from streamwatchd.rules.streams import joined_tables


@dataclass(frozen=True, slots=True)
class Stream:
    """Rows that rules read. `route` are the key names by which they lie in tasks, None where nothing is known.

    `source` is the source whose tasks carry a stage-1 stream; `columns` maps a KPI's columns to their kinds;
    `meaning` is the KPI's id. Rows of sessions behind the exchange come at multiples of `pace_ms`.
    """

    name: str
    stage: int
    route: tuple[str, ...] | None
    source: str
    columns: Mapping[str, str]
    keys: tuple[str, ...]
    meaning: str = ""
    pace_ms: int = 0


@dataclass(frozen=True, slots=True)
class Home:
    """Where a rule runs: its stage, and the route by which what it reads gets there (None: it is there already)."""

    stage: int
    route: tuple[str, ...] | None
    source: str


@dataclass(slots=True)
class Draft:
    """One stage (and, at stage 1, one source) while it is built."""

    kpis: dict[str, KpiSpec] = field(default_factory=dict)
    windows: list[WindowAlarmSpec] = field(default_factory=list)
    rows: list[RowAlarmSpec] = field(default_factory=list)
    joins: list[JoinSpec] = field(default_factory=list)
    scores: list[ScoreSpec] = field(default_factory=list)
    families: list[FamilySpec] = field(default_factory=list)
    sends: list[FamilySpec] = field(default_factory=list)
    feeds: dict[str, RowFeedSpec] = field(default_factory=dict)
    targets: dict[str, int] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    roots: dict[str, frozenset[str]] = field(default_factory=dict)
    paces: dict[str, int] = field(default_factory=dict)


_INTEGRAL = ("count", "distinct", "changes")


class Builder:
    """Holds what the rules of one set share while they are lowered one by one, KPIs before their readers."""

    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules
        self.streams: dict[str, Stream] = {name: _source_stream(source) for name, source in rules.sources.items()}
        self.drafts: dict[tuple[int, str], Draft] = {(1, name): Draft() for name in rules.sources}
        self.families: dict[str, FamilyDraft] = {}
        self.begins: set[str] = set()
        """The sources of which later stages want to know where time began."""
        self.told: set[tuple[int, str, str]] = set()
        """Stage, source and name of the alarms of which others want to know."""

    # where

    def home(self, rule: Rule, keys: tuple[str, ...], *, moves: bool) -> Home:
        """`keys` are what everything that the rule reads has in common; `moves` if it may cross the exchange.

        A rule that expects keys does: nobody knows the partition of one that was never heard of.
        """
        inputs = [self.streams[name] for name in rule.sources]
        waits = [self.streams[stream_of(leaf.rule)].stage for leaf in firings(rule)]
        if waits:
            return Home(max(waits + [stream.stage for stream in inputs]) + 1, keys, "")
        first = inputs[0]
        together = all((s.stage, s.route, s.source) == (first.stage, first.route, first.source) for s in inputs)
        alike = together and (len(inputs) == 1 or first.route is not None)
        expects = isinstance(rule, Alarm) and rule.expect is not None
        if alike and not expects and (not moves or (first.route is not None and self._holds(rule, first, keys))):
            return Home(first.stage, None, first.source)
        return Home(max(stream.stage for stream in inputs) + 1, keys, "")

    @staticmethod
    def _holds(rule: Rule, stream: Stream, keys: tuple[str, ...]) -> bool:
        """Whether rows of one key lie in one task: the route is among the keys and means the same field."""
        assert stream.route is not None
        named = {key.name: key.expr for key in rule.by}
        return all(
            name in keys and isinstance(named[name], Field) and named[name].name == name  # type: ignore[union-attr]
            for name in stream.route
        )

    def draft(self, home: Home) -> Draft:
        return self.drafts.setdefault((home.stage, home.source if home.stage == 1 else ""), Draft())

    def roots(self, home: Home, streams: Iterable[str]) -> frozenset[str]:
        """The inputs of the home's tasks that these streams wait for."""
        found: set[str] = set()
        for name in streams:
            known = self.draft(home).roots.get(name)
            found |= known if known is not None else {name}
        return frozenset(found)

    def pace(self, home: Home, node: str, streams: Iterable[str]) -> None:
        """Let a node go on as its inputs do; of several none has a pace of its own, as sessions can't be joined."""
        here = [self.streams[name] for name in streams]
        pace_ms = max((s.pace_ms for s in here if s.stage == home.stage), default=0)
        if pace_ms:
            self.draft(home).paces[node] = pace_ms

    # what crosses

    def family(
        self,
        home: Home,
        stream: str,
        keys: tuple[KeyColumn, ...],
        where: Expr | None,
        lifted: int,
        *,
        session: bool,
        width_ms: int,
    ) -> FamilyDraft:
        """The shared draft for these keys and this filter at this home, on panes of this width."""
        route = None
        if home.route is not None:
            names = [key.name for key in keys]
            route = tuple(names.index(name, lifted) for name in home.route)
        meaning = self.streams[stream].meaning
        draft = FamilyDraft(stream, keys, where, lifted, home.stage, route, session, meaning, width_ms)
        return self.families.setdefault(draft.id, draft)

    def states(self, home: Home, leaf: Firing, step_ms: int) -> str:
        """Let the states of another alarm travel to all tasks of a home; the name under which they arrive."""
        name = stream_of(leaf.rule)
        origin = self.streams[name]
        self.told.add((origin.stage, origin.source if origin.stage == 1 else "", leaf.rule))
        kinds = {FIRES: "bool"} | {column_of(key): origin.columns[key] for key in leaf.keys}
        columns = tuple(KeyColumn(column, Field(column, Type(Kind(kind))), kind) for column, kind in kinds.items())
        feed = self.feed(home, name, None, columns, ())
        sender = self._sender(origin)
        known = sender.feeds[feed]
        step_ms = math.gcd(step_ms, known.step_ms) if known.everywhere else step_ms
        sender.feeds[feed] = replace(known, everywhere=True, step_ms=step_ms)
        return feed

    def feed(
        self, home: Home, stream: str, where: Expr | None, fields: tuple[KeyColumn, ...], route: tuple[str, ...]
    ) -> str:
        """Let rows of a stream travel to the home; the name under which they arrive."""
        origin = self.streams[stream]
        name = identity("feed", stream, origin.meaning, where, fields, route, home.stage)
        sender = self._sender(origin)
        sender.feeds.setdefault(name, RowFeedSpec(name, stream, where, fields, route))
        sender.targets[name] = home.stage
        return name

    def _sender(self, origin: Stream) -> Draft:
        return self.drafts.setdefault((origin.stage, origin.source if origin.stage == 1 else ""), Draft())

    # the end

    def plan(self, max_bytes: int) -> LogicalPlan:
        for draft in self.families.values():
            spec = draft.spec()
            origin = self.streams[draft.stream]
            there = (draft.stage, origin.source if draft.stage == 1 else "")
            self.drafts[there].families.append(spec)
            if draft.route is not None:
                sender = self._sender(origin)
                sender.sends.append(spec)
                sender.targets[spec.id] = draft.stage
        last, models = max(stage for stage, _ in self.drafts), self.rules.models
        later = [self.drafts.get((stage, ""), Draft()) for stage in range(2, last + 1)]
        return LogicalPlan(
            sources={name: self._source(source, max_bytes) for name, source in self.rules.sources.items()},
            first={name: self._stage(1, name, (name,), self.drafts[(1, name)]) for name in self.rules.sources},
            later=tuple(self._stage(i + 2, "", self._inputs(i + 2, draft), draft) for i, draft in enumerate(later)),
            feeders={name: self._feeders(stream) for name, stream in self.streams.items()},
            defaults={name: table.defaults for name, table in self.rules.tables.items() if table.missing == "default"},
            models={name: models[name] for rule in self.rules.rules for name in _model_names(rule) if name in models},
            silences=self.rules.silences,
            acks=self.rules.acks,
        )

    def _stage(self, stage: int, source: str, inputs: tuple[str, ...], draft: Draft) -> StageSpec:
        told = tuple(sorted(name for there, of, name in self.told if (there, of) == (stage, source)))
        begins = (source,) if source in self.begins else ()
        return replace(_stage(stage, inputs, draft), told=told, begins=begins)

    def _inputs(self, stage: int, draft: Draft) -> tuple[str, ...]:
        found = {spec.stream for spec in draft.families if spec.route is not None}
        for other in self.drafts.values():
            found |= {feed.stream for feed in other.feeds.values() if other.targets[feed.name] == stage}
        return tuple(sorted(found))

    def _feeders(self, stream: Stream) -> tuple[str, ...]:
        return (self.rules.sources[stream.source].topic,) if stream.stage == 1 else (f"@{stream.stage}",)

    def _source(self, source: Source, max_bytes: int) -> SourceSpec:
        tables = joined_tables(source, self.rules.tables)
        required = [(each.name, each.on) for each in tables if self.rules.tables[each.name].missing == "drop"]
        enriched = [
            (column, TableColumn(each.name, column, each.on, kind))
            for each in tables
            for column, kind in each.columns.items()
        ]
        return SourceSpec(
            name=source.name,
            topic=source.topic,
            format=source.format,
            time=source.time,
            time_unit=source.time_unit,
            max_delay_ms=source.max_delay_ms,
            idle_after_ms=source.idle_after_ms,
            key=source.key,
            declared={name: declared.type.kind.value for name, declared in source.fields.items()},
            inferred={name: kind.kind.value for name, kind in source.inferred.items()},
            drop=source.drop,
            sample=source.sample,
            required=tuple(required),
            enriched=tuple(enriched) if source.emit_enriched else (),
            max_bytes=max_bytes,
            drops_late=source.drops_late,
        )


def _model_names(rule: Rule) -> tuple[str, str]:
    return rule.name, rule.name + SHADOW_OF


def _source_stream(source: Source) -> Stream:
    return Stream(source.name, 1, (source.key,) if source.key else None, source.name, {}, ())


def _stage(stage: int, inputs: tuple[str, ...], draft: Draft) -> StageSpec:
    return StageSpec(
        stage=stage,
        inputs=inputs,
        order=tuple(draft.order),
        roots=dict(draft.roots),
        families=tuple(draft.families),
        kpis=tuple(draft.kpis.values()),
        window_alarms=tuple(draft.windows),
        row_alarms=tuple(draft.rows),
        joins=tuple(draft.joins),
        scores=tuple(draft.scores),
        sends=tuple(draft.sends),
        feeds=tuple(draft.feeds.values()),
        targets=dict(draft.targets),
        paces=dict(draft.paces),
        amend_ms=max((family.amend_ms for family in (*draft.families, *draft.sends)), default=0),
    )


# what rules read


def firings(rule: Rule) -> tuple[Firing, ...]:
    """The states of other alarms that a rule reads."""
    if not isinstance(rule, Alarm) or rule.unless is None:
        return ()
    return tuple(dict.fromkeys(node for node in walk(rule.unless) if isinstance(node, Firing)))


def expressions(rule: Rule) -> tuple[Expr, ...]:
    """Every expression of a rule, values first."""
    found: list[Expr] = [value.expr for value in rule.values]
    match rule:
        case Kpi():
            found += [rule.when] if rule.when is not None else []
        case Alarm():
            found += level_expressions(rule)
        case Anomaly():
            pass  # its levels read scored rows: those of the alarm that is made of it
    return tuple(found)


def level_expressions(rule: Alarm) -> Iterator[Expr]:
    """Conditions, and what the message says."""
    for level in rule.levels:
        yield from (expr for expr in (level.when, level.until) if expr is not None)
    if rule.sequence is not None:
        yield from rule.sequence.steps
        yield from (expr for expr in (rule.sequence.never, rule.sequence.until) if expr is not None)
    if rule.message is not None:
        yield from (part.expr for part in rule.message.parts if not isinstance(part, str))


def aggregates(rule: Rule) -> tuple[Aggregate, ...]:
    """The distinct aggregates of a rule in the order in which they are met."""
    return tuple(dict.fromkeys(n for expr in expressions(rule) for n in walk(expr) if isinstance(n, Aggregate)))


def aggregates_below(expr: Expr, rule: Rule) -> frozenset[Aggregate]:
    """The aggregates that an expression reads, through `values:` too."""
    named = {value.name: value.expr for value in rule.values}
    found: set[Aggregate] = set()
    for node in walk(expr):
        if isinstance(node, Aggregate):
            found.add(node)
        elif isinstance(node, Value):
            found |= aggregates_below(named[node.name], rule)
    return frozenset(found)


def row_fields(exprs: Iterable[Expr | None]) -> tuple[Field, ...]:
    """The fields that expressions read from rows, join fields of table columns included, in name order."""
    found: dict[tuple[str, str], Field] = {}
    for expr in exprs:
        if expr is None:
            continue
        for node in walk(expr):
            if isinstance(node, Field):
                found[node.name, node.stream] = node
            elif isinstance(node, TableColumn) and isinstance(node.on, str):
                found.setdefault((node.on, ""), Field(node.on, STRING))
    return tuple(found[name] for name in sorted(found))


def key_columns(rule: Rule) -> tuple[KeyColumn, ...]:
    return tuple(KeyColumn(key.name, key.expr, key.expr.type.kind.value) for key in rule.by)


def without_null_keys(where: Expr | None, keys: tuple[KeyColumn, ...], kept: tuple[str, ...]) -> Expr | None:
    """The filter for an aggregate `by` fewer keys: rows with a null among the other keys enter no key of the rule."""
    others = tuple(Not(IsNull(key.expr)) for key in keys if key.name not in kept)
    return conjunction((*(() if where is None else (where,)), *others))


def value_specs(rule: Rule) -> tuple[ValueSpec, ...]:
    """The entries of `values:`."""
    return tuple(ValueSpec(value.name, value.expr, _is_integral(value.expr)) for value in rule.values)


def _is_integral(expr: Expr) -> bool:
    return isinstance(expr, Aggregate) and expr.function in _INTEGRAL


def context_columns(rule: Rule) -> tuple[tuple[str, Expr], ...]:
    """Columns by name; a name that two tables have is written `table.column`."""
    columns = [expr for expr in rule.context if isinstance(expr, TableColumn)]
    names = [column.column for column in columns]
    return tuple(
        (column.column if names.count(column.column) == 1 else f"{column.table}.{column.column}", column)
        for column in columns
    )
