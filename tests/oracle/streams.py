"""Which rows reach a rule, in which tasks, up to which watermark."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial

from streamwatchd.calendars.calendar import Calendar
from streamwatchd.calendars.silence import Silence
from streamwatchd.lang.typed import (
    Aggregate,
    Ahead,
    Baseline,
    During,
    Expr,
    Field,
    Firing,
    Literal,
    Stepwise,
    TableColumn,
    Value,
    walk,
)
from streamwatchd.rules.ruleset import Alarm, Kpi, NamedValue, Rule, Table
from tests.oracle.aggregates import aggregate, changes, increase, line
from tests.oracle.amend import LateRow, taken_at
from tests.oracle.asked import fires, in_calendar
from tests.oracle.evaluate import Cell, Tables, column, evaluate, evaluate_row, field_of
from tests.oracle.reading import NEVER, Partition, Row

KeyTuple = tuple[Cell, ...]
MERGED = ("", -1)


@dataclass(slots=True)
class Stream:
    """A source or a KPI. `key` is the field that names its partition ("" where it has none), `origin` its source.
    `lies_by` are the fields that all rows of one task have in common; None where nothing is known."""

    name: str
    partitions: dict[tuple[str, int], Partition]
    key: str
    origin: str
    is_kpi: bool = False
    keys: tuple[str, ...] = ()
    lies_by: tuple[str, ...] | None = None


@dataclass(slots=True)
class Task:
    """What one task of a rule sees: (stream, row) in log order where it has one partition, and its watermarks."""

    rows: list[tuple[str, Row]]
    first_watermark: int
    watermark: int
    place: tuple[str, int] = MERGED
    marks: list[tuple[int, int]] = field(default_factory=list)
    late: list[tuple[int, str, Row]] = field(default_factory=list)
    begun: int = NEVER
    """The least of the first watermarks, those of marks too; NEVER until there are all."""


@dataclass(frozen=True, slots=True)
class Project:
    schemas: Mapping[str, Table]
    tables: Tables
    streams: dict[str, Stream]
    alarms: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    """What rules have said, for those who ask whether they fire."""
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    silences: Mapping[str, tuple[Silence, ...]] = field(default_factory=dict)
    watermarks: dict[str, int] = field(default_factory=dict)
    """Up to where alarms have been judged, in all their tasks."""
    flapping: list[dict[str, object]] = field(default_factory=list)
    """What is said of keys that flap; nobody asks for it."""


def expressions(rule: Rule) -> list[Expr]:
    """Every expression whose answer the rule depends on."""
    found = [value.expr for value in rule.values] + [key.expr for key in rule.by]
    found += [rule.where] if rule.where is not None else []
    if isinstance(rule, Alarm):
        for level in rule.levels:
            found += [level.when] + ([level.until] if level.until is not None else [])
        if rule.sequence is not None:
            found += rule.sequence.steps
            found += [expr for expr in (rule.sequence.never, rule.sequence.until) if expr is not None]
    elif isinstance(rule, Kpi) and rule.when is not None:
        found.append(rule.when)
    return found


def all_aggregates(rule: Rule) -> list[Aggregate]:
    return [node for expr in expressions(rule) for node in walk(expr) if isinstance(node, Aggregate)]


def aggregates_in(expr: Expr, values: tuple[NamedValue, ...]) -> list[Aggregate | Baseline]:
    """The aggregates an expression reads, and what it asks the usual of, also through `values:`."""
    named = {value.name: value.expr for value in values}
    found: list[Aggregate | Baseline] = []
    for node in walk(expr):
        if isinstance(node, Aggregate | Baseline):
            found.append(node)
        elif isinstance(node, Value):
            found += aggregates_in(named[node.name], values)
    return found


def local_key(rule: Rule, streams: Mapping[str, Stream]) -> str:
    """The name in `by` that holds the partition key of what feeds the rule; "" for a rule behind the exchange."""
    feeds = [streams[name] for name in rule.sources]
    if len({(feed.origin, feed.key) for feed in feeds}) != 1 or not feeds[0].key:
        return ""
    if len(feeds) > 1 and not all(feed.is_kpi for feed in feeds):
        return ""
    common = {key.name for key in rule.by}
    for node in all_aggregates(rule):
        common &= set(node.by) if node.by is not None else common
    for key in rule.by:
        if key.name in common and isinstance(key.expr, Field) and key.expr.name == feeds[0].key:
            return key.name
    return ""


def crosses(kpi: Kpi, streams: Mapping[str, Stream]) -> bool:
    """Whether the rows of a KPI's windows come from several tasks: what lies together by keys of its own does not."""
    lies_by = streams[kpi.sources[0]].lies_by
    common = {key.name for key in kpi.by if isinstance(key.expr, Field) and key.expr.name == key.name}
    for node in all_aggregates(kpi):
        common &= set(node.by) if node.by is not None else common
    return lies_by is None or not common.issuperset(lies_by)


