"""What KPIs and alarms share: keys, filter, values, budgets; from a draft and the streams it reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypedDict

from streamwatchd.calendars.clock import DAY_MS
from streamwatchd.diagnostics import Span, did_you_mean
from streamwatchd.lang import syntax
from streamwatchd.lang.names import Free, free_key, resolve
from streamwatchd.lang.names import undeclared as undeclared_problem
from streamwatchd.lang.scope import Ambiguous, JoinedTable
from streamwatchd.lang.typed import (
    BASELINE_REACH_MS,
    STRING,
    Aggregate,
    Baseline,
    Expr,
    Field,
    Kind,
    Placeholder,
    Stepwise,
    TableColumn,
    Template,
    Time,
    Type,
    first_on,
    walk,
)
from streamwatchd.lang.units import format_duration
from streamwatchd.rules import codes, streams
from streamwatchd.rules.aside import NOTHING_ASIDE, Aside
from streamwatchd.rules.document import Document, Scalar
from streamwatchd.rules.drafts import RuleDraft
from streamwatchd.rules.expressions import Language, placed
from streamwatchd.rules.form import Findings
from streamwatchd.rules.params import Constants, constants_of, params_of
from streamwatchd.rules.ruleset import KeyField, NamedValue
from streamwatchd.rules.streams import Place, Stream

MAX_KEYS = 1_000_000
AMEND_FOR_MS = 3_600_000


class Common(TypedDict):
    """The arguments of `RuleCommon`."""

    name: str
    sources: tuple[str, ...]
    by: tuple[KeyField, ...]
    where: Expr | None
    every_ms: int
    values: tuple[NamedValue, ...]
    context: tuple[Expr, ...]
    labels: Mapping[str, str]
    max_keys: int
    forget_ms: int
    span: Span
    digest: str
    amend: bool
    amend_for_ms: int
    shadow: bool
    said: str
    taken: tuple[tuple[str, Span], ...]


@dataclass(slots=True)
class Work:
    """One rule being checked: what it says, what it reads, and what was found so far."""

    draft: RuleDraft
    inputs: tuple[Stream, ...]
    findings: Findings
    language: Language
    row: Place
    keys: tuple[KeyField, ...] = ()
    where: Expr | None = None
    values: list[NamedValue] = field(default_factory=list)
    aside: Aside = NOTHING_ASIDE
    beside: tuple[Stream, ...] = ()
    """Streams that only steps of a sequence read."""
    constants: Constants = ()
    """What `params:` says."""

    @property
    def judgement(self) -> Place:
        """Where this rule's windows are judged."""
        keys = tuple((key.name, key.expr.type) for key in self.keys)
        place = streams.judgement(self.inputs, keys, self._plain_keys, self.draft.kind != "alarm")
        return streams.with_constants(place, self.constants)

    @property
    def _plain_keys(self) -> frozenset[str]:
        return frozenset(key.name for key in self.keys if isinstance(key.expr, Field))

    @property
    def key_tables(self) -> tuple[JoinedTable, ...]:
        """Tables whose row a key has for itself."""
        return tuple(table for table in streams.tables_of(self.inputs) if first_on(table.on) in self._plain_keys)


def begin(draft: RuleDraft, inputs: tuple[Stream, ...], document: Document, aside: Aside = NOTHING_ASIDE) -> Work:
    """Keys and filter, which come before everything else."""
    findings = Findings(document, draft.name)
    language = Language(findings)
    own = inputs[: len(inputs) - draft.beside]
    row = streams.rows(own)
    constants = constants_of(draft, row, findings)
    language.broken.update(params_of(draft).keys() - dict(constants).keys() - row.scope.names.keys())
    row = streams.with_constants(row, constants)
    work = Work(draft, own, findings, language, row, aside=aside, beside=inputs[len(own) :], constants=constants)
    work.keys = tuple(_keys(work))
    where = draft.body.scalar("where")
    if where is not None:
        work.where = language.expression(where, work.row, Kind.BOOL)
    return work


