"""Random projects with matching records: YAML text for the real loader, logs for the engine and the oracle.

Everything is drawn from a `random.Random`: hypothesis gives one whose choices it can shrink, campaigns use a seed.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from hypothesis import strategies as st

from tests.oracle.random_flapping import flapping
from tests.oracle.random_kinds import with_kinds, with_units
from tests.oracle.random_notices import budgeted, kept_firing
from tests.oracle.random_pauses import pausing, telling
from tests.oracle.random_records import KINDS, draw_calendar, draw_log
from tests.oracle.random_shadows import on_trial
from tests.oracle.random_silences import draw_silences
from tests.oracle.random_steps import with_steps
from tests.oracle.reading import LogItem

T = TypeVar("T")
TABLE = "host,role,weight\na,critical,2\nb,spare,0.5\nc,critical,\n"


@dataclass(slots=True, repr=False)
class World:
    """A project and its traffic. `rules` are files by name, `delays` the sources' `max_delay` in ms."""

    sources: str
    rules: dict[str, str]
    tables: dict[str, str]
    partitions: dict[str, int]
    delays: dict[str, int]
    logs: dict[tuple[str, int], list[LogItem]]
    exchange_partitions: int = 2
    calendars: dict[str, str] = field(default_factory=dict)
    silences: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Without the records, which fill pages: `tests.laws.minimise` finds the few that matter."""
        rules = "\n".join(self.rules.values())
        return f"World of {sum(map(len, self.logs.values()))} records, {self.partitions}\n{self.sources}\n{rules}"


@dataclass(slots=True)
class Draw:
    """Choices, with the time scale of this world in `unit` ms."""

    rng: random.Random
    unit: int
    names: list[str] = field(default_factory=list)

    def one(self, *choices: T) -> T:
        return choices[self.rng.randrange(len(choices))]

    def maybe(self, share: float) -> bool:
        return self.rng.randrange(100) < share * 100

    def span(self, *units: float) -> str:
        """A duration of some units as text."""
        ms = round(self.one(*units) * self.unit)
        for name, size in (("h", 3_600_000), ("m", 60_000), ("s", 1_000)):
            if ms % size == 0:
                return f"{ms // size}{name}"
        return f"{ms}ms"


# --- expressions over one event -------------------------------------------------------------------------------------


def row_number(draw: Draw) -> str:
    return draw.one("x", "y", "x", "n", "x + y", "x - 2 * y", "coalesce(y, 0)", "weight", "abs(y)", "x / y", "n % 3")


def row_condition(draw: Draw, depth: int = 1) -> str:
    if depth and draw.maybe(0.3):
        left, right = row_condition(draw, 0), row_condition(draw, 0)
        return draw.one(f"{left} and {right}", f"{left} or {right}", f"not ({left})", f"({left} or {right}) and x > 10")
    return draw.one(
        f"x > {draw.one(20, 50, 80)}",
        f"y <= {draw.one(-5, 0, 5)}",
        f"x + y >= {draw.one(10, 60)}",
        f'kind == "{draw.one(*KINDS)}"',
        f'kind in ("k1", "{draw.one(*KINDS)}")',
        'kind ~ "[12]$"',
        "y is null",
        "x is not null",
        "ok",
        f'role == "{draw.one("critical", "spare")}"',
        "weight * x > 50",
        'kind != "k1"',
    )


# --- expressions over windows ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stream:
    """What a rule can read: how to draw a number and a condition of its rows, and which keys it has."""

    names: tuple[str, ...]
    number: Callable[[Draw], str]
    condition: Callable[[Draw], str]
    keys: tuple[str, ...]
    step: float = 0
    texts: bool = True
    over: str = ""
    columns: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        return self.names[0] if len(self.names) == 1 else f"[{', '.join(self.names)}]"


def aggregate(draw: Draw, stream: Stream, by: tuple[str, ...], *, kpi: bool) -> str:
    """One numeric aggregate form."""
    function = draw.one(
        *(
            "count",
            "sum",
            "avg",
            "min",
            "max",
            "first",
            "last",
            "stddev",
            "var",
            "ratio",
            "p50",
            "p90",
            "p99.9",
            "distinct",
        ),
        *("count", "sum", "avg"),
    )
    if function == "ratio":
        arg = stream.condition(draw)
    elif function == "count":
        arg = draw.one("", "", stream.number(draw))
    elif function in ("first", "last", "distinct") and stream.texts and not draw.maybe(0.2):
        arg = "x"  # its kind is declared; that of others may follow from no other use
    elif function == "distinct" and stream.texts:
        arg = draw.one("kind", stream.number(draw))
    else:
        arg = stream.number(draw)
    parts = [arg] if arg else []
    if draw.maybe(0.25):
        parts.append(f"where {stream.condition(draw)}")
    if not kpi or draw.maybe(0.15):
        steps = (1, 1, 2, 3, 5, 12) if not stream.step else (stream.step, 2 * stream.step, 5 * stream.step)
        parts.append(f"over {draw.span(*steps)}")
        if draw.maybe(0.15):
            parts.append(f"ago {draw.span(1, 3, 7)}")
    if len(by) > 1 and draw.maybe(0.2):
        parts.append(f"by {draw.one(*by)}")
    return f"{function}({' '.join(parts)})"


def window_number(draw: Draw, stream: Stream, by: tuple[str, ...], *, kpi: bool = False) -> str:
    one = aggregate(draw, stream, by, kpi=kpi)
    if draw.maybe(0.3):
        two = aggregate(draw, stream, by, kpi=kpi)
        return draw.one(f"{one} + 2 * {two}", f"{one} - {two}", f"{one} / {two}", f"coalesce({one}, {two}, 1)")
    return draw.one(one, one, one, f"100 - 0.5 * {one}", f"coalesce({one}, -1)")


def window_condition(draw: Draw, stream: Stream, by: tuple[str, ...], named: list[str]) -> str:
    left = draw.one(*named) if named and draw.maybe(0.7) else window_number(draw, stream, by)
    one = f"{left} {draw.one('>', '>', '<', '>=', '==', '!=')} {draw.one(0, 1, 3, 20, 50)}"
    if draw.maybe(0.25):
        right = draw.one(*named) if named else aggregate(draw, stream, by, kpi=False)
        return draw.one(f"{one} and {right} > 5", f"{one} or {right} is null", f"not ({one})")
    if stream.texts and draw.maybe(0.1):
        return f'last(kind over {draw.span(2, 4)}) == "{draw.one(*KINDS)}"'
    return one


# --- rules ----------------------------------------------------------------------------------------------------------


def clause(draw: Draw, condition: Callable[[], str], *, holds: bool = True) -> str:
    """`C for D until C for D`."""
    text = condition()
    if holds and draw.maybe(0.35):
        text += f" for {draw.span(1, 2, 4)}"
    if draw.maybe(0.25):
        text += f" until {condition()}"
        if holds and draw.maybe(0.4):
            text += f" for {draw.span(1, 3)}"
    return text


def levels(draw: Draw, condition: Callable[[], str], *, holds: bool = True) -> list[str]:
    if draw.maybe(0.6):
        return [f"when: {quoted(clause(draw, condition, holds=holds))}", f"severity: {draw.one('major', 'critical')}"]
    names = draw.one(("critical", "warning"), ("critical", "major", "info"), ("warning", "info"))
    return ["levels:"] + [f"  {name}: {quoted(clause(draw, condition, holds=holds))}" for name in names]


def quoted(text: str) -> str:
    return json.dumps(text)


def file_of(head: str, name: str, lines: list[str]) -> str:
    return f"rules:\n  - {head}: {name}\n" + "".join(f"    {line}\n" for line in lines)


def by_line(by: tuple[str, ...]) -> list[str]:
    return [f"by: [{', '.join(by)}]"] if by else []


def source_stream(name: str) -> Stream:
    return Stream((name,), row_number, row_condition, ("host", "site", "role"))


def kpi_rule(draw: Draw, name: str, stream: Stream) -> tuple[str, Stream]:
    """A KPI's file, and the KPI as a stream."""
    by = draw.one(*key_sets(stream))
    step, over = stream.step or draw.one(1, 2, 5), ""
    lines = [f"source: {stream.source}", *by_line(by)]
    session = not stream.step and draw.maybe(0.2)
    if session:
        lines.append(f"session: {draw.span(1, 2, 4)}")
    else:
        lines.append(f"every: {draw.span(step)}")
        if draw.maybe(0.3):
            over = draw.span(2 * step, 3 * step)
            lines.append(f"over: {over}")
    lines += [] if session else late(draw, stream)
    if draw.maybe(0.2):
        lines.append(f"where: {quoted(stream.condition(draw))}")
    values = [f"{name}v{number}" for number in range(draw.one(1, 2, 3))]
    lines.append("values:")
    for value in values:
        text = session_number(draw, stream) if session else window_number(draw, stream, by, kpi=True)
        lines.append(f"  {value}: {quoted(text)}")
    if draw.maybe(0.2):
        lines.append(f"when: {quoted(f'{draw.one(*values)} > 2')}")

    def number(draw: Draw) -> str:
        return draw.one(*values)

    def condition(draw: Draw) -> str:
        return f"{draw.one(*values)} {draw.one('>', '<=')} {draw.one(0, 1, 10, 40)}"

    return file_of("kpi", name, lines), Stream(
        (name,), number, condition, by, 0 if session else step, False, over, tuple(values)
    )


