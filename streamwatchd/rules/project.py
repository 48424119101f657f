"""One choice of file contents put together: names looked up, rules checked, problems sorted by file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter

from streamwatchd.calendars.calendar import Calendar
from streamwatchd.diagnostics import Diagnostic, did_you_mean
from streamwatchd.lang.typed import STRING, Kind, TableColumn, Type, walk
from streamwatchd.repository.catalog import Candidate, Catalog
from streamwatchd.rules import codes, streams
from streamwatchd.rules.alarm_building import build_alarm
from streamwatchd.rules.anomaly_building import build_anomaly
from streamwatchd.rules.aside import NOTHING_ASIDE, Aside, Other
from streamwatchd.rules.base_names import Known, base_problems
from streamwatchd.rules.building import Work, begin
from streamwatchd.rules.calendar_reader import CalendarDraft
from streamwatchd.rules.document import Document, Node, Scalar
from streamwatchd.rules.document import Sequence as SequenceNode
from streamwatchd.rules.drafts import FileDraft, RuleDraft, Taken
from streamwatchd.rules.expecting import expected_table, with_expected
from streamwatchd.rules.expressions import Language, conflict
from streamwatchd.rules.form import Findings
from streamwatchd.rules.kpi_building import build_kpi
from streamwatchd.rules.model_choice import Places, choose, shadow
from streamwatchd.rules.params import with_quotes_told
from streamwatchd.rules.ruleset import SHADOW_OF, Alarm, Anomaly, Kpi, Rule, RuleSet, Source, Table
from streamwatchd.rules.settings_reader import ConfigDraft, SourceDraft
from streamwatchd.rules.streams import Stream
from streamwatchd.rules.table_reader import TableDraft
from streamwatchd.rules.unless import DURING, FIRING, named_in_unless

Infers = Mapping[str, tuple[Kind | None, Scalar]]


@dataclass(frozen=True, slots=True)
class Choice:
    """What is put together.

    `holders` are the files that have a name so far. `out` are the rules of files that are left out, with their file.
    `settled` files did not change: where two disagree, they are right.
    """

    config: ConfigDraft
    tables: tuple[TableDraft, ...]
    files: Mapping[str, FileDraft]
    holders: Mapping[str, str]
    out: Mapping[str, str]
    settled: frozenset[str] = frozenset()
    models: Catalog | None = None
    calendars: tuple[CalendarDraft, ...] = ()


@dataclass(slots=True)
class Project:
    """`problems` are the findings by file; `blocked` files fail only because of others; `reads` says who reads whom."""

    choice: Choice
    tables: dict[str, Table] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)
    problems: dict[str, list[Diagnostic]] = field(default_factory=dict)
    blocked: dict[str, list[Diagnostic]] = field(default_factory=dict)
    models: dict[str, Candidate] = field(default_factory=dict)
    calendars: dict[str, Calendar] = field(default_factory=dict)

    def failing(self) -> tuple[str, ...]:
        """Files with mistakes; what is wrong with a model is no mistake of the file that names it."""
        return tuple(
            path
            for path, found in self.problems.items()
            if any(problem.is_error and problem.code not in codes.OF_MODELS for problem in found)
        )

    def ruleset(self) -> RuleSet:
        """Rules in order of file and place."""
        places = (rule.name for file in self.choice.files.values() for rule in file.rules)
        rules = tuple(self.rules[name] for name in places if name in self.rules)
        models = {name: each.data for name, each in self.models.items() if each.data is not None}
        sources = {name: self._joinable(source) for name, source in self.sources.items()}
        return RuleSet(sources, self.tables, rules, models, self.calendars)

    def _joinable(self, source: Source) -> Source:
        """Without tables that are refused: no rule is left that would read them."""
        return replace(source, enrich=tuple(each for each in source.enrich if each.table in self.tables))


def put_together(choice: Choice) -> Project:
    project = Project(choice)
    config = choice.config
    project.problems[config.document.file] = list(config.problems)
    _tables(project)
    _calendars(project)
    for path, file in choice.files.items():
        project.problems[path] = list(file.problems)
        if file.blocked:
            project.blocked[path] = list(file.blocked)
    drops = {name: _source(project, source) for name, source in config.sources.items()}
    if not any(problem.is_error for problem in project.problems[config.document.file]):
        _Rules(project, drops).check()
    return project


def _tables(project: Project) -> None:
    for table in project.choice.tables:
        project.problems.setdefault(table.paths[0], []).extend(table.problems)
        if table.table is not None:
            project.tables[table.name] = table.table


def _calendars(project: Project) -> None:
    for each in project.choice.calendars:
        project.problems.setdefault(each.paths[0], []).extend(each.problems)
        if each.calendar is not None:
            project.calendars[each.name] = each.calendar


def _source(project: Project, drafted_source: SourceDraft) -> Infers:
    """Check joins and `drop` of a source; gives the undeclared fields that `drop` reads."""
    source, body = drafted_source.source, drafted_source.body
    findings = Findings(project.choice.config.document)
    known = {table.name for table in project.choice.tables}
    for table, on in body.entries("enrich"):
        if table.text not in known:
            hint = did_you_mean(table.text, known) or "add it to the folder of tables, as a CSV file or more"
            findings.add(codes.UNKNOWN_TABLE, f"there is no table `{table.text}`", table.span, hint=hint)
        others = (each.table for each in source.enrich if each.table in project.tables and each.table != table.text)
        _one_meaning(on, source, {name: project.tables[name] for name in others}, findings)
    language = Language(findings)
    drop = body.scalar("drop")
    if drop is not None:
        expr = language.expression(drop, streams.rows((streams.of_source(source, project.tables),)), Kind.BOOL)
        if expr is not None and any(isinstance(node, TableColumn) for node in walk(expr)):
            hint = "use `where` in the rules, or write the field of the event"
            findings.add(codes.DROP_READS_TABLE, "`drop` comes before tables are joined", drop.span, hint=hint)
        source = replace(source, drop=expr)
    project.sources[source.name] = source
    project.problems[project.choice.config.document.file].extend(findings.problems)
    return language.infers


def _one_meaning(on: Node, source: Source, others: Mapping[str, Table], findings: Findings) -> None:
    """What a table is joined on may be a column of one of the others."""
    if not isinstance(on, Scalar) or on.text in source.fields:
        return
    having = [name for name, table in others.items() if on.text in table.columns]
    if len(having) > 1:
        message = f"`{on.text}` is a column of " + " and of ".join(f"`{name}`" for name in having)
        hint = "declare it in `fields:` if events have it, or give one of the columns another name"
        findings.add(codes.SPECIAL_FIELD, message, on.span, hint=hint)


@dataclass(slots=True)
class _Entry:
    """A rule with its file, while names are looked up."""

    path: str
    draft: RuleDraft
    document: Document


@dataclass(frozen=True, eq=False, slots=True)
class _Job:
    """A rule to check. Jobs are equal when the answer is: same words in the same places, and same inputs."""

    inputs: tuple[Stream, ...]
    draft: RuleDraft
    document: Document
    aside: Aside = NOTHING_ASIDE

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Job) and self._stands_as(other) and self._beside() == other._beside()

    def __hash__(self) -> int:
        return hash((self.draft.digest, self.draft.place))

    def _stands_as(self, other: _Job) -> bool:
        """At a reload the drafts of most files are those of before: only of the others the words are compared."""
        if self.draft is other.draft and self.document is other.document:
            return True
        mine, theirs = self.draft, other.draft
        same_place = mine.digest == theirs.digest and mine.place == theirs.place
        return same_place and self._written() == other._written()

    def _beside(self) -> tuple[object, ...]:
        return self.inputs, self.aside

    def _written(self) -> tuple[str, ...]:
        """The text of the rule, and of what it takes over, with its places."""
        node = self.draft.body.node
        taken = (text for each in self.draft.taken for text in _taken_text(each, self.document))
        return (self.document.text[node.start : node.end], *taken)


# What a field that is wrong may have said: not missed, and not found at odds with the others.
_OF_THE_WHOLE = frozenset(
    {codes.MISSING_FIELD, codes.NO_STEP, codes.WINDOW_STEP, codes.EXCLUSIVE_FIELDS, codes.WINDOWLESS_FIELD}
)


# What only conditions that can be read say: whether there are windows.
_OF_WINDOWS = frozenset({codes.NO_STEP, codes.WINDOW_STEP, codes.WINDOWLESS_FIELD})

_BUILDERS: Mapping[str, Callable[[Work], Rule | None]] = {
    "alarm": build_alarm,
    "kpi": build_kpi,
    "anomaly": build_anomaly,
}


@lru_cache(maxsize=32_768)
def _build(job: _Job) -> tuple[Rule | None, tuple[Diagnostic, ...], Infers, bool]:
    """Check one rule; at a reload most are as they were. Last is whether it guessed the kind of a field."""
    work = begin(job.draft, job.inputs, job.document, job.aside)
    rule = _BUILDERS[job.draft.kind](work)
    problems = tuple(with_quotes_told(work.findings.problems, job.draft))
    if not job.draft.is_sound:
        rule, problems = None, tuple(problem for problem in problems if problem.code not in _OF_THE_WHOLE)
    elif not job.draft.is_legible:
        problems = tuple(problem for problem in problems if problem.code not in _OF_WINDOWS)
    return rule, problems, work.language.infers, bool(work.language.guessed)


class _Rules:
    """Looks up names, then checks rules in an order in which a KPI comes before what reads it."""

    def __init__(self, project: Project, drops: Mapping[str, Infers]) -> None:
        self._project = project
        self._entries: dict[str, _Entry] = {}
        self._failed = {
            name: path
            for path, file in project.choice.files.items()
            if file.failed or file.blocked
            for name in file.names
        }
        self._circular: set[str] = set()
        self._settled = set(self._failed)
        """Rules that are refused whatever kinds fields have."""
        self._streams: dict[str, Stream] = {}
        self._infers: dict[str, Infers] = {}
        self._guessed: dict[str, bool] = {}
        self._inferred: dict[str, dict[str, tuple[Kind | None, Scalar]]] = {
            name: dict(infers) for name, infers in drops.items()
        }

    def check(self) -> None:
        self._register()
        self._check_bases()
        order = self._order()
        self._source_streams()
        for name in order:
            self._check(name)
        self._check_again(order)
        self._keep_inferred()
        if self._project.choice.models is not None:
            self._choose_models(self._project.choice.models)

    def _choose_models(self, catalog: Catalog) -> None:
        for name, rule in self._project.rules.items():
            entry = self._entries[name]
            model, features = entry.draft.body.scalar("model"), entry.draft.body.values.get("features")
            if isinstance(rule, Anomaly) and model is not None and features is not None:
                findings = Findings(entry.document, name)
                found = choose(rule, catalog, findings, Places(model.span, features.span))
                self._project.problems[entry.path].extend(findings.problems)
                on_trial = shadow(rule, catalog, found)
                if found is not None:
                    self._project.models[name] = found
                if on_trial is not None:
                    self._project.models[name + SHADOW_OF] = on_trial

    def _report(self, entry: _Entry, code: str, message: str, scalar: Scalar | None = None, hint: str = "") -> None:
        span = scalar.span if scalar is not None else entry.draft.place
        found = entry.document.report(code, message, span, hint=hint, rule=entry.draft.name)
        self._project.problems[entry.path].append(found)
        self._failed[entry.draft.name] = entry.path

    def _register(self) -> None:
        """Names are global: the holder keeps a name, else the first in order of path and place."""
        found = [
            _Entry(path, rule, file.document)
            for path, file in self._project.choice.files.items()
            for rule in file.rules
        ]
        holders = self._project.choice.holders
        found.sort(key=lambda entry: holders.get(entry.draft.name) != entry.path)
        for entry in found:
            self._register_one(entry)

    def _register_one(self, entry: _Entry) -> None:
        name = entry.draft.name
        other = self._entries.get(name)
        if name in self._project.sources:
            place = f"a source of {self._project.choice.config.document.file}"
        elif other is not None:
            place = f"at {other.draft.place}"
        else:
            self._entries[name] = entry
            return
        found = entry.document.report(
            codes.NAME_TAKEN,
            f"the name `{name}` is taken: {place}",
            entry.draft.place,
            hint="choose another name; names of sources and rules are global",
            rule=name,
        )
        self._project.problems[entry.path].append(found)

    def _order(self) -> tuple[str, ...]:
        """Rule names, KPIs before their readers; KPIs in a circle are reported and left out."""
        reads = {name: self._rules_read(entry) for name, entry in self._entries.items()}
        while True:
            try:
                return tuple(TopologicalSorter(reads).static_order())
            except CycleError as error:
                circle = error.args[1]
                self._circle(circle)
                for name in circle:
                    reads.pop(name, None)
                reads = {name: {each for each in read if each not in circle} for name, read in reads.items()}

    def _rules_read(self, entry: _Entry) -> set[str]:
        named = [*(source.text for source in entry.draft.sources), *named_in_unless(entry.draft, FIRING)]
        return {name for name in named if name in self._entries}

    def _circle(self, circle: list[str]) -> None:
        start = min(range(len(circle) - 1), key=lambda index: circle[index])
        names = circle[start:-1] + circle[:start]
        way = " → ".join(f"`{name}`" for name in reversed([*names, names[0]]))
        self._circular.update(names)
        first = self._entries[names[0]]
        self._report(
            first, codes.KPI_CYCLE, f"rules read each other in a circle: {way}", hint="let one of them read a source"
        )
        for name in names[1:]:
            other = self._entries[name]
            self._failed[name] = other.path
            if other.path != first.path:
                self._report(other, codes.KPI_CYCLE, f"rules read each other in a circle: {way}")

    def _source_streams(self) -> None:
        for name, source in self._project.sources.items():
            self._streams[name] = streams.of_source(source, self._project.tables)

    def _check(self, name: str) -> None:
        entry = self._entries.get(name)
        if entry is None or name in self._circular:
            return
        inputs = tuple(self._inputs(entry))
        fine = len(inputs) == len(entry.draft.sources) and self._joinable(entry, inputs)
        if fine and self._has_expected(entry) and self._has_muting(entry):
            inputs = with_expected(entry.draft, inputs, self._project.tables)
            self._build(entry, inputs)
        else:
            self._failed[name] = entry.path

    def _inputs(self, entry: _Entry) -> Iterator[Stream]:
        for source in entry.draft.sources:
            stream = self._streams.get(source.text)
            if stream is None:
                self._no_input(entry, source)
            elif broken := self._broken_table(source.text):
                message = f"`{source.text}` joins table `{broken.name}`, which is refused: {broken.fault}"
                self._block(entry, message, source)
            else:
                yield stream

    def _broken_table(self, name: str) -> TableDraft | None:
        source = self._project.sources.get(name)
        wanted = {joined.table for joined in source.enrich} if source is not None else set()
        return next((each for each in self._project.choice.tables if each.table is None and each.name in wanted), None)

    def _has_expected(self, entry: _Entry) -> bool:
        """Whether the table that a rule expects keys from is there."""
        name, scalar = expected_table(entry.draft), entry.draft.body.scalar("expect")
        if not name or scalar is None or name in self._project.tables:
            return True
        broken = next((each for each in self._project.choice.tables if each.name == name), None)
        if broken is not None:
            self._block(entry, f"the rule expects table `{name}`, which is refused: {broken.fault}", scalar)
            return False
        message, hint = self._known().no_table(name)
        self._report(entry, codes.UNKNOWN_TABLE, message, scalar, hint)
        return False

    def _has_muting(self, entry: _Entry) -> bool:
        """Whether the alarms and calendars that `unless` and `pause` name are there."""
        scalar, fine = entry.draft.body.scalar("unless") or entry.draft.body.scalar("pause"), True
        if scalar is None:
            return True
        for name in named_in_unless(entry.draft, FIRING):
            if name in self._failed or (name not in self._entries and name in self._project.choice.out):
                where = self._failed.get(name) or self._project.choice.out[name]
                if where != entry.path:
                    self._block(entry, f"`{name}` is refused: {where}", scalar)
                fine = False
            elif name not in self._entries:
                known = [each for each, other in self._entries.items() if other.draft.kind != "kpi"]
                if any(name in file.bases for file in self._project.choice.files.values()):
                    hint = "name a rule that extends it"
                    self._report(entry, codes.BAD_UNLESS, f"`{name}` is a base, which never fires", scalar, hint)
                    fine = False
                    continue
                hint = did_you_mean(name, known) or f"known: {', '.join(sorted(known)[:12])}"
                self._report(entry, codes.BAD_UNLESS, f"no alarm has the name `{name}`", scalar, hint)
                fine = False
        for name in named_in_unless(entry.draft, DURING):
            broken = next((each for each in self._project.choice.calendars if each.name == name), None)
            if broken is not None and broken.calendar is None:
                self._block(entry, f"calendar `{name}` is refused: {broken.paths[0]}", scalar)
                fine = False
        return fine

    def _aside(self, entry: _Entry) -> Aside:
        named = named_in_unless(entry.draft, FIRING)
        others = tuple(self._other(name) for name in named if name in self._project.rules)
        body = entry.draft.body
        asks = body.scalar("unless") is not None or body.scalar("pause") is not None
        return Aside(others, tuple(self._project.calendars) if asks else ())

    def _other(self, name: str) -> Other:
        rule = self._project.rules[name]
        keys = tuple((key.name, key.expr.type) for key in rule.by)
        if isinstance(rule, Kpi):
            return Other(name, fault=f"`{name}` is a KPI, and KPIs don't fire")
        on_source = rule.sources[0] in self._project.sources
        if isinstance(rule, Alarm) and rule.windowless and on_source and not rule.in_order:
            why = "is judged at once, in the order of its partition: say `in_order: true` in it"
            why = why if rule.by else "has no `by`: its events are occurrences, which have no end"
            return Other(name, fault=f"`{name}` {why}")
        return Other(name, keys)

    def _no_input(self, entry: _Entry, source: Scalar) -> None:
        name, choice = source.text, self._project.choice
        if name in self._failed:
            if self._failed[name] != entry.path:
                self._block(entry, f"`{name}` is refused: {self._failed[name]}", source)
        elif name not in self._entries and choice.out.get(name, entry.path) != entry.path:
            self._block(entry, f"`{name}` is refused: {choice.out[name]}", source)
        elif name in self._entries or choice.out.get(name) != entry.path:
            message, hint = self._known().no_stream(name)
            self._report(entry, codes.UNKNOWN_SOURCE, message, source, hint)

    def _known(self, absent: Collection[str] = ()) -> Known:
        choice, kinds = self._project.choice, {name: entry.draft.kind for name, entry in self._entries.items()}
        bases = {name for file in choice.files.values() for name in file.bases}
        return Known(self._project.sources, {table.name for table in choice.tables}, kinds, bases, absent)

    def _check_bases(self) -> None:
        choice = self._project.choice
        known = self._known({*self._failed, *choice.out})
        for path, file in choice.files.items():
            self._project.problems[path].extend(base_problems(file, known))

    def _block(self, entry: _Entry, message: str, source: Scalar) -> None:
        hint = "mend that file; this one is fine so far"
        found = entry.document.report(codes.READ_ELSEWHERE, message, source.span, hint=hint, rule=entry.draft.name)
        said = self._project.blocked.setdefault(entry.path, [])
        if all(other.message != message for other in said):
            said.append(found)

    def _joinable(self, entry: _Entry, inputs: tuple[Stream, ...]) -> bool:
        inputs = inputs[: len(inputs) - entry.draft.beside]
        windows = {(stream.step_ms, stream.window_ms, stream.zone) for stream in inputs}
        if len(inputs) == 1:
            return True
        if not all(stream.is_kpi and stream.step_ms for stream in inputs):
            message, hint = "only KPIs with windows can be joined", "make KPIs of them, with the same `every:` and keys"
        elif len(windows) > 1:
            message, hint = (
                "the windows of these KPIs are not equal",
                "give them the same `every:`, `over:` and `timezone:`",
            )
        elif not streams.common_keys(inputs):
            message, hint = "these KPIs have no key in common", "give them a common `by:`"
        else:
            return True
        self._report(entry, codes.UNJOINABLE, message, entry.draft.sources[0], hint)
        return False

    def _build(self, entry: _Entry, inputs: tuple[Stream, ...]) -> None:
        name = entry.draft.name
        job = _Job(inputs, entry.draft, entry.document, self._aside(entry))
        rule, problems, self._infers[name], self._guessed[name] = _build(job)
        self._project.problems[entry.path].extend(problems)
        if rule is None:
            self._failed[name] = entry.path
            return
        self._project.rules[name] = rule
        if isinstance(rule, Kpi):
            self._streams[name] = streams.of_kpi(rule, inputs)
        elif isinstance(rule, Anomaly):
            self._streams[name] = streams.of_anomaly(rule, inputs)

    def _check_again(self, order: Iterable[str]) -> None:
        """Undeclared fields have one kind in all rules; rules that could not tell it are checked again with it."""
        files = self._project.choice
        known = [name for name in self._entries if name in self._infers]
        known.sort(key=lambda name: self._entries[name].path not in files.settled)
        unsure = {name for name in known if self._merge(name)}
        self._check_drops_again()
        if not unsure:
            return
        for name, source in self._project.sources.items():
            inferred = self._kinds(name)
            self._streams[name] = streams.of_source(source, self._project.tables, inferred)
        for name in order:
            entry = self._entries.get(name)
            if entry is None or name in self._settled or name in self._circular:
                continue
            reads = [source.text for source in entry.draft.sources]
            if name in unsure or not unsure.isdisjoint([*reads, *named_in_unless(entry.draft, FIRING)]):
                unsure.add(name)
                self._forget(name, entry)
                self._check(name)

    def _forget(self, name: str, entry: _Entry) -> None:
        """What a rule that is checked again was, and what was said about it."""
        found = self._project
        found.problems[entry.path] = _without(found.problems[entry.path], name)
        still = _without(found.blocked.pop(entry.path, []), name)
        if still:
            found.blocked[entry.path] = still
        self._failed.pop(name, None)
        self._streams.pop(name, None)
        found.rules.pop(name, None)

    def _check_drops_again(self) -> None:
        """`drop` knows the kinds that rules give its fields; what is wrong with it has been said."""
        for name, drafted_source in self._project.choice.config.sources.items():
            drop, source = drafted_source.body.scalar("drop"), self._project.sources[name]
            if drop is not None and source.drop is not None:
                stream = streams.of_source(source, self._project.tables, self._kinds(name))
                language = Language(Findings(self._project.choice.config.document))
                expr = language.expression(drop, streams.rows((stream,)), Kind.BOOL)
                self._project.sources[name] = replace(source, drop=expr or source.drop)

    def _merge(self, name: str) -> bool:
        """Take in the fields that a rule infers; whether it guessed a kind that others may tell."""
        infers = self._infers.get(name, {})
        if not infers:
            return False
        entry = self._entries[name]
        own, beside = entry.draft.sources[0].text, {source.text for source in entry.draft.sources[1:]}
        for named, (kind, scalar) in infers.items():
            head, _, tail = named.partition(".")
            other, each = (head, tail) if tail and head in beside else (own, named)
            known = self._inferred[other]
            before = known.get(each)
            if before is None or before[0] is None:
                known[each] = (kind, scalar)
            elif kind is not None and kind is not before[0]:
                findings = Findings(entry.document, name)
                self._project.problems[entry.path].append(conflict(each, (kind, scalar), before, findings))
                self._failed[name] = entry.path
                self._settled.add(name)
                self._project.rules.pop(name, None)
        return self._guessed[name]

    def _kinds(self, source: str) -> dict[str, Type]:
        return {name: Type(kind) for name, (kind, _) in self._inferred[source].items() if kind is not None}

    def _keep_inferred(self) -> None:
        for name, source in self._project.sources.items():
            inferred = {field: Type(kind or Kind.STRING) for field, (kind, _) in self._inferred[name].items()}
            tables = streams.joined_tables(source, self._project.tables)
            joined = {table.on for table in tables if isinstance(table.on, str)}
            inferred = {**dict.fromkeys(joined - source.fields.keys(), STRING), **inferred}
            self._project.sources[name] = replace(source, inferred=dict(sorted(inferred.items())))


def _taken_text(taken: Taken, document: Document) -> Iterator[str]:
    document = document.of(taken.span)
    yield f"{taken.path} {taken.span} {_first(taken.node)}"
    yield document.text[_first(taken.node) : document.line_end(_last(taken.node))]


def _first(node: Node) -> int:
    """The offset where it begins."""
    return node.start if not isinstance(node, SequenceNode) else min(map(_first, node.items), default=0)


def _last(node: Node) -> int:
    """The offset where it ends."""
    return node.end if not isinstance(node, SequenceNode) else max(map(_last, node.items), default=0)


def _without(problems: list[Diagnostic], rule: str) -> list[Diagnostic]:
    """Take out what was said about a rule that is checked again."""
    return [problem for problem in problems if problem.rule != rule]
