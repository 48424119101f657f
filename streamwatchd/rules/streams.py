"""What a rule can read by name: events of a source, or rows of a KPI; and the names that stand for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from streamwatchd.lang.scope import Counter, JoinedTable, Scope, Undeclared, joined_scope, judgement_scope, row_scope
from streamwatchd.lang.typed import NUMBER, Key, Literal, TableColumn, Time, Type, first_on
from streamwatchd.rules.ruleset import Anomaly, KeyField, Kpi, NamedValue, Source, Table

SCORE = "score"


@dataclass(frozen=True, eq=False)
class Stream:
    """`fields` are the declared fields of a source or the columns of a KPI's rows, `keys` the keys of a KPI.

    `step_ms` and `window_ms` are a KPI's, 0 with sessions and for sources, and `zone` that of whose days these are, ""
    where they are aligned to UTC. `partition_key` is the source's `key:`.
    Streams of equal content are equal.
    """

    name: str
    fields: Mapping[str, Type]
    tables: tuple[JoinedTable, ...] = ()
    undeclared: Undeclared = Undeclared.CLOSED
    keys: tuple[str, ...] = ()
    step_ms: int = 0
    window_ms: int = 0
    zone: str = ""
    is_kpi: bool = False
    partition_key: str = ""
    inferred: Mapping[str, Type] = field(default_factory=dict)
    counters: Mapping[str, Counter] = field(default_factory=dict)

    @cached_property
    def _content(self) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)

    def scope(self) -> Scope:
        """Names on one row."""
        return row_scope(
            self.name,
            self.fields,
            self.tables,
            undeclared=self.undeclared,
            inferred=self.inferred,
            counters=self.counters,
        )


def of_source(source: Source, tables: Mapping[str, Table], inferred: Mapping[str, Type] | None = None) -> Stream:
    """The stream of a source's events; tables that are missing are left out."""
    if not source.fields:
        undeclared = Undeclared.CLOSED if source.strict else Undeclared.OPEN
    else:
        undeclared = Undeclared.CLOSED if source.strict else Undeclared.WARN
    return Stream(
        source.name,
        {name: declared.type for name, declared in source.fields.items()},
        joined_tables(source, tables),
        undeclared,
        partition_key=source.key,
        inferred=inferred or {},
        counters={
            name: Counter(declared.per, declared.gap_ms, declared.bits)
            for name, declared in source.fields.items()
            if declared.counter
        },
    )


def joined_tables(source: Source, tables: Mapping[str, Table]) -> tuple[JoinedTable, ...]:
    """The tables that a source joins. What it joins on is a declared field, or a column of a table that it joins, or
    an undeclared field: as names mean in rules."""
    there = {joined.table: joined.on for joined in source.enrich if joined.table in tables}
    return tuple(
        JoinedTable(table, _joined_on(on, source, there, tables, (table,)), tables[table].columns)
        for table, on in there.items()
    )


def _joined_on(
    on: str, source: Source, there: Mapping[str, str], tables: Mapping[str, Table], above: tuple[str, ...]
) -> str | TableColumn:
    """`above` are the tables that are looked for by way of this one: none of them can be joined by it."""
    for table, its_on in there.items():
        if on not in source.fields and table not in above and on in tables[table].columns:
            through = _joined_on(its_on, source, there, tables, (*above, table))
            return TableColumn(table, on, through, tables[table].columns[on])
    return on


def _kept(inputs: Iterable[Stream], keys: Iterable[KeyField]) -> tuple[JoinedTable, ...]:
    """The tables that are joined on a key, or by way of one, or on a column that has become one."""
    keys = tuple(keys)
    names = {key.name for key in keys}
    became = {key.expr: key.name for key in keys if isinstance(key.expr, TableColumn)}
    found: dict[str, JoinedTable] = {}
    for table in (table for stream in inputs for table in stream.tables):
        if table.on in became:
            found[table.name] = replace(table, on=became[table.on])
        elif first_on(table.on) in names:
            found[table.name] = table
    return tuple(found.values())


