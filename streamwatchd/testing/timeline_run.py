"""Running a timeline: the whole program on one thread, events arrive at their times, the clock goes on to the end."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import msgspec

from streamwatchd.batch import RawBatch
from streamwatchd.calendars.silence import Ack, Silence
from streamwatchd.compiler import program_of
from streamwatchd.diagnostics import Span
from streamwatchd.enrichment.table import TableData
from streamwatchd.operators.document import iso
from streamwatchd.plan.program import Program
from streamwatchd.ports.disk import RealDisk
from streamwatchd.ports.murmur2 import partition_of
from streamwatchd.repository.catalog import Catalog
from streamwatchd.repository.store import ModelData
from streamwatchd.rules.loader import Loaded
from streamwatchd.rules.model_choice import fitting
from streamwatchd.rules.ruleset import Anomaly, Rule, RuleSet, Source, reads
from streamwatchd.shard.output import DOCUMENT_SINKS, Output, Sink, TaskId
from streamwatchd.testing.driver import Driver
from streamwatchd.testing.playback import Clock
from streamwatchd.testing.timeline import Act, Case, Event, Kind, Suite, Verb
from streamwatchd.testing.timeline_patch import Edits, patched
from streamwatchd.testing.timeline_times import absolute

Named = TypeVar("Named", Silence, Ack)

_encode = msgspec.json.Encoder(order="deterministic").encode
_UNITS = {"s": 1e-3, "ms": 1, "us": 1_000, "ns": 1_000_000}
_SET_APART = {
    Sink.LATE: Kind.LATE,
    Sink.DEAD_LETTERS: Kind.DEAD_LETTER,
}


@dataclass(frozen=True, slots=True)
class Happening:
    """An output: of which alarm, KPI or source, when (ms after the start), its document, the event that it is."""

    kind: Kind
    name: str
    at_ms: int
    document: Mapping[str, object]
    event: Event | None = None


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a timeline, in order of event time. `stopped_ms` is how far the clock ran."""

    happenings: tuple[Happening, ...]
    stopped_ms: int


@dataclass(frozen=True, slots=True)
class Layout:
    """How the work is laid out, of which no answer may depend: the shards, whether each instant of the timeline is a
    batch of its own, and the partitions over which a source's events are spread by its `key:`. What counts per
    partition (`max_active`, storms) depends on these."""

    shards: int = 1
    by_instant: bool = False
    partitions: int = 1


PLAIN = Layout()


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the tests of one file run: the rules that they load and what those read, with the project's tables."""

    program: Program
    sources: Mapping[str, Source]
    tables: Mapping[str, TableData]
    exchange_partitions: int
    idle_jump_ms: int
    suite: Suite
    loaded: Loaded
    altered: Callable[[Rule], Rule] | None = None

    def reloaded(self, edits: Edits, place: Span | None = None) -> Program:
        """The program after them. Raises UnreadableInput where it does not check, with `place`."""
        if not edits:
            return self.program
        return bench(self.suite, patched(self.loaded, edits, place), edits.names, self.altered).program

    def run(self, case: Case, layout: Layout = PLAIN) -> Ran:
        """Play the timeline as it is written."""
        return _Run(self, case, layout).run()


def bench(
    suite: Suite,
    loaded: Loaded,
    said: frozenset[str] = frozenset(),
    altered: Callable[[Rule], Rule] | None = None,
) -> Bench:
    """`said` are the silences that count: those of the project are no part of a test. `altered` gives what runs in
    place of a rule, also of one that a row of the timeline loads anew. Raises ValueError when the project has no
    settings to run under."""
    if loaded.settings is None:
        raise ValueError("the configuration does not check")
    rules = _with_what_they_read(suite.rules, loaded.ruleset)
    rules = rules if altered is None else tuple(map(altered, rules))
    sources = {name: loaded.ruleset.sources[name] for name in _sources(rules, loaded.ruleset)}
    models = _models(suite.models, rules) if suite.models else loaded.ruleset.models
    ruleset = RuleSet(
        sources,
        loaded.ruleset.tables,
        rules,
        models,
        loaded.ruleset.calendars,
        _named(loaded.ruleset.silences, said),
        _named(loaded.ruleset.acks, said),
    )
    program = program_of(ruleset, loaded.settings.max_record_bytes)
    settings = loaded.settings
    partitions, jump_ms = settings.exchange_partitions, settings.idle_jump_ms
    return Bench(program, sources, loaded.tables, partitions, jump_ms, suite, loaded, altered)