def asked_by(rule: Rule) -> list[str]:
    """The alarms whose state a rule asks for."""
    unless = rule.unless if isinstance(rule, Alarm) else None
    return [] if unless is None else [node.rule for node in walk(unless) if isinstance(node, Firing)]


def moves(rule: Rule) -> bool:
    """Whether a rule is judged behind the exchange whatever its keys are."""
    if isinstance(rule, Kpi) and rule.top is not None:
        return True
    if isinstance(rule, Alarm) and rule.sequence is not None and rule.sequence.of:
        return True
    return isinstance(rule, Alarm) and (rule.expect is not None or bool(asked_by(rule)))


def tasks_of(rule: Rule, streams: Mapping[str, Stream]) -> list[Task]:
    feeds = [streams[name] for name in rule.sources]
    if (local_key(rule, streams) and not moves(rule)) or (len(feeds) == 1 and is_occurrence(rule)):
        return [_local_task(feeds, place) for place in feeds[0].partitions]
    parts = [part for feed in feeds for part in feed.partitions.values()]
    watermark = min(part.watermark for part in parts)
    first = (
        NEVER if any(part.first_watermark == NEVER for part in parts) else min(part.first_watermark for part in parts)
    )
    rows = [(feed.name, row) for feed in feeds for part in feed.partitions.values() for row in part.rows]
    late = [(at, feed.name, row) for feed in feeds for part in feed.partitions.values() for at, row in part.late_rows]
    begun = NEVER if any(part.begun == NEVER for part in parts) else min(part.begun for part in parts)
    return [Task(rows, first if first != NEVER else watermark, watermark, late=late, begun=begun)]


def _local_task(feeds: list[Stream], place: tuple[str, int]) -> Task:
    rows = [(feed.name, row) for feed in feeds for row in feed.partitions[place].rows]
    part = feeds[0].partitions[place]
    marks = part.marks if len(feeds) == 1 else []
    late = [(at, feed.name, row) for feed in feeds for at, row in feed.partitions[place].late_rows]
    return Task(rows, part.first_watermark, part.watermark, place, marks, late)


def is_occurrence(rule: Rule) -> bool:
    return isinstance(rule, Alarm) and rule.windowless and not rule.by and not rule.in_order


def is_at_once(rule: Alarm, streams: Mapping[str, Stream]) -> bool:
    """Judged in log order as records come."""
    if len(rule.sources) != 1 or streams[rule.sources[0]].is_kpi or rule.in_order or asked_by(rule):
        return False
    holds = any(level.for_ms or level.until_for_ms for level in rule.levels)
    return not holds and (not rule.by or bool(local_key(rule, streams)))


def key_of(rule: Rule, row: Row, project: Project) -> KeyTuple | None:
    """The row's key; None where a part of it is null."""
    key = tuple(evaluate_row(part.expr, row, project.schemas, project.tables) for part in rule.by)
    return None if None in key else key


def passes(where: Expr | None, row: Row, project: Project) -> bool:
    return where is None or evaluate_row(where, row, project.schemas, project.tables) is True


def rows_of(rule: Rule, task: Task, project: Project) -> list[Row]:
    """What a rule reads, in log order where it has one source."""
    return [row for _, row in task.rows] if len(rule.sources) == 1 else joined(rule, task.rows, project.streams)


def joined(rule: Rule, rows: list[tuple[str, Row]], streams: Mapping[str, Stream]) -> list[Row]:
    """Rows of several KPIs side by side: one a common key and window end, a missing side is null."""
    common = [name for name in streams[rule.sources[0]].keys if all(name in streams[s].keys for s in rule.sources)]
    sides: dict[tuple[object, ...], dict[str, Row]] = {}
    for stream, row in rows:
        sides.setdefault((row.time, *(row.fields[name] for name in common)), {})[stream] = row
    found = []
    for (time, *key), by_stream in sides.items():
        plain: dict[str, Cell] = {}
        for row in by_stream.values():
            plain |= row.fields
        plain |= dict(zip(common, key, strict=True))  # type: ignore[arg-type]
        window = next(iter(by_stream.values())).window
        found.append(Row(time, plain, None, time, window, {name: row.fields for name, row in by_stream.items()}))  # type: ignore[arg-type]
    return found