def _keys(work: Work) -> Iterator[KeyField]:
    written = work.draft.body.scalars("by")
    joined = streams.common_keys(work.inputs) if len(work.inputs) > 1 else ()
    if joined and not written:
        yield from (KeyField(name, key) for name in joined if isinstance(key := work.row.scope.names[name], Field))
        return
    seen: set[str] = set()
    for scalar in written:
        if scalar.text in seen:
            work.findings.add(codes.DUPLICATE_KEY, f"`{scalar.text}` stands twice in `by:`", scalar.span)
            continue
        seen.add(scalar.text)
        expr = _key(work, scalar)
        if expr is not None:
            yield KeyField(scalar.text, expr)
    if joined and seen != set(joined):
        hint = f"write `by: [{', '.join(joined)}]`, or leave it out"
        work.findings.add(codes.UNJOINABLE, "joined streams have their common keys", work.draft.place, hint=hint)


def _key(work: Work, scalar: Scalar) -> Expr | None:
    meaning = resolve(scalar.text, work.row.scope)
    match meaning:
        case Field() | TableColumn():
            return meaning
        case Free():
            _note_undeclared(work, scalar, meaning)
            return Field(meaning.field, meaning.type or STRING, meaning.stream)
        case Ambiguous(choices):
            hint = "write " + " or ".join(f"`{choice}`" for choice in choices)
            work.findings.add(codes.UNKNOWN_KEY, f"`{scalar.text}` is ambiguous", scalar.span, hint=hint)
        case Time():
            hint = "windows follow from `every:` and `over:`"
            work.findings.add(codes.UNKNOWN_KEY, "`time` can't be a key", scalar.span, hint=hint)
        case _:
            known = [name for name in work.row.scope.names if name != "time"]
            hint = did_you_mean(scalar.text, known) or f"known here: {', '.join(sorted(known)[:12])}"
            message = f"`{scalar.text}` is not a field of `{work.row.scope.source}`"
            work.findings.add(codes.UNKNOWN_KEY, message, scalar.span, hint=hint)
    return None


def _note_undeclared(work: Work, scalar: Scalar, free: Free) -> None:
    name = syntax.Name(scalar.text, start=0, end=len(scalar.text))
    problem = undeclared_problem(name, free, work.row.scope)
    if problem is not None:
        work.findings.problems.append(placed(problem, scalar, work.findings))
    work.language.uses(free_key(free), None, scalar)


def read_values(work: Work, place: Place) -> Place:
    """Check `values:` in order; gives the place in which they have names. A broken one breaks no later ones."""
    for key, node in work.draft.body.entries("values"):
        if not isinstance(node, Scalar):
            continue
        if _name_is_free(work, key):
            expr = work.language.expression(node, place)
            type_ = expr.type if expr is not None else None
            if expr is not None:
                work.values.append(NamedValue(key.text, expr))
            else:
                work.language.broken.add(key.text)
            guess = work.language.guess(node, place) if expr is not None else ""
            place = streams.with_value(place, key.text, type_ or Type(Kind.NUMBER), guess)
    return place


def _name_is_free(work: Work, name: Scalar) -> bool:
    if name.text in dict(work.constants):
        message = f"`{name.text}` is a parameter of this rule and can't be a value too"
        work.findings.add(codes.NAME_TAKEN, message, name.span, hint="choose another name")
        return False
    if name.text == "time":
        work.findings.add(codes.BAD_NAME, "`time` has a meaning of its own", name.span, hint="choose another name")
        return False
    if any(name.text == key.name for key in work.keys):
        message = f"`{name.text}` is a key of this rule and can't be a value too"
        work.findings.add(codes.NAME_TAKEN, message, name.span, hint="choose another name")
        return False
    return True


def key_context(work: Work) -> tuple[Expr, ...]:
    """The columns of the tables that are joined on a key."""
    return tuple(
        TableColumn(table.name, column, table.on, type_)
        for table in work.key_tables
        for column, type_ in table.columns.items()
    )


def message_context(context: tuple[Expr, ...], template: Template | None) -> tuple[Expr, ...]:
    """The columns of the keys' tables, and those that the message reads."""
    found = list(context)
    for part in template.parts if template is not None else ():
        if isinstance(part, Placeholder):
            found += [node for node in walk(part.expr) if isinstance(node, TableColumn)]
    return tuple(dict.fromkeys(found))


def aggregates(exprs: Iterable[Expr | None]) -> Iterator[Aggregate]:
    for expr in exprs:
        if expr is not None:
            yield from (node for node in walk(expr) if isinstance(node, Aggregate))