def anomaly_rule(draw: Draw, name: str, stream: Stream) -> tuple[str, Stream]:
    """On the rows of a KPI, or with windows of its own; `tests.laws.models` gives it a model."""
    own = not stream.columns or draw.maybe(0.3)
    by = draw.one(*key_sets(stream)) if own else stream.keys
    lines = [f"source: {stream.source}", *(by_line(by) if own or draw.maybe(0.5) else []), f"model: {name}"]
    step = stream.step or (draw.one(1, 2) if own else 0)
    columns = tuple(f"{name}v{number}" for number in range(draw.one(1, 2))) if own else stream.columns
    if own:
        values = [f"  {column}: {quoted(window_number(draw, stream, by, kpi=True))}" for column in columns]
        lines += [f"every: {draw.span(step)}", "values:", *values]
    if draw.maybe(0.2):
        lines.append(f"where: {quoted(stream.condition(draw))}")
    features = [column for column in columns if draw.maybe(0.7)] or [columns[0]]
    lines.append(f"features: [{', '.join(features)}]")
    if draw.maybe(0.3):
        lines.append("missing: center")

    def number(draw: Draw) -> str:
        return draw.one("score", "score", *features)

    def condition(draw: Draw) -> str:
        value = f"{draw.one(*features)} {draw.one('>', '<=')} {draw.one(0, 1, 10, 40)}"
        return draw.one(f"score > {draw.one(0.3, 0.5, 0.66, 0.8)}", f"score > 0.6 and {value}", "score is null")

    lines += levels(draw, lambda: condition(draw)) + (no_data(draw) if step else [])
    over = stream.over if not own else ""
    return file_of("anomaly", name, lines), Stream((name,), number, condition, by, step, False, over, tuple(features))


