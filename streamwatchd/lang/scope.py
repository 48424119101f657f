"""What names mean in one place of a rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from streamwatchd.lang.typed import Expr, Field, Key, TableColumn, Time, Type, Value


class Undeclared(StrEnum):
    """What an unknown name on a row is: an inferred field, one with a warning, or an error."""

    OPEN = "open"
    WARN = "warn"
    CLOSED = "closed"


class Where(StrEnum):
    """Where an expression stands; decides whether aggregates may be used and what `over` defaults to."""

    ROW = "row"
    ALARM = "alarm"
    KPI = "kpi"


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """A name that several things have; `choices` are the spellings that tell them apart."""

    choices: tuple[str, ...]


Meaning = Expr | Ambiguous


@dataclass(frozen=True, slots=True)
class Counter:
    """A field that only grows and starts again at 0: see `typed.Stepwise`. `per` are names of fields."""

    per: tuple[str, ...] = ()
    gap_ms: int = 0
    bits: int = 0


@dataclass(frozen=True, slots=True)
class Scope:
    """Names as they are written → the typed node they mean.

    `inferred` are types that earlier uses gave to undeclared fields: known, but still reported as undeclared. `streams`
    are the streams of a join, each with what its undeclared fields are (`metrics.cpu`). `tables` maps the tables that
    are joined here to their column names. With `where` ALARM or KPI, `row` is the scope inside aggregates and
    `keys` are the names of `by`. `counters` are the fields declared as such. `source` names the stream in messages.
    `guesses` maps values to the undeclared fields whose kind they have, where nothing has told that.
    """

    names: Mapping[str, Meaning] = field(default_factory=dict)
    undeclared: Undeclared = Undeclared.OPEN
    inferred: Mapping[str, Type] = field(default_factory=dict)
    streams: Mapping[str, Undeclared] = field(default_factory=dict)
    tables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    source: str = ""
    where: Where = Where.ROW
    row: Scope | None = None
    keys: tuple[str, ...] = ()
    counters: Mapping[str, Counter] = field(default_factory=dict)
    guesses: Mapping[str, str] = field(default_factory=dict)

    def with_values(self, values: Mapping[str, Type], guesses: Mapping[str, str] = MappingProxyType({})) -> Scope:
        """The scope after entries of `values:`; they hide fields of the same name."""
        names = {**self.names, **{name: Value(name, type_) for name, type_ in values.items()}}
        return replace(self, names=names, guesses={**self.guesses, **guesses})

    def with_inferred(self, inferred: Mapping[str, Type]) -> Scope:
        """The scope once the types of undeclared fields are known from all their uses."""
        row = self.row and self.row.with_inferred(inferred)
        return replace(self, inferred={**self.inferred, **inferred}, row=row)


@dataclass(frozen=True, slots=True)
class JoinedTable:
    """A dimension table joined on the field (or key) `on`, or on another table's column; `columns` without its key."""

    name: str
    on: str | TableColumn
    columns: Mapping[str, Type]


def row_scope(
    source: str,
    fields: Mapping[str, Type],
    tables: Iterable[JoinedTable] = (),
    *,
    undeclared: Undeclared = Undeclared.OPEN,
    inferred: Mapping[str, Type] | None = None,
    counters: Mapping[str, Counter] | None = None,
) -> Scope:
    """Names on an event of a source, or on a row of a KPI (then `undeclared` CLOSED). A field wins over a column."""
    tables = tuple(tables)
    names: dict[str, Meaning] = _columns(tables)
    names |= {name: Field(name, type_) for name, type_ in fields.items()}
    names["time"] = Time()
    columns = {table.name: tuple(table.columns) for table in tables}
    return Scope(names, undeclared, inferred or {}, tables=columns, source=source, counters=counters or {})


def joined_scope(rows: Mapping[str, Scope], keys: Iterable[str]) -> Scope:
    """Names on the joined rows of several streams: `stream.field`, and the bare name where only one stream has it.

    The common keys are one name each, read from whichever side is there.
    """
    names: dict[str, Meaning] = {}
    keys = tuple(keys)
    for stream, scope in rows.items():
        for name, meaning in scope.names.items():
            if not isinstance(meaning, Field):
                names.setdefault(name, meaning)
                continue
            names[f"{stream}.{name}"] = Field(name, meaning.type, stream)
            if name in keys:
                names[name] = Field(name, meaning.type)
            elif name not in names:
                names[name] = Field(name, meaning.type, stream)
            else:
                names[name] = _clash(names[name], f"{stream}.{name}")
    streams = {name: scope.undeclared for name, scope in rows.items()}
    loosest = min(streams.values(), key=list(Undeclared).index)
    inferred = {f"{stream}.{name}": type_ for stream, scope in rows.items() for name, type_ in scope.inferred.items()}
    tables = {name: columns for scope in rows.values() for name, columns in scope.tables.items()}
    return Scope(names, loosest, inferred, streams, tables, source=" + ".join(rows))


def judgement_scope(
    row: Scope,
    keys: Mapping[str, Type],
    tables: Iterable[JoinedTable] = (),
    *,
    kpi: bool = False,
) -> Scope:
    """Names where a window is judged: keys, table columns of keys, aggregates of `row`; values are added by turns."""
    tables = tuple(tables)
    names: dict[str, Meaning] = _columns(tables)
    names |= {name: Key(name, type_) for name, type_ in keys.items()}
    names["time"] = Time()
    columns = {table.name: tuple(table.columns) for table in tables}
    where = Where.KPI if kpi else Where.ALARM
    return Scope(
        names, Undeclared.CLOSED, {}, tables=columns, source=row.source, where=where, row=row, keys=tuple(keys)
    )


def _columns(tables: tuple[JoinedTable, ...]) -> dict[str, Meaning]:
    names: dict[str, Meaning] = {}
    for table in tables:
        for column, type_ in table.columns.items():
            node = TableColumn(table.name, column, table.on, type_)
            names[f"{table.name}.{column}"] = node
            names[column] = _clash(names[column], f"{table.name}.{column}") if column in names else node
    return names


def _clash(first: Meaning, second: str) -> Ambiguous:
    match first:
        case Ambiguous(choices):
            return Ambiguous((*choices, second))
        case TableColumn(table, column):
            return Ambiguous((f"{table}.{column}", second))
        case Field(name, _, stream):
            return Ambiguous((f"{stream}.{name}", second))
    raise AssertionError(first)