def order_in_time(rule: Rule, row: Row, project: Project) -> tuple[object, ...]:
    """(time, then the fields that the rule reads in name order, null first)."""
    names = set()
    for expr in expressions(rule):
        for node in walk(expr):
            if isinstance(node, Field):
                names.add((node.name, node.stream))
            elif isinstance(node, TableColumn):
                names.add((node.on, ""))
    cells = [field_of(row, name, stream) for name, stream in sorted(names)]
    return (row.time, *((cell is not None, cell if cell is not None else 0) for cell in cells))


def is_paused(rule: Rule, t: int, project: Project) -> bool:
    """Whether `pause` is true at an instant."""
    if not isinstance(rule, Alarm) or rule.pause is None:
        return False
    return judge(rule.pause, rule, tuple(None for _ in rule.by), t, {}, {}, project) is True


class Windows:
    """The rows of a rule with aggregates in one task (of several KPIs, the joined ones), by key, in order of time."""

    def __init__(self, rule: Rule, task: Task, project: Project) -> None:
        self.rule, self.project = rule, project
        self.rows: list[tuple[int, Row, KeyTuple]] = []
        for row in rows_of(rule, task, project):
            key = key_of(rule, row, project)
            if key is not None and passes(rule.where, row, project):
                self.rows.append((row.time, row, key))
        self.rows.sort(key=lambda item: item[0])
        self.late: list[LateRow] = []
        self.is_paused = partial(is_paused, rule, project=project)
        for arrival, stream, row in task.late if rule.amend else ():
            key, taken = key_of(rule, row, project), taken_at(rule, arrival, row.time, self.is_paused)
            if key is not None and taken is not None and passes(rule.where, row, project):
                self.late.append(LateRow(taken, stream, row, key))
        self._groups: dict[tuple[str, ...], dict[KeyTuple, list[tuple[int, Row, KeyTuple]]]] = {}
        self._memo: dict[tuple[Aggregate, int], tuple[bool, Cell]] = {}

    def group(self, names: tuple[str, ...], key: KeyTuple) -> list[tuple[int, Row, KeyTuple]]:
        """The rows whose key agrees with `key` in `names`."""
        places = [index for index, part in enumerate(self.rule.by) if part.name in names]
        if names not in self._groups:
            groups: dict[KeyTuple, list[tuple[int, Row, KeyTuple]]] = {}
            for item in self.rows:
                groups.setdefault(tuple(item[2][place] for place in places), []).append(item)
            self._groups[names] = groups
        return self._groups[names].get(tuple(key[place] for place in places), [])

    def all_keys(self) -> list[KeyTuple]:
        """Those of late events are not among them."""
        return sorted({item[2] for item in self.rows}, key=repr)

    def times(self, key: KeyTuple) -> list[int]:
        return [item[0] for item in self.group(tuple(part.name for part in self.rule.by), key)]

    def late_of(self, names: tuple[str, ...], key: KeyTuple, start: int, end: int, at: int) -> list[LateRow]:
        """The late events of a key in [start, end) that are taken in at `at` or before."""
        places = [index for index, part in enumerate(self.rule.by) if part.name in names]
        return [
            each
            for each in self.late
            if each.taken <= at
            and start <= each.row.time < end
            and all(each.key[place] == key[place] for place in places)
        ]

    def answer(self, node: Aggregate, key: KeyTuple, start: int, end: int, at: int) -> Cell:
        """At the judgement `at`, which says what has come late until then."""
        names = tuple(part.name for part in self.rule.by) if node.by is None else node.by
        rows = self.group(names, key)
        items: list[tuple[int, Cell]] = []
        for time, row, _ in rows[bisect_left(rows, start, key=_time) : bisect_left(rows, end, key=_time)]:
            counted, cell = self._cell(node, row)
            if counted:
                items.append((time, cell))
        for each in self.late_of(names, key, start, end, at):
            counted, cell = self._cell(node, each.row)
            if counted:
                items.append((each.row.time, cell))
        items.sort(key=_time_of)
        match node:
            case Stepwise():
                return self._stepwise(node, rows[: bisect_left(rows, end, key=_time)], start, end)
            case Ahead() | Aggregate(function="slope"):
                return _on_line(node, [(time, cell) for time, cell in items if cell is not None], end)
        return aggregate(node.function, node.quantile, items)

    def _stepwise(self, node: Stepwise, rows: list[tuple[int, Row, KeyTuple]], start: int, end: int) -> Cell:
        """Samples of all time before the end, by series: what lies before the window is stepped from."""
        series: dict[tuple[Cell, ...], list[tuple[int, Cell]]] = {}
        for time, row, _ in rows:
            counted, cell = self._cell(node, row)
            if counted and cell is not None:
                name = tuple(evaluate_row(e, row, self.project.schemas, self.project.tables) for e in node.series)
                series.setdefault(name, []).append((time, cell))
        if node.function == "changes":
            if not any(time >= start for samples in series.values() for time, _ in samples):
                return None
            return sum(changes(samples, start, node.gap_ms) for samples in series.values())
        grown = [increase(samples, start, node.gap_ms, node.bits) for samples in series.values()]
        known = [each for each in grown if each is not None]
        if not known:
            return None
        total = sum(known, Fraction(0))
        return float(total / Fraction(end - start, 1_000)) if node.function == "rate" else float(total)

    def _cell(self, node: Aggregate, row: Row) -> tuple[bool, Cell]:
        memo = (node, id(row))
        if memo not in self._memo:
            counted = passes(node.where, row, self.project)
            arg = node.arg if node.arg is not None else Literal(True, node.type)
            cell = evaluate_row(arg, row, self.project.schemas, self.project.tables) if counted else None
            self._memo[memo] = (counted, cell)
        return self._memo[memo]