def session_number(draw: Draw, stream: Stream) -> str:
    function = draw.one("count", "sum", "avg", "max", "first", "p90")
    return f"{function}({stream.number(draw)})"


def key_sets(stream: Stream) -> list[tuple[str, ...]]:
    if len(stream.names) > 1:
        return [stream.keys]
    if "site" in stream.keys and "host" in stream.keys and "role" in stream.keys:
        return [("host",), ("host",), ("host", "site"), ("site",), ("role",), ()]
    return list(dict.fromkeys((stream.keys, stream.keys[:1], ())))


def windowed_alarm(draw: Draw, name: str, stream: Stream, by: tuple[str, ...] | None = None) -> str:
    by = draw.one(*sorted(key_sets(stream), key=len)) if by is None else by
    step = stream.step or draw.one(1, 1, 2, 3)
    lines = [f"source: {stream.source}", *by_line(by), f"every: {draw.span(step)}"]
    if draw.maybe(0.25):
        lines.append(f"where: {quoted(stream.condition(draw))}")
    named = [f"v{number}" for number in range(draw.one(0, 1, 2))]
    if named:
        lines.append("values:")
        lines += [f"  {value}: {quoted(window_number(draw, stream, by))}" for value in named]
    lines += levels(draw, lambda: window_condition(draw, stream, by, named))
    if draw.maybe(0.4):
        lines.append("partial: true")
    elif draw.maybe(0.2):
        lines.append(f"min_history: {draw.span(1, 3)}")
    return file_of("alarm", name, lines + no_data(draw) + late(draw, stream))