def of_kpi(kpi: Kpi, inputs: Iterable[Stream]) -> Stream:
    """The stream of a KPI's rows; it keeps the tables that are joined on one of its keys."""
    fields = {key.name: key.expr.type for key in kpi.by} | {value.name: value.expr.type for value in kpi.values}
    keys = tuple(key.name for key in kpi.by)
    is_session = bool(kpi.session_ms)
    return Stream(
        kpi.name,
        fields,
        _kept(inputs, kpi.by),
        keys=keys,
        step_ms=0 if is_session else kpi.every_ms,
        window_ms=0 if is_session else kpi.over_ms,
        zone=kpi.zone,
        is_kpi=True,
    )


def of_scores(
    name: str, keys: Iterable[KeyField], values: Iterable[NamedValue], every_ms: int, inputs: Iterable[Stream]
) -> Stream:
    """The rows of an anomaly rule, with their score."""
    inputs, keys = tuple(inputs), tuple(keys)
    fields = {key.name: key.expr.type for key in keys} | {value.name: value.expr.type for value in values}
    names = tuple(key.name for key in keys)
    window_ms = max((stream.window_ms for stream in inputs), default=0) or every_ms
    return Stream(
        name,
        fields | {SCORE: NUMBER},
        _kept(inputs, keys),
        keys=names,
        step_ms=every_ms,
        window_ms=window_ms,
        zone=max((stream.zone for stream in inputs), default=""),
        is_kpi=True,
    )


def of_anomaly(rule: Anomaly, inputs: Iterable[Stream]) -> Stream:
    """The same, of a checked rule."""
    return of_scores(rule.name, rule.by, rule.values, rule.every_ms, inputs)


def common_keys(streams: Iterable[Stream]) -> tuple[str, ...]:
    """Keys that all have, in the order of the first."""
    streams = tuple(streams)
    return tuple(key for key in streams[0].keys if all(key in other.keys for other in streams[1:]))


def tables_of(streams: tuple[Stream, ...]) -> tuple[JoinedTable, ...]:
    found = {table.name: table for stream in streams for table in stream.tables}
    return tuple(found.values())


@dataclass(frozen=True, eq=False, slots=True)
class Place:
    """Where an expression stands: a scope that is equal only to itself, so that what was checked in it is found again.

    The functions below give one place for one content: thousands of rules of a few shapes share theirs.
    """

    scope: Scope


@lru_cache(maxsize=4_096)
def rows(streams: tuple[Stream, ...]) -> Place:
    """On a row of one stream, or on the joined row of several."""
    if len(streams) == 1:
        return Place(streams[0].scope())
    return Place(joined_scope({stream.name: stream.scope() for stream in streams}, common_keys(streams)))


@lru_cache(maxsize=16_384)
def judgement(
    streams: tuple[Stream, ...], keys: tuple[tuple[str, Type], ...], joins: frozenset[str], kpi: bool
) -> Place:
    """Where windows are judged; `joins` are the keys whose tables are at hand."""
    tables = (table for table in tables_of(streams) if first_on(table.on) in joins)
    return Place(judgement_scope(rows(streams).scope, dict(keys), tables, kpi=kpi))


def expected(table: JoinedTable, key: str, type_: Type) -> Place:
    """On a row of a table whose key is a key of the rule."""
    names = row_scope(table.name, {}, (table,)).names
    names = {name: meaning for name, meaning in names.items() if not isinstance(meaning, Time)} | {key: Key(key, type_)}
    return Place(Scope(names, Undeclared.CLOSED, tables={table.name: tuple(table.columns)}, source=table.name))


@lru_cache(maxsize=16_384)
def with_constants(place: Place, constants: tuple[tuple[str, Literal], ...]) -> Place:
    """Where names of `params:` stand for what they are, inside aggregates too."""
    return Place(_with_constants(place.scope, dict(constants))) if constants else place


def _with_constants(scope: Scope, constants: Mapping[str, Literal]) -> Scope:
    row = None if scope.row is None else _with_constants(scope.row, constants)
    return replace(scope, names={**scope.names, **constants}, row=row)


@lru_cache(maxsize=16_384)
def with_value(place: Place, name: str, type_: Type, guess: str = "") -> Place:
    """After an entry of `values:`; `guess` is the undeclared field whose kind it has, where nothing has told that."""
    return Place(place.scope.with_values({name: type_}, {name: guess} if guess else {}))