def _named(said: Mapping[str, tuple[Named, ...]], names: frozenset[str]) -> dict[str, tuple[Named, ...]]:
    found = {rule: tuple(each for each in mine if each.name in names) for rule, mine in said.items()}
    return {rule: mine for rule, mine in found.items() if mine}


def _models(folder: str, rules: Iterable[Rule]) -> dict[str, ModelData]:
    """Of a folder, the versions that fit."""
    catalog = Catalog(RealDisk(), Path(folder).absolute())
    found = {rule.name: fitting(rule, catalog) for rule in rules if isinstance(rule, Anomaly)}
    return {name: data for name, data in found.items() if data is not None}


def with_restarts(case: Case, most: int = 20) -> Case:
    """The case with a restart at up to `most` of its instants, evenly spread."""
    instants = sorted({event.at_ms for event in case.events})
    chosen = instants[:: max(1, len(instants) // most)]
    acts = [*case.acts, *(Act(at, Verb.RESTART) for at in chosen)]
    return replace(case, acts=sorted(acts, key=lambda act: act.at_ms))


def without_restarts(case: Case) -> Case:
    return replace(case, acts=[act for act in case.acts if act.verb is not Verb.RESTART])


class _Run:
    def __init__(self, bench: Bench, case: Case, layout: Layout) -> None:
        self._bench, self._case, self._layout = bench, case, layout
        self._changes: list[tuple[Program, int]] = []
        """Programs that came later, each with the instant from which on it is in force."""
        self._driver = self._new_driver()
        self._clock = Clock(self._driver, bench.idle_jump_ms)
        self._instants = deque(sorted({event.at_ms for event in case.events}))
        self._sent: dict[tuple[str, int, int], Event] = {}
        self._outputs: list[Output] = []
        self._edits = Edits()

    def run(self) -> Ran:
        self._clock.take(self._batches())
        for act in self._case.acts:
            self._play_to(act.at_ms)
            self._act(act)
        stop_ms = self._until()
        self._play_to(stop_ms)
        self._clock.finish()
        self._outputs += self._driver.take_outputs()
        told = (*DOCUMENT_SINKS, *_SET_APART)
        found = [self._happening(output) for output in self._outputs if output.sink in told]
        return Ran(tuple(sorted(found, key=lambda each: each.at_ms)), stop_ms)

    def _play_to(self, to_ms: int) -> None:
        """At once, or from one instant of the timeline to the next."""
        while self._layout.by_instant and self._instants and self._instants[0] < to_ms:
            self._clock.play_to(self._case.start_ms + self._instants.popleft())
        self._clock.play_to(self._case.start_ms + to_ms)

    def _new_driver(self) -> Driver:
        """Under the rules of the beginning, with all that has changed since."""
        bench = self._bench
        driver = Driver(
            bench.program,
            self._tables(),
            {source.topic: self._layout.partitions for source in bench.program.plan.sources.values()},
            shards=self._layout.shards,
            exchange_partitions=bench.exchange_partitions,
        )
        for program, at_ms in self._changes:
            driver.switch(program, self._tables(), at_ms)
        return driver

    def _tables(self) -> dict[str, TableData]:
        return {**self._bench.tables, **self._case.tables}

    def _until(self) -> int:
        """As written, else what the expectations, or the last event, need to be judged."""
        case = self._case
        if case.until_ms is not None:
            return case.until_ms
        awaited = [
            at
            for expectation in (*case.expect, *case.expect_no)
            for at in (expectation.at_ms, expectation.by_ms)
            if at is not None
        ]
        latest = max([0, *awaited, *(event.at_ms for event in case.events), *(act.at_ms for act in case.acts)])
        sources = self._bench.sources.values()
        return latest + max((source.max_delay_ms + source.idle_after_ms for source in sources), default=0)

    def _act(self, act: Act) -> None:
        match act.verb:
            case Verb.RESTART:
                self._outputs += self._driver.take_outputs()
                again = self._new_driver()
                for before, after in zip(self._driver.shards, again.shards, strict=True):
                    after.restore(before.snapshot())
                self._driver = again
                self._clock.use(again)
            case Verb.IDLE:
                if act.source in self._bench.sources:
                    self._clock.hush(self._bench.sources[act.source].topic)
            case _:
                self._edits.take(act)
                program = self._bench.reloaded(self._edits, act.place)
                self._changes.append((program, self._driver.switch(program, self._tables())))

    def _batches(self) -> dict[TaskId, RawBatch]:
        """The events of each source that the rules read, as records of its partitions."""
        by_place: dict[tuple[str, int], list[Event]] = defaultdict(list)
        for event in self._case.events:
            if event.source in self._bench.sources:
                by_place[event.source, self._partition(event)].append(event)
        batches = {}
        for (name, partition), events in by_place.items():
            source = self._bench.sources[name]
            self._sent.update({(source.topic, partition, offset): event for offset, event in enumerate(events)})
            payloads = [self._payload(event, source) for event in events]
            stamps = [self._case.start_ms + event.at_ms for event in events]
            batch = RawBatch(source.topic, partition, payloads, range(len(events)), stamps)
            batches[TaskId(1, source.topic, partition)] = batch
        return batches

    def _partition(self, event: Event) -> int:
        """By its key; 0 for what has none."""
        key = event.fields.get(self._bench.sources[event.source].key)
        return 0 if key is None else partition_of(str(key).encode(), self._layout.partitions)

    def _payload(self, event: Event, source: Source) -> bytes:
        if source.time == "kafka":
            return _encode(event.fields)
        return _encode({source.time: _stamp(self._case.start_ms + event.time_ms, source.time_unit), **event.fields})

    def _happening(self, output: Output) -> Happening:
        value = output.value
        kind = _kind_of(value) if output.sink in DOCUMENT_SINKS else _SET_APART[output.sink]
        event = None
        document: Mapping[str, object]
        if isinstance(value, dict):
            document = value
        else:
            document = headers = dict(output.headers)
            event = self._sent[headers["topic"], int(headers["partition"]), int(headers["offset"])]
        match kind:
            case Kind.ALARM:
                name, at = document["rule"], _ms(document["at"])
            case Kind.KPI | Kind.ANOMALY:
                window = document["window"]
                assert isinstance(window, dict)
                name, at = document[kind], _ms(window["end"])
            case _:
                assert event is not None
                name, at = document["source"], self._case.start_ms + event.at_ms
        return Happening(kind, str(name), at - self._case.start_ms, document, event)


def _kind_of(document: object) -> Kind:
    """What comes of a rule in shadow is expected as if it were live, so that tests stand when it is promoted."""
    assert isinstance(document, dict)
    return Kind.ALARM if "rule" in document else Kind.KPI if "kpi" in document else Kind.ANOMALY


def _ms(text: object) -> int:
    found = absolute(str(text))
    assert found is not None, text
    return found


def _stamp(time_ms: int, unit: str) -> object:
    """As the source reads it: ISO-8601 where it declares no unit."""
    if not unit:
        return iso(time_ms)
    value = time_ms * _UNITS[unit]
    return int(value) if value == int(value) else value


def _with_what_they_read(files: frozenset[str] | None, ruleset: RuleSet) -> tuple[Rule, ...]:
    """Rules of the files and, over several steps, the KPIs that they read and the alarms that `unless` asks for."""
    by_name = {rule.name: rule for rule in ruleset.rules}
    wanted = {rule.name for rule in ruleset.rules if files is None or rule.span.file in files}
    pending = list(wanted)
    while pending:
        for name in reads(by_name[pending.pop()]):
            if name in by_name and name not in wanted:
                wanted.add(name)
                pending.append(name)
    return tuple(rule for rule in ruleset.rules if rule.name in wanted)


def _sources(rules: Iterable[Rule], ruleset: RuleSet) -> list[str]:
    """Those that the rules read; a source that nobody reads would take no part."""
    read = {source for rule in rules for source in rule.sources}
    return [name for name in ruleset.sources if name in read]