def late(draw: Draw, stream: Stream) -> list[str]:
    """Rules on a source may judge closed windows again."""
    if stream.step or stream.names[0] not in ("alpha", "beta") or not draw.maybe(0.3):
        return []
    return ["late: amend", *([f"amend_for: {draw.span(5, 12, 40)}"] if draw.maybe(0.8) else [])]


def expecting_alarm(draw: Draw, name: str, stream: Stream) -> str:
    """Keys from a table, of which some are never heard of; silence is a count of 0."""
    only = draw.one("", "", ' where role == "critical"', " where weight > 1")
    step = draw.one(1, 2)
    lines = [f"source: {stream.source}", "by: host", f"every: {draw.span(step)}", f"expect: {quoted('devices' + only)}"]
    if draw.maybe(0.4):
        lines.append("where: " + quoted(draw.one('role == "critical"', "x > 30", 'host != "b" and x > 10')))
    silence = f"count(over {draw.span(2, 3, 6)}) {draw.one('==', '==', '<=')} {draw.one(0, 0, 1)}"
    lines += levels(draw, lambda: draw.one(silence, silence, window_condition(draw, stream, ("host",), [])))
    if draw.maybe(0.2):
        lines.append("partial: true")
    return file_of("alarm", name, lines + no_data(draw) + late(draw, stream))


def long_window_alarm(draw: Draw, name: str, stream: Stream) -> str:
    """A window of more than 288 steps."""
    steps = draw.one(300, 400, 700)
    lines = [f"source: {stream.source}", "by: [host]", f"every: {draw.span(1)}", "partial: true"]
    function, limit = draw.one("count", "sum"), draw.one(3, 20, 200)
    lines.append("when: " + quoted(f"{function}(x over {draw.span(steps)}) > {limit}"))
    return file_of("alarm", name, lines)


def no_data(draw: Draw) -> list[str]:
    if draw.maybe(0.3):
        return [f"no_data: {draw.one('alert', 'resolve')} after {draw.span(4, 6, 9)}"]
    return []


def row_alarm(draw: Draw, name: str, stream: Stream) -> str:
    """Windowless: at once, in order, behind the exchange, or occurrences; on a KPI, on each of its rows."""
    by = draw.one(*key_sets(stream))
    holds = bool(by) and draw.maybe(0.4)
    lines = [f"source: {stream.source}", *by_line(by)]
    silence = no_data(draw) if by and draw.maybe(0.4) else []
    if silence:
        lines += [f"every: {draw.span(stream.step or 1)}", *silence]
    if draw.maybe(0.25):
        lines.append(f"where: {quoted(stream.condition(draw))}")
    if draw.maybe(0.4):
        lines += ["values:", f"  v0: {quoted(stream.number(draw))}"]
    if by and not stream.step and not holds and draw.maybe(0.3):
        lines.append("in_order: true")
    lines += levels(draw, lambda: stream.condition(draw), holds=holds) if by else [occurrence(draw, stream)]
    return file_of("alarm", name, lines)


