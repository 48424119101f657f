"""The rows under `events:`: series, single events and verbs → events in order of arrival."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from streamwatchd.diagnostics import Span, did_you_mean
from streamwatchd.lang.typed import Kind
from streamwatchd.lang.units import parse_duration
from streamwatchd.operators.document import iso
from streamwatchd.rules import document
from streamwatchd.rules.document import Node, Scalar, is_empty, plain
from streamwatchd.rules.form import Findings
from streamwatchd.rules.ruleset import Source
from streamwatchd.testing import timeline_codes as codes
from streamwatchd.testing.timeline import Act, Event, Patch, Skew, Verb
from streamwatchd.testing.timeline_series import first_wrong, is_series, looks_like_texts, number, samples
from streamwatchd.testing.timeline_times import instant

_OWN = ("source", "step", "from", "at", "time")
_Samples = list[object]
_GAP = object()


@dataclass(slots=True)
class RowReader:
    """Reads rows; `events`, `acts` and `skews` fill. `rules` are the names that a reload may change."""

    sources: Mapping[str, Source]
    start_ms: int
    findings: Findings
    events: list[Event]
    acts: list[Act]
    rules: Collection[str] = ()
    skews: list[Skew] = field(default_factory=list)

    def read(self, row: document.Mapping) -> None:
        verb = next((word for word in Verb if row.get(word) is not None), None)
        late = row.get("late")
        skew = row.get("skew")
        if isinstance(skew, document.Mapping):
            self._skew(row, skew)
        elif verb in (Verb.SILENCE, Verb.ACK) and row.get("at") is not None:
            self._said(row, verb)
        elif verb is not None and row.get("at") is not None:
            self._act(row, verb)
        elif isinstance(late, document.Mapping):
            self._late(row, late)
        elif row.get("at") is not None:
            self._single(row, self._instant(row, "at"))
        else:
            self._series(row)

    # the kinds of rows

    def _act(self, row: document.Mapping, verb: Verb) -> None:
        node = row.get(verb)
        at = self._instant(row, "at")
        patch: Patch | None = {}
        if verb is Verb.RELOAD:
            patch = self._patch(node)
            good = patch is not None
            hint = "write `reload: true`, or `reload: {rule: {when: …}}`"
        elif verb is Verb.RESTART:
            good = isinstance(node, Scalar) and node.value is True
            hint = "write `restart: true`"
        else:
            good = isinstance(node, Scalar) and node.text in self.sources
            hint = f"name a source: {', '.join(self.sources)}"
        if not good:
            self._add(codes.BAD_EVENT, f"`{verb}` is given something else than it needs", row.span, hint)
        elif at is not None:
            source = node.text if isinstance(node, Scalar) and verb is Verb.IDLE else ""
            self.acts.append(Act(at, verb, source, patch or {}, place=row.span))

    def _said(self, row: document.Mapping, verb: Verb) -> None:
        """`{at: 4m, silence: {rules: cpu_high, where: …, for: 10m}}`, `{at: 4m, ack: {rule: cpu_high, where: …}}`."""
        node, at = row.get(verb), self._instant(row, "at")
        said = {key.text: plain(value) for key, value in node.entries} if isinstance(node, document.Mapping) else {}
        lasts = parse_duration(str(said.pop("for", "")))
        if not said or (verb is Verb.SILENCE and not lasts):
            hint = "write `silence: {rules: …, for: 10m}`, or `ack: {rule: …}`"
            self._add(codes.BAD_EVENT, f"`{verb}` is given something else than it needs", row.span, hint)
        elif at is not None:
            number = sum(act.verb is verb for act in self.acts) + 1
            said = {verb.value: said.pop("name", f"{verb.value}{number}"), **said}
            if verb is Verb.SILENCE:
                said = {"reason": "a test", "until": iso(self.start_ms + at + (lasts or 0)), **said}
            self.acts.append(Act(at, verb, said={"by": "a test", **said}, place=row.span))

    def _patch(self, node: Node | None) -> Patch | None:
        """None where it is neither `true` nor fields of rules; a rule that is not known is reported."""
        if isinstance(node, Scalar):
            return {} if node.value is True else None
        if not isinstance(node, document.Mapping):
            return None
        found: dict[str, Mapping[str, Node]] = {}
        for key, fields in node.entries:
            if self.rules and key.text not in self.rules:
                hint = did_you_mean(key.text, self.rules) or f"there are {', '.join(self.rules)}"
                self._add(codes.UNKNOWN_RULE, f"the test loads no rule `{key.text}`", key.span, hint)
            if not isinstance(fields, document.Mapping):
                return None
            found[key.text] = {name.text: value for name, value in fields.entries}
        return found

    def _skew(self, row: document.Mapping, skew: document.Mapping) -> None:
        """`{at: 3m, skew: {source: metrics, by: 2m, for: 5m, host: a}}`: producers' clocks are 2 minutes ahead."""
        source, at = self._source(skew), self._instant(row, "at")
        by, lasts = (_signed(skew.get(name)) for name in ("by", "for"))
        if row.get("at") is None or by is None or (skew.get("for") is not None and lasts is None):
            hint = "write `{at: 3m, skew: {source: …, by: -2m, for: 5m}}`; without `for` it lasts"
            self._add(
                codes.BAD_EVENT, "a skew needs `at` (when it begins) and `by` (how far clocks are off)", row.span, hint
            )
        elif source is not None and at is not None:
            fields = {
                name: self._constant(node) for name, node in self._fields(skew, source) if name not in ("by", "for")
            }
            to = None if lasts is None else at + lasts
            self.skews.append(Skew(at, to, source.name, by, _typed(fields, source)))

    def _late(self, row: document.Mapping, event: document.Mapping) -> None:
        """`{at: 3m, late: {source: …, time: 1m, …}}`: arrives at 3m and says 1m."""
        arrives, says = self._instant(row, "at"), self._instant(event, "time")
        if row.get("at") is None or event.get("time") is None:
            hint = "write `{at: 3m, late: {source: …, time: 1m, …}}`"
            self._add(
                codes.BAD_EVENT, "a late event needs `at` (when it comes) and `time` (what it says)", row.span, hint
            )
        source = self._source(event)
        if source is None or arrives is None or says is None:
            return
        fields = {name: self._constant(node) for name, node in self._fields(event, source)}
        self.events.append(Event(arrives, source.name, says, _typed(fields, source), row.span, late=True))

    def _single(self, row: document.Mapping, at: int | None) -> None:
        source = self._source(row)
        if source is None or at is None:
            return
        fields = {name: self._constant(node) for name, node in self._fields(row, source)}
        self.events.append(Event(at, source.name, at, _typed(fields, source), row.span))

    def _series(self, row: document.Mapping) -> None:
        source = self._source(row)
        if source is None:
            return
        constants: dict[str, object] = {}
        series: dict[str, tuple[Span, _Samples]] = {}
        for name, node in self._fields(row, source):
            found = self._samples(name, node, source)
            if found is None:
                constants[name] = self._constant(node)
            else:
                series[name] = (node.span, found)
        start = self._instant(row, "from") if row.get("from") is not None else 0
        step = self._step(row)
        if not series and row.get("step") is not None:
            hint = "write a series, such as `cpu: 82x12`, or `at:` for a single event"
            self._add(codes.BAD_SERIES, "no field of this row is a series, so `step` says nothing", row.span, hint)
        if start is not None and step is not None and self._same_length(series):
            self._spread(source, start, step, constants, {name: found for name, (_, found) in series.items()}, row.span)

    def _spread(
        self,
        source: Source,
        start: int,
        step: int,
        constants: dict[str, object],
        series: dict[str, _Samples],
        span: Span,
    ) -> None:
        count = max(map(len, series.values()), default=1)
        for index in range(count):
            present = {name: found[index] for name, found in series.items() if found[index] is not _GAP}
            if present or not series:
                at = start + index * step
                self.events.append(Event(at, source.name, at, _typed({**constants, **present}, source), span))

    # their parts

    def _source(self, row: document.Mapping) -> Source | None:
        node = row.get("source")
        if not isinstance(node, Scalar):
            hint = f"add `source:`, one of {', '.join(self.sources)}"
            self._add(codes.BAD_EVENT, "the row does not say which source its events come from", row.span, hint)
            return None
        if node.text not in self.sources:
            hint = did_you_mean(node.text, self.sources) or f"sources: {', '.join(self.sources)}"
            self._add(codes.UNKNOWN_EVENT_SOURCE, f"there is no source `{node.text}`", node.span, hint)
            return None
        return self.sources[node.text]

    def _fields(self, row: document.Mapping, source: Source) -> Iterator[tuple[str, Node]]:
        """Fields of the event; one that is not known but looks like another is reported."""
        known = {*source.fields, *source.inferred, source.time, source.key}
        for key, node in row.entries:
            if key.text in _OWN:
                continue
            close = did_you_mean(key.text, source.fields) if key.text not in known else ""
            if close:
                message = f"`{source.name}` declares no field `{key.text}`, and no rule reads one"
                self.findings.warn(codes.UNKNOWN_EVENT_FIELD, message, key.span, hint=close)
            yield key.text, node

    def _constant(self, node: Node) -> object:
        match node:
            case Scalar(value=value):
                return value
            case document.Sequence(items=items):
                return [self._constant(item) for item in items]
            case _:
                return {key.text: self._constant(value) for key, value in node.entries}

    def _samples(self, name: str, node: Node, source: Source) -> _Samples | None:
        """The samples of a field, or None for a constant. A list gives them one by one; `_` is a gap in it too."""
        if isinstance(node, document.Sequence):
            values = [self._constant(item) for item in node.items]
            return [_GAP if value == "_" else value for value in values]
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            return None
        declared = source.fields.get(name)
        if declared is not None and declared.type.kind is Kind.STRING:
            self._warn_of_texts(name, node)
            return None
        if is_series(node.text):
            return self._read_samples(node)
        if declared is not None and declared.type.kind is Kind.NUMBER:
            wrong = first_wrong(node.text)
            hint = "such as `82x12` (holds), `1+1x4` (climbs), `_x3` (a gap), `7 8 9` (samples)"
            message = (
                f"`{name}` is a number, and `{wrong}` is no part of a series" if wrong else f"`{name}` is a number"
            )
            self._add(codes.BAD_SERIES, message, node.span, hint)
        elif declared is None:
            self._warn_of_texts(name, node)
        return None

    def _warn_of_texts(self, name: str, node: Scalar) -> None:
        if looks_like_texts(node.text):
            message = f"`{name}` is one text, `{node.text}`, in each event: only numbers and truths make a series"
            hint = f"write a list of the samples: `{name}: [a, a, b]`"
            self.findings.warn(codes.BAD_SERIES, message, node.span, hint=hint)

    def _read_samples(self, node: Scalar) -> _Samples | None:
        try:
            return [_GAP if sample is None else sample for sample in samples(node.text)]
        except ValueError as error:
            self._add(codes.BAD_SERIES, str(error), node.span, "write fewer samples, or a longer `step`")
            return None

    def _same_length(self, series: Mapping[str, tuple[Span, _Samples]]) -> bool:
        lengths = {name: len(found) for name, (_, found) in series.items()}
        if len(set(lengths.values())) <= 1:
            return True
        first, other = _two_that_differ(lengths)
        message = f"`{first}` has {lengths[first]} samples and `{other}` has {lengths[other]}"
        hint = "fill the shorter one, with gaps (`_x3`) where the field is not there"
        self._add(codes.SERIES_LENGTHS, message, series[other][0], hint)
        return False

    def _step(self, row: document.Mapping) -> int | None:
        node = row.get("step")
        if is_empty(node):
            return 1_000
        found = parse_duration(node.text) if isinstance(node, Scalar) else None
        if found is None:
            self._add(codes.BAD_INSTANT, "`step` must be a duration", row.span, "such as `10s`")
        return found

    def _instant(self, row: document.Mapping, name: str) -> int | None:
        node = row.get(name)
        return instant(node, name, self.start_ms, self.findings) if isinstance(node, Scalar) else None

    def _add(self, code: str, message: str, span: Span, hint: str) -> None:
        self.findings.add(code, message, span, hint=hint)


def _signed(node: Node | None) -> int | None:
    """A duration, or one with a minus before it."""
    if not isinstance(node, Scalar):
        return None
    found = parse_duration(node.text.strip().removeprefix("-"))
    return found if found is None or not node.text.strip().startswith("-") else -found


def _two_that_differ(lengths: Mapping[str, int]) -> tuple[str, str]:
    longest = max(lengths, key=lengths.__getitem__)
    return longest, next(name for name, length in lengths.items() if length != lengths[longest])


def _typed(fields: Mapping[str, object], source: Source) -> dict[str, Any]:
    """`host: 12` is the text "12" where `host` is declared as a text; a number in quotes is one where declared so."""
    return {name: _as_declared(value, source, name) for name, value in fields.items()}


def _as_declared(value: object, source: Source, name: str) -> object:
    declared = source.fields.get(name)
    if declared is None or isinstance(value, bool):
        return value
    if declared.type.kind is Kind.STRING and isinstance(value, int | float):
        return str(value)
    if declared.type.kind is Kind.NUMBER and isinstance(value, str):
        try:
            return number(value)
        except ValueError:
            return value
    return value
