"""A rule's plan in words: where it runs and why, what it reads and keeps, with whom it shares, what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from streamwatchd.calendars.silence import ALWAYS_MS, NEVER_MS
from streamwatchd.lang.typed import BASELINE_REACH_MS, Firing, walk
from streamwatchd.lang.units import format_duration
from streamwatchd.operators.document import iso
from streamwatchd.operators.flapping import calm_when
from streamwatchd.operators.sequence import MOST_EVENTS
from streamwatchd.operators.spec import (
    Accumulation,
    BaselineSpec,
    FamilySpec,
    KpiSpec,
    LearningAlarmSpec,
    RowAlarmSpec,
    TableSpec,
    WindowAlarmSpec,
)
from streamwatchd.operators.stage_spec import LogicalPlan, StageSpec
from streamwatchd.plan.describe import describe
from streamwatchd.plan.placement import OWN_ROWS, Placement, placement, readers, readings, rule_names, stages
from streamwatchd.rules.ruleset import SHADOW_OF, Alarm, Anomaly, Kpi, Level, Rule, RuleSet, Sequence

BYTES = {
    "count": 2,
    "sum": 10,
    "rough_sum": 6,
    "square_sum": 10,
    "min": 8,
    "max": 8,
    "first": 16,
    "last": 16,
    "histogram": 400,
    "distinct": 800,
    "line": 40,
    "increase": 12,
    "changes": 4,
}
"""What an accumulation keeps per key and closed pane, about: sums of decimals have three bins of up to 4 bytes, and
sketches grow with their values."""

_OVERHEAD = 2
_OPEN = 3
"""Panes of short tables take so many times as much: they are kept as they were added up."""

_SAMPLE = 4

_LISTED = 5


@dataclass(frozen=True, slots=True)
class Section:
    """A title and its lines."""

    title: str
    lines: tuple[str, ...]


def _from(rule: Rule) -> Iterator[str]:
    """What the rule takes over from other files."""
    words: dict[str, list[str]] = {}
    for path, span in rule.taken:
        if span.file != rule.span.file:
            words.setdefault(span.file, []).append(f"{path} (line {span.line})")
    for file, found in words.items():
        yield f"{file}: {', '.join(found)}"


def explain(plan: LogicalPlan, rules: RuleSet, name: str) -> list[Section]:
    """Raises KeyError for an unknown rule."""
    rule, place = rules.rule(name), placement(plan, name)
    kind = type(rule).__name__.lower()
    sections = [
        Section(f"{kind} {name}", (str(rule.span),)),
        Section("from", tuple(_from(rule))),
        Section("reads", tuple(_reads(rule, rules))),
        Section("runs", tuple(_runs(plan, rule, place, rules))),
        Section("judged", tuple(_judged(rule, place))),
        Section("values", tuple(f"{value.name} = {describe(value.expr)}" for value in rule.values)),
    ]
    if isinstance(rule, Anomaly):
        sections.append(Section("scored", tuple(_scored(plan, rule))))
        rows = placement(plan, name + OWN_ROWS) if rule.windowed else place
        place = replace(place, families=rows.families)
    if isinstance(rule, Alarm | Anomaly):
        sections.append(Section("levels", tuple(_levels(rule))))
        sections.append(Section("muted", (*_muted(rule), *_told(plan, rule))))
        sections.append(Section("otherwise", tuple(_otherwise(rule, place))))
    elif rule.when is not None:
        sections.append(Section("written", (f"only rows where {describe(rule.when)}; rules on it see all",)))
    if rule.shadow:
        sections.append(Section("in shadow", ("what comes of it goes to the shadow topic alone; it mutes nobody",)))
    sections.append(Section("keeps", tuple(_keeps(plan, place))))
    sections.append(Section("shares", tuple(_shares(plan, name, place))))
    return [section for section in sections if section.lines]


# what it reads, and where it runs


def _reads(rule: Rule, rules: RuleSet) -> Iterator[str]:
    for name in rule.sources:
        source = rules.sources.get(name)
        if source is not None:
            others = sum(name in each.sources for each in rules.rules) - 1
            more = f", read by {others} other rules" if others != 1 else ", read by 1 other rule"
            yield f"source {name}, topic {source.topic}" + (more if others else "")
        else:
            kind = "anomaly rule" if isinstance(rules.rule(name), Anomaly) else "KPI"
            yield f"{kind} {name}, of {rules.rule(name).span.file}"
    if rule.where is not None:
        yield f"where {describe(rule.where)}"
    if isinstance(rule, Alarm) and rule.expect is not None:
        only = f" where {describe(rule.expect.where)}" if rule.expect.where is not None else ""
        yield f"keys are the rows of table {rule.expect.table}{only}, heard of or not; others are not judged"


def _runs(plan: LogicalPlan, rule: Rule, place: Placement, rules: RuleSet) -> Iterator[str]:
    keys = ", ".join(f"`{key.name}`" for key in rule.by)
    if place.stage.stage == 1:
        source = rules.sources[place.source]
        yield f"in the tasks of source {source.name}, one a partition of {source.topic}: nothing crosses the exchange"
        if not rule.by:
            yield "it has no `by`, so each event stands for itself"
        elif source.key:
            yield f"because `by` ({keys}) holds `{source.key}`, the field that the topic is partitioned by"
        return
    yield f"behind the exchange, at stage {place.stage.stage}" + (f", spread by {keys}" if rule.by else ", in one task")
    crossing = tuple(_crossing(plan, place))
    yield _why_moved(rule, rules, keys) if crossing or len(rule.sources) == 1 else _why_there(rule)
    yield from crossing


def _why_there(rule: Rule) -> str:
    return f"because it joins {' and '.join(rule.sources)}, which are put together there"


def _why_moved(rule: Rule, rules: RuleSet, keys: str) -> str:
    unless = None if isinstance(rule, Kpi) else rule.unless
    if unless is not None and any(isinstance(each, Firing) for each in walk(unless)):
        return "because it asks for the states of other alarms, which go to every task there"
    if isinstance(rule, Alarm) and rule.expect is not None:
        return "because it expects keys: nobody knows the partition of one that was never heard of"
    if isinstance(rule, Alarm) and rule.sequence is not None and len(rule.sources) > 1:
        return f"because its steps are events of {' and '.join(rule.sources)}, whose keys lie in different tasks"
    if len(rule.sources) > 1:
        return f"because it joins {' and '.join(rule.sources)}, whose rows of one key lie in different tasks"
    source = rules.sources.get(rule.sources[0])
    if source is None:
        return f"because it reads the KPI {rule.sources[0]}, which is put together there"
    if not source.key:
        return f"because source {source.name} does not say which field its topic is partitioned by (`key:`)"
    if not rule.by:
        return "because it has no `by`: all partitions are judged together"
    return f"because `by` ({keys}) does not hold `{source.key}`, the field that {source.topic} is partitioned by"


def _crossing(plan: LogicalPlan, place: Placement) -> Iterator[str]:
    """What travels, and from where."""
    wanted = {family.id for family in place.families}
    streams = {place.node.stream} if isinstance(place.node, RowAlarmSpec) else {f.stream for f in place.families}
    for source, stage in stages(plan):
        origin = f"source {source}" if source else f"stage {stage.stage}"
        for family in stage.sends:
            if family.id in wanted:
                width = format_duration(family.tables[0].width_ms)
                yield f"one partial a key and {width} pane travels from the tasks of {origin}, not the events"
        for feed in stage.feeds:
            if feed.name in streams or streams.intersection(_joined_from(place.stage, feed.name)):
                only = f" where {describe(feed.where)}" if feed.where is not None else ""
                yield f"rows of {feed.stream}{only} travel from the tasks of {origin}, with {len(feed.columns)} columns"


def _read_from(stage: StageSpec, stream: str) -> str:
    """A stream by its name, a join by the names of its sides."""
    joined = next((join for join in stage.joins if join.name == stream), None)
    return stream if joined is None else f"the rows of {' and '.join(name for _, name in joined.inputs)} joined"


def _joined_from(stage: StageSpec, feed: str) -> list[str]:
    return [join.name for join in stage.joins if feed in [stream for stream, _ in join.inputs]]


# how it is judged


def _judged(rule: Rule, place: Placement) -> Iterator[str]:
    per = f"per {', '.join(key.name for key in rule.by)}" if rule.by else "over all events together"
    match rule:
        case Kpi(session_ms=session_ms) if session_ms:
            yield f"when a session ends, {format_duration(session_ms)} after its last event; {per}"
        case Kpi():
            size = format_duration(rule.over_ms or rule.every_ms)
            days = f", in days of {rule.zone}" if rule.zone else ""
            yield f"every {format_duration(rule.every_ms)} over the last {size}{days}, {per}"
        case Anomaly(windowed=True):
            yield f"every {format_duration(rule.every_ms)}, {per}; one batch for all keys"
        case Anomaly():
            yield f"on the rows of {' and '.join(rule.sources)} as their windows end, {per}; one batch for all keys"
        case Alarm(windowless=False):
            yield f"every {format_duration(rule.every_ms)}, {per}"
        case Alarm():
            yield from _judged_on_rows(rule, place, per)
    for reading in readings(place.node):
        if isinstance(rule, Alarm) and reading.window.step_ms != rule.every_ms:
            step = format_duration(reading.window.step_ms)
            yield f"the window of {describe(reading.aggregate)} is long, so it moves by {step}"


def _judged_on_rows(rule: Alarm, place: Placement, per: str) -> Iterator[str]:
    ordered = isinstance(place.node, RowAlarmSpec) and place.node.ordered
    if not rule.by:
        yield "on each row: every one that is true is an occurrence of its own, with no end"
    elif ordered:
        yield f"on each row in order of event time, behind the watermark; {per}"
    else:
        yield f"on each row at once, in the order of its partition; {per}"


def _scored(plan: LogicalPlan, rule: Anomaly) -> Iterator[str]:
    units = [f"{name} ({type_.unit})" if type_.unit else name for name, type_ in zip(rule.features, rule.feature_types)]
    yield f"by the model {rule.model} on {', '.join(units)}"
    model = plan.models.get(rule.name)
    if model is None:
        yield "no version of it is there yet: the score is null"
    else:
        about = model.manifest.training
        yield f"{model.manifest.id}, {model.manifest.kind}, trained on {about.vectors:,} vectors of {about.keys:,} keys"
    on_trial = plan.models.get(rule.name + SHADOW_OF)
    if on_trial is not None:
        yield f"beside it {on_trial.manifest.id} on trial: its scores are counted and nothing else"
    yield f"where a feature is null: {'no score' if rule.missing == 'skip' else 'the middle of what was trained on'}"


def _told(plan: LogicalPlan, rule: Alarm | Anomaly) -> Iterator[str]:
    """Reminders, flapping, and the silences that name the rule."""
    if rule.repeat_ms is not None:
        first, most = map(format_duration, rule.repeat_ms)
        waits = f"after {first}" + ("" if first == most else f", then after twice as long each time, up to {most}")
        yield f"what goes on is told again {waits}, unless somebody has acknowledged it"
    if rule.flapping is not None:
        flapping = rule.flapping
        often = f"changes {flapping.changes} times (fires, resolves) in {format_duration(flapping.window_ms)}"
        calm = calm_when(flapping.until, flapping.window_ms)
        yield f"a key that {often} flaps: told once, then muted until {calm}"
    for each in plan.silences.get(rule.name, ()):
        of = "" if each.where is None else f" of keys where {describe(each.where)}"
        times = [] if each.from_ms == ALWAYS_MS else [f"from {iso(each.from_ms)}"]
        times += [] if each.until_ms == NEVER_MS else [f"until {iso(each.until_ms)}"]
        times += [] if each.calendar is None else [f"during {each.calendar.name}"]
        yield f"silence {each.name}: nobody is notified{of}, {', '.join(times)}"


def _muted(rule: Alarm | Anomaly) -> Iterator[str]:
    if rule.pause is not None:
        is_sequence = isinstance(rule, Alarm) and rule.sequence is not None
        rest = ", events take no step, and nothing falls due" if is_sequence else ", and holds begin anew afterwards"
        yield f"it is not judged while {describe(rule.pause)}: what is up stays up{rest}"
    if rule.unless is not None:
        yield f"nobody is notified while {describe(rule.unless)}"
        yield "what still fires afterwards is told once, as `unmuted`"
        for leaf in dict.fromkeys(node for node in walk(rule.unless) if isinstance(node, Firing)):
            on = " and ".join(f"its {key} is {describe(expr)}" for key, expr in leaf.on)
            yield f"firing({leaf.rule}) means {f'an alarm of it is up where {on}' if on else 'its alarm is up'}"


def _sequence(severity: str, sequence: Sequence) -> Iterator[str]:
    within = format_duration(sequence.within_ms)
    steps = ", then ".join(map(describe, sequence.steps))
    rest = "" if sequence.never is None else f", and then no {describe(sequence.never)}"
    yield f"{severity}: {steps}{rest}, within {within}; other events may stand between, each is used once"
    if sequence.never is not None:
        yield f"it fires {within} after the first of them"
    ends = "it has no end" if sequence.until is None else f"until {describe(sequence.until)}"
    yield f"{ends}; a key keeps its unused events for {within}, the last {MOST_EVENTS:,} of them"


def _levels(rule: Alarm | Anomaly) -> Iterator[str]:
    if isinstance(rule, Alarm) and rule.sequence is not None:
        yield from _sequence(rule.levels[0].severity, rule.sequence)
        return
    for level in rule.levels:
        yield f"{level.severity}: {_level(level)}"


def _level(level: Level) -> str:
    held = f", held for {format_duration(level.for_ms)}" if level.for_ms else ""
    clears = f"until {describe(level.until)}" if level.until is not None else "until that is false"
    clears += f", held for {format_duration(level.until_for_ms)}" if level.until_for_ms else ""
    return f"{describe(level.when)}{held}; {clears}"


def _otherwise(rule: Alarm | Anomaly, place: Placement) -> Iterator[str]:
    """Warming, silence, forgetting."""
    if isinstance(place.node, WindowAlarmSpec) and isinstance(rule, Alarm) and not rule.partial:
        longest = max(
            (window.size_ms for level in place.node.warming for windows in level for window in windows), default=0
        )
        history = min(longest, rule.min_history_ms) if rule.min_history_ms is not None else longest
        if isinstance(place.node, LearningAlarmSpec):
            history = max(history, BASELINE_REACH_MS if rule.min_history_ms is None else rule.min_history_ms)
        if history:
            yield f"a key is not judged before its first {format_duration(history)} are whole"
    match rule.no_data.action:
        case "alert":
            yield f"after {format_duration(rule.no_data.after_ms)} without an event the alarm fires as no_data"
        case "resolve":
            yield f"after {format_duration(rule.no_data.after_ms)} without an event the alarm resolves"
        case _:
            yield "silence changes nothing (`no_data: keep`)"
    if isinstance(rule, Alarm) and rule.expect is not None:
        yield "a key goes, and its alarm resolves as retired, when its row leaves the table; silence retires none"
    elif rule.by:
        forget_ms = rule.forget_ms if isinstance(place.node, KpiSpec) else place.node.forget_ms
        yield f"a key is forgotten, and its alarm resolves, after {format_duration(forget_ms)} without events"


# what it keeps and shares


def _keeps(plan: LogicalPlan, place: Placement) -> Iterator[str]:
    if isinstance(place.node, RowAlarmSpec):
        yield "one state a key and level" + ("" if place.families else "; no windows")
    if isinstance(place.node, RowAlarmSpec) and not place.families:
        return
    total = 0
    for family in place.families:
        only = f", where {describe(family.where)}" if family.where is not None else ""
        yield f"panes of {_read_from(place.stage, family.stream)} by {family_keys(family)}{only}"
        for table in family.tables:
            total += table_bytes(table)
            yield f"  {_table(table)}"
    for baseline in place.node.baselines if isinstance(place.node, LearningAlarmSpec) else ():
        total += baseline_bytes(baseline)
        yield _baseline(baseline)
    yield f"about {size_text(total)} a key in all, shared with every rule below" if total else "nothing"


def _table(table: TableSpec) -> str:
    what = ", ".join(map(_accumulation, table.accumulations))
    fed = f"rolled up from {format_duration(table.parent_ms)}" if table.parent_ms else "fed by events"
    size = f"{format_duration(table.width_ms)} × {pane_count(table)}"
    return f"{size}, {fed}: {what or 'no accumulation'} = {size_text(table_bytes(table))} a key"


def _baseline(spec: BaselineSpec) -> str:
    functions = " and ".join(sorted({node.function for node in spec.nodes}, reverse=True))
    step, reach = format_duration(spec.step_ms), format_duration(BASELINE_REACH_MS)
    size = size_text(baseline_bytes(spec))
    return f"what is usual: {describe(spec.expr)} every {step}, for {reach}, for {functions} = {size} a key"


def _accumulation(each: Accumulation) -> str:
    match each.reads:
        case "rows":
            what = "rows"
        case "true":
            what = f"where {describe(each.arg)}" if each.arg is not None else "rows"
        case _:
            what = describe(each.arg) if each.arg is not None else "rows"
    return f"{each.accumulator}({what}" + (f" where {describe(each.where)})" if each.where is not None else ")")


def pane_count(table: TableSpec) -> int:
    return max(1, -(-table.retention_ms // table.width_ms))


def table_bytes(table: TableSpec) -> int:
    """Per key, about."""
    each = sum(BYTES.get(accumulation.accumulator, 16) for accumulation in table.accumulations)
    return pane_count(table) * (each + _OVERHEAD) * (1 if table.is_long else _OPEN)


def baseline_bytes(spec: BaselineSpec) -> int:
    """Per key: a 32-bit float a sample."""
    return -(-BASELINE_REACH_MS // spec.step_ms) * _SAMPLE


def size_text(count: int) -> str:
    for unit, size in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"


def _shares(plan: LogicalPlan, name: str, place: Placement) -> Iterator[str]:
    together = [other for other in rule_names(place.node) if other != name]
    if together:
        yield f"judged together with {_listed(together)}: the same shape, other constants"
    for family in place.families:
        others = [other for other in readers(plan, family.id) if other != name]
        if others:
            yield f"the panes by {family_keys(family)} with {_listed(others)}"
    if not together and not any(readers(plan, family.id) != [name] for family in place.families):
        yield "nothing but the reading of what it reads"


def family_keys(family: FamilySpec) -> str:
    """Filters by equality count as keys: `role` of `where role == "critical"`, for the values that rules ask for."""
    lifted = [
        f"{describe(key.expr)} ({', '.join(sorted(values)[:_LISTED])}{', …' if len(values) > _LISTED else ''})"
        for key, values in zip(family.keys, family.admits, strict=False)
    ]
    names = [key.name for key in family.keys[len(family.admits) :]]
    return ", ".join([*lifted, *names]) or "no key"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