def occurrence(draw: Draw, stream: Stream) -> str:
    return f"when: {quoted(stream.condition(draw))}"


def join_on(kpi: Stream) -> tuple[object, ...]:
    """What KPIs side by side have in common: keys and windows."""
    return kpi.keys, kpi.step, kpi.over


def join_alarm(draw: Draw, name: str, one: Stream, two: Stream) -> str:
    """Two KPIs side by side."""
    by = one.keys
    lines = [f"source: [{one.names[0]}, {two.names[0]}]", *(by_line(by) if draw.maybe(0.7) else [])]
    join = draw.one("and", "or")

    def condition() -> str:
        return f"{one.condition(draw)} {join} {two.condition(draw)}"

    return file_of("alarm", name, lines + levels(draw, condition))


def side_by_side(one: Stream, two: Stream) -> Stream:
    """Two KPIs as one stream, for rules with windows over their joined rows."""

    def number(draw: Draw) -> str:
        return draw.one(one, two).number(draw)

    def condition(draw: Draw) -> str:
        return draw.one(one, two).condition(draw)

    return Stream((*one.names, *two.names), number, condition, one.keys, one.step, False, one.over)


def draw_rules(draw: Draw, count: int) -> dict[str, str]:
    """Files of rules by name."""
    files: dict[str, str] = {}
    sources = [source_stream("alpha"), source_stream("beta")]
    kpis: list[Stream] = []
    for number in range(count):
        shape = draw.one(
            *("kpi", "kpi", "windowed", "windowed", "windowed", "row", "row", "join", "join_kpi", "join_windowed"),
            *("kpi_row", "kpi_windowed", "long", "anomaly", "kpi_anomaly"),
        )
        stream = draw.one(*sources)
        tabular = [kpi for kpi in kpis if kpi.step]
        joinable = [kpi for kpi in tabular if "anomaly" not in files[kpi.names[0]]]
        if shape == "kpi":
            over = draw.one(*tabular) if tabular and draw.maybe(0.25) else stream
            files[f"r{number}"], made = kpi_rule(draw, f"r{number}", over)
            kpis.append(made)
            continue
        if shape in ("anomaly", "kpi_anomaly"):
            over = draw.one(*kpis) if kpis and shape == "kpi_anomaly" else stream
            files[f"r{number}"], made = anomaly_rule(draw, f"r{number}", over)
            kpis.append(made)
            continue
        pairs = [(p, q) for p in joinable for q in joinable if p is not q and p.keys and join_on(p) == join_on(q)]
        if shape == "join" and pairs:
            files[f"r{number}"] = join_alarm(draw, f"r{number}", *draw.one(*pairs))
        elif shape == "join_windowed" and pairs:
            files[f"r{number}"] = windowed_alarm(draw, f"r{number}", side_by_side(*draw.one(*pairs)))
        elif shape == "join_kpi" and pairs:
            files[f"r{number}"], made = kpi_rule(draw, f"r{number}", side_by_side(*draw.one(*pairs)))
            kpis.append(made)
        elif shape == "kpi_row" and kpis:
            files[f"r{number}"] = row_alarm(draw, f"r{number}", draw.one(*kpis))
        elif shape == "kpi_windowed" and tabular:
            files[f"r{number}"] = windowed_alarm(draw, f"r{number}", draw.one(*tabular))
        elif shape == "row":
            files[f"r{number}"] = row_alarm(draw, f"r{number}", stream)
        elif shape == "long":
            files[f"r{number}"] = long_window_alarm(draw, f"r{number}", stream)
        else:
            files[f"r{number}"] = windowed_alarm(draw, f"r{number}", stream)
    return files


