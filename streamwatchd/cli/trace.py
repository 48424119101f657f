"""`swctl trace`: the way of one record, from its bytes to the alarms that it touched."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import click

from streamwatchd.batch import RawBatch
from streamwatchd.calendars.clock import LocalDays
from streamwatchd.cli import record
from streamwatchd.cli.playing import bare_source, readable
from streamwatchd.cli.project import compile_or_exit, project_options
from streamwatchd.cli.rehearsal import Manner, rehearse
from streamwatchd.cli.times import PAST
from streamwatchd.cli.traffic import Wanted, traffic_of
from streamwatchd.compiler import Compiled, program_of
from streamwatchd.errors import UnreadableInput
from streamwatchd.lang.typed import Aggregate, walk
from streamwatchd.lang.units import format_duration
from streamwatchd.operators.document import iso
from streamwatchd.operators.spec import Window
from streamwatchd.plan.describe import describe
from streamwatchd.plan.program import Program
from streamwatchd.plan.windows import day_window_of
from streamwatchd.plan.xray import readers
from streamwatchd.ports.kafka import Partition
from streamwatchd.recording import open_recording
from streamwatchd.rules.lint._check import expressions
from streamwatchd.rules.ruleset import Kpi, Rule, Source
from streamwatchd.settings import Settings
from streamwatchd.shard.output import Output, Sink
from streamwatchd.testing.driver import Driver
from streamwatchd.testing.playback import cut
from streamwatchd.testing.recorder import stamp_at
from streamwatchd.testing.timeline_times import absolute

_WIDTH = 10
_LISTED = 10
_AROUND_MS = 3_600_000


@click.command("trace")
@click.argument("place", metavar="TOPIC:PARTITION:OFFSET")
@project_options
@click.option("--recording", metavar="FILE", help="The traffic that holds the record [default: what Kafka holds].")
@click.option("--from", "from_ms", type=PAST, metavar="TIME", help="Of Kafka's, from then on [default: 1 h before it].")
@click.option("--until", "until_ms", type=PAST, metavar="TIME", help="Of Kafka's, up to then [default: 1 h after it].")
@click.option("--source", metavar="NAME", help="The source of bare events [default: the only one].")
def command(
    place: str,
    config: Path | None,
    rules_dir: Path | None,
    recording: str | None,
    from_ms: int | None,
    until_ms: int | None,
    source: str | None,
) -> None:
    """Show the way of one record: what was read of it, which tables it met, whether it was late or left out and why,
    which rules took it, the windows that it entered, and what became of their alarms meanwhile.

    In a recording of bare events the offset is the number of the line, from 0, in partition 0. Without a recording its
    topic, and those that rules read beside it, are played as Kafka holds them: rules begin an hour before the record
    unless --from says otherwise, so windows that reach further back warm up.
    """
    compiled, program = compile_or_exit(config, rules_dir)
    if recording == "-":
        raise UnreadableInput("--recording is read twice, so it must be a file")
    if recording is not None and (from_ms, until_ms) != (None, None):
        raise click.UsageError("--from and --until say what to take from Kafka: --recording FILE does not go with them")
    address = _Address.read(place)
    _source_of(compiled, address)
    manner = Manner(source, None, False, int(time.time() * 1000), False)
    stretch = None if recording is not None else _around(address, compiled, from_ms, until_ms)
    with traffic_of(recording, stretch, compiled) as traffic:
        for line in _trace(traffic.path, compiled, program, address, manner):
            click.echo(line)


def _around(address: _Address, compiled: Compiled, from_ms: int | None, until_ms: int | None) -> Wanted:
    """What to take from Kafka: records around that one. Raises UnreadableInput, Unavailable."""
    assert compiled.loaded.settings is not None
    kafka = record.open_kafka(compiled.loaded.settings)
    stamp_ms = stamp_at(kafka, Partition(address.topic, address.partition), address.offset)
    from_ms = stamp_ms - _AROUND_MS if from_ms is None else from_ms
    until_ms = stamp_ms + _AROUND_MS if until_ms is None else until_ms
    if not from_ms <= stamp_ms < until_ms:
        raise UnreadableInput(f"the record has the timestamp {iso(stamp_ms)}, which --from and --until leave out")
    rules, sources = compiled.loaded.ruleset.rules, compiled.loaded.ruleset.sources
    mine = _source_of(compiled, address).name
    beside = [name for rule in rules if mine in rule.sources for name in rule.sources if name in sources]
    return Wanted([address.topic, *beside], from_ms, until_ms)


@dataclass(frozen=True, slots=True)
class _Address:
    topic: str
    partition: int
    offset: int

    @classmethod
    def read(cls, text: str) -> _Address:
        topic, _, rest = text.partition(":")
        partition, _, offset = rest.partition(":")
        if not topic or not partition.isdigit() or not offset.isdigit():
            raise UnreadableInput(f"`{text}` is no TOPIC:PARTITION:OFFSET, such as telecom.metrics:0:1234")
        return cls(topic, int(partition), int(offset))

    def is_of(self, headers: Mapping[str, str]) -> bool:
        there = (headers.get("topic"), headers.get("partition"), headers.get("offset"))
        return there == (self.topic, str(self.partition), str(self.offset))


@dataclass(slots=True)
class _Heard:
    """Everything written about alarms and KPIs, and the record where it was set apart."""

    address: _Address
    documents: list[Mapping[str, object]] = field(default_factory=list)
    apart: tuple[Sink, Mapping[str, str]] | None = None

    def take(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            if output.sink in (Sink.LATE, Sink.DEAD_LETTERS) and self.address.is_of(dict(output.headers)):
                self.apart = output.sink, dict(output.headers)
            elif output.sink in (Sink.ALERTS, Sink.KPIS, Sink.SHADOW) and isinstance(output.value, dict):
                self.documents.append(output.value)


def _trace(recording: str, compiled: Compiled, program: Program, address: _Address, manner: Manner) -> Iterator[str]:
    source = _source_of(compiled, address)
    found = _record(recording, compiled, address, manner)
    yield from _section("record", [_bytes(found)])
    heard = _Heard(address)
    rehearse(recording, compiled, program, manner, heard.take)
    if heard.apart is not None:
        yield from _set_apart(*heard.apart)
        if heard.apart[0] is Sink.DEAD_LETTERS:
            return
    settings = compiled.loaded.settings
    assert settings is not None
    documents = _alone(compiled, source, found, settings, manner.now_ms)
    if not documents:
        yield from _section("left out", [_why_left_out(compiled, source, found, settings, manner.now_ms)])
        return
    at_ms = absolute(str(documents[0][1]["at"]))
    assert at_ms is not None
    yield from _section("says", [f"event time {iso(at_ms)}"])
    for rule, document, shown in documents:
        late = heard.apart is not None
        yield from _reader(rule, _values(document, shown), at_ms, late, heard)
    yield from _others(compiled, source)


def _source_of(compiled: Compiled, address: _Address) -> Source:
    for source in compiled.loaded.ruleset.sources.values():
        if source.topic == address.topic:
            return source
    raise UnreadableInput(f"no source reads the topic {address.topic}")


def _record(recording: str, compiled: Compiled, address: _Address, manner: Manner) -> RawBatch:
    """It alone, as a batch. Raises UnreadableInput where the recording does not hold it."""
    settings = compiled.loaded.settings
    assert settings is not None
    bare = bare_source(compiled.loaded.ruleset, manner.source, None, manner.now_ms + settings.max_future_ms)
    with readable(recording, twice=False) as path, open_recording(path, bare) as opened:
        for item in opened:
            if not isinstance(item, RawBatch) or (item.topic, item.partition) != (address.topic, address.partition):
                continue
            for row, offset in enumerate(item.offsets):
                if offset == address.offset:
                    return cut(item, row, row + 1)
    raise UnreadableInput(f"the recording holds no record {address.topic}:{address.partition}:{address.offset}")


def _bytes(record: RawBatch) -> str:
    payload = record.payloads[0]
    if payload is None:
        return "no payload"
    text = payload.decode(errors="backslashreplace")
    return text if len(text) <= 400 else f"{text[:400]}… ({len(payload):,} bytes)"


def _set_apart(sink: Sink, headers: Mapping[str, str]) -> Iterator[str]:
    if sink is Sink.LATE:
        yield from _section("late", [f"it says {headers.get('time')}, and the watermark of its partition was at "
                                     f"{headers.get('watermark')}: it entered no window"])  # fmt: skip
    else:
        yield from _section("refused", [f"{headers.get('reason')}: it is a dead letter"])


Read = tuple[Rule, Mapping[str, object], tuple[str, ...]]


def _alone(compiled: Compiled, source: Source, record: RawBatch, settings: Settings, now_ms: int) -> list[Read]:
    """What each rule on the source makes of the record, without anything before it; none where it is left out."""
    found = readers(compiled.loaded.ruleset, source.name)
    program = program_of(found.rules, settings.max_record_bytes)
    if not program.plan.sources:
        return []
    partitions = {each.topic: record.partition + 1 for each in program.plan.sources.values()}
    driver = Driver(program, compiled.loaded.tables, partitions, exchange_partitions=1, now_ms=now_ms)
    driver.feed(record)
    by_name = {f"{rule.name}": rule for rule in compiled.loaded.ruleset.rules}
    result: list[Read] = []
    for output in driver.take_outputs():
        if output.sink is Sink.ALERTS and isinstance(output.value, dict):
            name = str(output.value["rule"])
            names = tuple(name for name, _ in found.shown[name])
            result.append((by_name[name.rpartition(" ")[0]], output.value, names))
    return result


def _why_left_out(compiled: Compiled, source: Source, record: RawBatch, settings: Settings, now_ms: int) -> str:
    rules = compiled.loaded.ruleset
    if not any(source.name in rule.sources for rule in rules.rules):
        return f"no rule reads the source {source.name}"
    whole = replace(rules, sources={**rules.sources, source.name: replace(source, sample=1.0)})
    again = replace(compiled, loaded=replace(compiled.loaded, ruleset=whole))
    if source.sample < 1 and _alone(again, source, record, settings, now_ms):
        return f"by `sample:` of the source {source.name}"
    if source.drop is not None:
        return f"by `drop: {describe(source.drop)}` of the source {source.name}, or by a table with `missing: drop`"
    return f"no rule on {source.name} looks at single records, or a table with `missing: drop` has no row for it"


def _values(document: Mapping[str, object], names: tuple[str, ...]) -> list[tuple[str, object]]:
    values = document["values"]
    assert isinstance(values, Mapping)
    return [(name, values.get(f"v{number}")) for number, name in enumerate(names)]


def _reader(rule: Rule, values: list[tuple[str, object]], at_ms: int, late: bool, heard: _Heard) -> Iterator[str]:
    keys = {key.name for key in rule.by}
    key = {name: value for name, value in values if name in keys}
    lines = [f"{', '.join(f'{name}={_word(value)}' for name, value in key.items()) or 'no key'}"]
    where = next((value for name, value in values if name == "where"), True)
    levels = [(name, value) for name, value in values if name not in keys and name != "where"]
    if where is not True:
        lines.append(f"not taken: `where {describe(rule.where) if rule.where is not None else ''}` is {_word(where)}")
    elif any(value is None for value in key.values()):
        lines.append("not taken: a key is null")
    elif late:
        lines.append("late: it enters no window" + (", but the rule amends" if rule.amend else ""))
    else:
        lines += [f"{name}: {_word(value)}" for name, value in levels]
        lines += list(_windows(rule, at_ms))
        lines += list(_touched(rule, key, at_ms, heard))
    yield from _section(f"{type(rule).__name__.lower()} {rule.name}", lines)


def _word(value: object) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _windows(rule: Rule, at_ms: int) -> Iterator[str]:
    """For each aggregate, the judgements that see the record: those at T with t < T ≤ t + over."""
    if not rule.every_ms:
        return
    step = rule.every_ms
    seen = set()
    for expr in expressions(rule):
        for each in walk(expr):
            if not isinstance(each, Aggregate) or each in seen:
                continue
            seen.add(each)
            over = each.over_ms or getattr(rule, "over_ms", 0) or step
            if isinstance(rule, Kpi) and rule.days is not None:
                first, last, count = _midnights(rule.days, day_window_of(over, step, each.ago_ms, rule.zone), at_ms)
            else:
                first = (at_ms // step + 1) * step + each.ago_ms
                last = (at_ms + over) // step * step + each.ago_ms
                count = (last - first) // step + 1
            if count > 0:
                span = f"once, at {iso(first)}" if count == 1 else f"{count:,} times, {iso(first)} to {iso(last)}"
                window = f" over {format_duration(over)}" if each.over_ms is None else ""
                yield f"{describe(each)}{window}: judged with it {span}"


def _midnights(days: LocalDays, window: Window, at_ms: int) -> tuple[int, int, int]:
    """The first and the last whose window holds an instant, and how many do."""
    found, midnight = [], days.first_from(at_ms + 1)
    while window.start(midnight) <= at_ms:
        found += [midnight] if at_ms < window.end(midnight) else []
        midnight = days.first_from(midnight + 1)
    return (found[0], found[-1], len(found)) if found else (0, 0, 0)


def _touched(rule: Rule, key: Mapping[str, object], at_ms: int, heard: _Heard) -> Iterator[str]:
    """Events of the alarm of its key while a window holds the record; rows of KPIs whose window holds it."""
    reach = max([1, *(_reach(rule, each) for expr in expressions(rule) for each in walk(expr))])
    found = []
    for document in heard.documents:
        name = document.get("kpi") if isinstance(rule, Kpi) else document.get("rule")
        if name != rule.name or document["key"] not in (key, {}):
            continue
        window = document.get("window")
        text = str(window["end"]) if isinstance(rule, Kpi) and isinstance(window, Mapping) else str(document.get("at"))
        when = absolute(text)
        least = at_ms if rule.every_ms == 0 else at_ms + 1
        if when is not None and least <= when <= at_ms + reach:
            found.append(document)
    for document in found[:_LISTED]:
        yield _line(document)
    if len(found) > _LISTED:
        yield f"and {len(found) - _LISTED:,} more"


def _reach(rule: Rule, expr: object) -> int:
    if not isinstance(expr, Aggregate):
        return rule.every_ms
    return (expr.over_ms or getattr(rule, "over_ms", 0) or rule.every_ms) + expr.ago_ms


def _line(document: Mapping[str, object]) -> str:
    values = json.dumps(document["values"], ensure_ascii=False)
    if "kpi" in document:
        return f"row {json.dumps(document['window'])} {values}"
    return f"{document['at']} {document['event']} {document['severity']} {values}"


def _others(compiled: Compiled, source: Source) -> Iterator[str]:
    rules = compiled.loaded.ruleset.rules
    joins = [rule.name for rule in rules if source.name in rule.sources and len(rule.sources) > 1]
    if joins:
        yield from _section("joins", [f"{', '.join(joins)} read it beside other streams: `swctl explain` says how"])


def _section(title: str, lines: list[str]) -> Iterator[str]:
    wide = max(_WIDTH, len(title) + 2) if len(title) < _WIDTH else 2
    if wide == 2:
        yield title
        title = ""
    for number, line in enumerate(lines):
        yield f"{title if number == 0 else '':<{wide}}{line}"