def _on_line(node: Aggregate, items: list[tuple[int, Cell]], end: int) -> Cell:
    found = line(items) if items else None
    if found is None:
        return None
    slope, mean_time, mean = found
    if isinstance(node, Ahead):
        return float(mean + slope * (end + node.ahead_ms - mean_time))
    return float(1_000 * slope)


def _time_of(item: tuple[int, Cell]) -> int:
    return item[0]


def _time(item: tuple[int, Row, KeyTuple]) -> int:
    return item[0]


def judge(
    expr: Expr,
    rule: Rule,
    key: KeyTuple,
    t: int,
    values: Mapping[str, Cell],
    windows: Mapping[Aggregate | Baseline, Cell],
    project: Project,
) -> Cell:
    """An expression judged at `t` for a key."""
    keys = {part.name: cell for part, cell in zip(rule.by, key, strict=True)}

    def leaf(node: Expr) -> Cell:
        match node:
            case Aggregate() | Baseline():
                return windows[node]
            case Value(name):
                return values[name]
            case Firing():
                on = {name: evaluate(expr, leaf) for name, expr in node.on}
                return fires(project.alarms[node.rule], on, t)
            case During():
                return in_calendar(project.calendars[node.calendar], t)
            case TableColumn():
                return column(node, keys[node.on], project.schemas, project.tables)
        name = getattr(node, "name", None)
        return float(t) if name is None else keys[name]

    return evaluate(expr, leaf)


def judge_values(
    rule: Rule, key: KeyTuple, t: int, windows: Mapping[Aggregate | Baseline, Cell], project: Project
) -> dict[str, Cell]:
    values: dict[str, Cell] = {}
    for value in rule.values:
        values[value.name] = judge(value.expr, rule, key, t, values, windows, project)
    return values


def row_values(rule: Rule, key: KeyTuple, row: Row, project: Project) -> tuple[dict[str, Cell], object]:
    """The values of a windowless rule on one row, and the look-up for its conditions."""
    keys = {part.name: cell for part, cell in zip(rule.by, key, strict=True)}
    values: dict[str, Cell] = {}

    def look(node: Expr) -> Cell:
        return values[node.name] if isinstance(node, Value) else keys[node.name]  # type: ignore[union-attr]

    for value in rule.values:
        values[value.name] = evaluate_row(value.expr, row, project.schemas, project.tables, look)
    return values, look


def context_of(rule: Rule, key: KeyTuple, project: Project) -> dict[str, Cell]:
    columns = [node for node in rule.context if isinstance(node, TableColumn)]
    return {node.column: judge(node, rule, key, 0, {}, {}, project) for node in columns}