def draw_forms(draw: Draw) -> dict[str, str]:
    """Rules of forms that came later; drawn apart, so that a seed means the world that it meant before."""
    files: dict[str, str] = {}
    if draw.maybe(0.35):
        files["expects"] = expecting_alarm(draw, "expects", source_stream(draw.one("alpha", "beta")))
    if draw.maybe(0.4):
        files |= muted_alarms(draw)
    if draw.maybe(0.4):
        files["sequence"] = sequence_alarm(draw, "sequence", source_stream(draw.one("alpha", "beta")))
    if draw.unit == 1_800_000 and draw.maybe(0.5):
        files["days"] = days_kpi(draw, "days", source_stream(draw.one("alpha", "beta")))
    return files


def days_kpi(draw: Draw, name: str, stream: Stream) -> str:
    """Days of a zone whose midnight such worlds live to see; tests/laws/test_law_6_days.py has those that are odd."""
    by = draw.one(("host",), ("site",), ())
    lines = [f"source: {stream.source}", *by_line(by), "every: 1d", *draw.one([], ["over: 2d"])]
    lines += [f"timezone: {draw.one('America/New_York', 'Asia/Kathmandu', 'Europe/Berlin')}", "values:"]
    lines += [f"  v{number}: {quoted(window_number(draw, stream, by, kpi=True))}" for number in range(2)]
    lines += draw.one([], [], ["late: amend", f"amend_for: {draw.one(25, 40)}h"])
    return file_of("kpi", name, lines)


def sequence_alarm(draw: Draw, name: str, stream: Stream) -> str:
    """Few kinds of events, so that many fit, also several steps at once."""

    def step() -> str:
        return draw.one('kind == "k1"', 'kind == "k2"', 'kind != "k3"', "x > 50", "x > 80 or ok", "y is null")

    by = draw.one(("host",), ("host",), ("host", "site"), ("site",), ("role",))
    steps = [step() for _ in range(draw.one(2, 2, 3, 4))]
    if draw.maybe(0.35):
        steps.append(f"not ({step()})")
        steps = steps[draw.one(0, 1) :]
    lines = [f"source: {stream.source}", *by_line(by), f"within: {draw.span(0.5, 2, 5, 20)}", "sequence:"]
    lines += [f"  - {quoted(each)}" for each in steps]
    if draw.maybe(0.4):
        lines.append(f"until: {quoted(step())}")
    if draw.maybe(0.3):
        lines.append(f"where: {quoted(stream.condition(draw))}")
    if draw.maybe(0.4):
        lines += ["values:", f"  v0: {quoted(stream.number(draw))}"]
    return file_of("alarm", name, lines)


def muted_alarms(draw: Draw) -> dict[str, str]:
    """An alarm that is muted by another, by a calendar or both."""
    files: dict[str, str] = {}
    mutes, muted = source_stream(draw.one("alpha", "beta")), source_stream(draw.one("alpha", "beta"))
    by = draw.one(("host",), ("host",), ("host", "site"))
    theirs = draw.one(("host",), ("role",), ("site",) if "site" in by else ("host",), ())
    if draw.maybe(0.7):
        files["mutes"] = windowed_alarm(draw, "mutes", mutes, theirs)
    else:
        lines = [f"source: {mutes.source}", *by_line(theirs or ("host",)), "in_order: true"]
        files["mutes"] = file_of("alarm", "mutes", lines + levels(draw, lambda: mutes.condition(draw)))
    unless = draw.one(
        *("firing(mutes)", "firing(mutes)", "firing(mutes) or during(works)", "during(works)"),
        *(
            "firing(mutes) and during(works)",
            'firing(mutes) and host != "a"',
            'not during(works) and role == "critical"',
        ),
    )
    text = windowed_alarm(draw, "unless", muted, by)
    own = random.Random(text)
    if own.random() < 0.4:
        mine = Draw(own, draw.unit)
        lines = [f"source: {muted.source}", *by_line(by), *(["in_order: true"] if mine.maybe(0.3) else [])]
        text = file_of("alarm", "unless", lines + levels(mine, lambda: muted.condition(mine)))
    files["unless"] = text + f"    unless: {quoted(unless)}\n"
    return files