def reach_ms(exprs: Iterable[Expr | None], window_ms: int) -> int:
    """How far back the aggregates look, and what is usual."""
    exprs = tuple(exprs)
    looks = [(window_ms if each.over_ms is None else each.over_ms) + each.ago_ms for each in aggregates(exprs)]
    learns = any(isinstance(node, Baseline) for expr in exprs if expr is not None for node in walk(expr))
    return max([*looks, BASELINE_REACH_MS] if learns else looks, default=window_ms)


def _check_amend(work: Work, every_ms: int) -> None:
    """Closed windows on a source can be judged again; sessions, and what reads a KPI, not yet."""
    body, findings = work.draft.body, work.findings
    if "session" in body or any(stream.is_kpi for stream in work.inputs):
        what, why = "a rule on a KPI", "a row that is revised is in its panes already, and can't be taken out of them"
        if "session" in body:
            what, why = "sessions", "a late event may join sessions whose rows are out, and can't be taken back"
        hint = f"take it out: {why}; late events go to the late topic and are counted"
        findings.add(
            codes.NOT_SUPPORTED_YET, f"`late: amend` for {what} is not supported yet", body.key("late"), hint=hint
        )
    if "amend_for" in body and 0 < body.duration("amend_for") < every_ms:
        hint = f"write `amend_for: {format_duration(every_ms)}` or more"
        message = "`amend_for` is shorter than `every`, so that no closed window would be judged again"
        findings.add(codes.OUT_OF_RANGE, message, body.key("amend_for"), hint=hint)


def _check_amended_steps(work: Work, exprs: Iterable[Expr | None]) -> None:
    """What goes from sample to sample is added up once the samples are in order."""
    exprs = list(exprs)
    learnt = [node for expr in exprs if expr is not None for node in walk(expr) if isinstance(node, Baseline)]
    if learnt:
        hint = "take `late: amend` out: what is usual hardly depends on late events"
        message = f"`late: amend` for `{learnt[0].function}` is not supported"
        work.findings.add(codes.NOT_SUPPORTED_YET, message, work.draft.body.key("late"), hint=hint)
    found = next((node for node in aggregates(exprs) if isinstance(node, Stepwise)), None)
    if found is not None:
        hint = "take `late: amend` out, or use `max(x over 5m) - min(x over 5m)` where nothing restarts"
        message = (
            f"`late: amend` for `{found.function}` is not supported: a late sample would change the steps after it"
        )
        work.findings.add(codes.NOT_SUPPORTED_YET, message, work.draft.body.key("late"), hint=hint)


def common(
    work: Work, every_ms: int, reach: int, context: tuple[Expr, ...], exprs: Iterable[Expr | None] = ()
) -> Common:
    """The shared part, budgets included; `reach` is the longest look back that reads a key, `exprs` what is judged."""
    draft, body = work.draft, work.draft.body
    if "amend_for" in body and body.text("late") != "amend":
        hint = "add `late: amend`, or take it out"
        work.findings.add(codes.EXCLUSIVE_FIELDS, "`amend_for` needs `late: amend`", body.key("amend_for"), hint=hint)
    amend = body.text("late") == "amend"
    if amend:
        _check_amend(work, every_ms)
        _check_amended_steps(work, exprs)
    return Common(
        name=draft.name,
        sources=tuple(stream.name for stream in (*work.inputs, *work.beside)),
        by=work.keys,
        where=work.where,
        every_ms=every_ms,
        values=tuple(work.values),
        context=context,
        labels={**draft.defaults.texts("labels"), **body.texts("labels")},
        max_keys=body.integer("max_keys", MAX_KEYS),
        forget_ms=_forget_ms(work, reach),
        span=draft.place,
        digest=draft.digest,
        amend=amend,
        amend_for_ms=body.duration("amend_for", max(AMEND_FOR_MS, every_ms)) if amend else 0,
        shadow=body.text("mode") == "shadow",
        said=draft.said,
        taken=tuple((each.path, each.span) for each in draft.taken),
    )


def _forget_ms(work: Work, reach: int) -> int:
    body = work.draft.body
    least = max(DAY_MS, reach)
    given = body.duration("forget", least)
    scalar = body.scalar("forget")
    if given < least and scalar is not None:
        hint = f"the rule looks back {format_duration(reach)}: write `{format_duration(least)}` or more"
        work.findings.add(
            codes.OUT_OF_RANGE, "`forget` is shorter than what the rule looks back", scalar.span, hint=hint
        )
    return given