# --- sources and records --------------------------------------------------------------------------------------------


def draw_source(draw: Draw, name: str, delay: int) -> str:
    lines = [f"{name}:", f"  topic: {name}", "  time: ts", f"  max_delay: {delay}ms"]
    if draw.maybe(0.7):
        lines.append("  unit: ms")
    if draw.maybe(0.7):
        lines.append("  key: host")
        if draw.maybe(0.1):
            lines.append("  sample: 60%")
    lines += ["  fields:", "    host: string", "    x: float"]
    if draw.maybe(0.5):
        lines += ["    site: string", "    y: {type: float}", "    ok: bool", "    n: int", "    kind: string"]
    if draw.maybe(0.3):
        lines.append('  drop: kind == "k3" and x < 30')
    lines.append("  enrich: {devices: host}")
    return "\n".join(lines)


def build_world(rng: random.Random, log_seed: int, *, rules: int = 4, records: int = 60) -> World:
    """`records` a partition, about."""
    unit = (1_000, 1_000, 60_000, 1_800_000)[rng.randrange(4)]
    draw = Draw(rng, unit)
    delays = {name: draw.one(0, unit // 2, unit, 3 * unit) for name in ("alpha", "beta")}
    sources = {name: draw_source(draw, name, delay) for name, delay in delays.items()}
    files = draw_rules(draw, rules)
    partitions = {name: draw.one(1, 2, 3, 4) for name in delays}
    missing = draw.one("", "missing: drop", "missing: {role: critical, weight: 1}")
    logs: dict[tuple[str, int], list[LogItem]] = {}
    drawn, bounds = random.Random(log_seed), random.Random(log_seed + 1)
    forms = draw_forms(Draw(random.Random(log_seed + 2), unit))
    files = {name: budgeted(bounds, text) for name, text in files.items()}
    forms = {name: budgeted(bounds, text) for name, text in forms.items()}
    kept = random.Random(log_seed + 4)
    files = {name: on_trial(flapping(kept_firing(kept, text, draw.span), unit)) for name, text in files.items()}
    forms = {name: on_trial(flapping(kept_firing(kept, text, draw.span), unit)) for name, text in forms.items()}
    for name, count in partitions.items():
        for partition in range(count):
            size = drawn.randrange(records // 2, records + 1)
            keyed = "key: host" in sources[name]
            logs[name, partition] = draw_log(drawn, unit, delays[name], size, partition, count, keyed)
    files, sources, logs = with_steps(random.Random(log_seed + 2), draw.span, files, sources, logs)
    files = with_units(with_kinds(files | forms))
    told = Draw(random.Random(log_seed + 6), unit)
    files = {name: pausing(telling(name, files, told.span, told.rng)) for name in files}
    table = f"{missing}\n---\n{TABLE}" if missing else TABLE
    world = World("\n".join(sources.values()), files, {"devices": table}, partitions, delays, logs, draw.one(1, 2, 3))
    world.calendars["works"] = draw_calendar(random.Random(log_seed + 3), unit)
    world.silences = draw_silences(random.Random(log_seed + 5), unit, files)
    return world


def worlds(rules: int = 4, records: int = 60) -> st.SearchStrategy[World]:
    """Projects whose rules hypothesis can shrink; the records come from a seed."""
    return st.builds(
        lambda rng, seed: build_world(rng, seed, rules=rules, records=records),
        st.randoms(use_true_random=False),
        st.integers(0, 2**32 - 1),
    )
