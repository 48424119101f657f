"""What a check is, what it looks at, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from streamwatchd.diagnostics import Severity, Span
from streamwatchd.lang.typed import NODES, Expr, Value, walk
from streamwatchd.rules.document import Document, Node, Scalar
from streamwatchd.rules.document import Mapping as MappingNode
from streamwatchd.rules.ruleset import Alarm, Anomaly, Level, Rule, RuleSet
from streamwatchd.rules.written import name_of


@dataclass(frozen=True, slots=True)
class Seen:
    """What a recording holds of one source: events, how often each field is there, and of how many values (at most
    `MOST_VALUES` are told apart).
    """

    events: int
    fields: Mapping[str, int]
    values: Mapping[str, int]


MOST_VALUES = 100_000


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a check found; without a span it is at the rule's name."""

    message: str
    hint: str
    rule: Rule | None = None
    span: Span | None = None
    label: str = ""


@dataclass(frozen=True)
class Subject:
    """A project that checks. `tested` are the rules that some test expects something of; None where that is not known.
    `seen` is what a recording holds, by source; None without one.
    """

    rules: RuleSet
    documents: Mapping[str, Document]
    tested: frozenset[str] | None = None
    seen: Mapping[str, Seen] | None = None

    @cached_property
    def alarms(self) -> tuple[Alarm | Anomaly, ...]:
        """Rules that call somebody."""
        return tuple(rule for rule in self.rules.rules if isinstance(rule, Alarm | Anomaly))

    @cached_property
    def bodies(self) -> Mapping[Span, MappingNode]:
        """The text of rules, by the place of their names."""
        found = {}
        for item in self.items("rules"):
            for _, node in item.entries[:1]:
                if isinstance(node, Scalar):
                    found[node.span] = item
        return found

    @cached_property
    def extended(self) -> Mapping[str, MappingNode]:
        """The text of what may be extended, by its name."""
        named = ((name_of(item), item) for item in self.items("rules", "bases"))
        return {name.text: item for name, item in named if name is not None}

    def items(self, *lists: str) -> Iterator[MappingNode]:
        """The items of these lists in all files."""
        for document in self.documents.values():
            for name in lists:
                node = document.top.get(name) if document.top is not None else None
                yield from (each for each in getattr(node, "items", ()) if isinstance(each, MappingNode))

    def lineage(self, rule: Rule) -> Iterator[MappingNode]:
        """The text of a rule, and of what it extends."""
        seen: set[str] = set()
        body = self.bodies.get(rule.span)
        while body is not None:
            yield body
            wanted = body.get("extends")
            if not isinstance(wanted, Scalar) or wanted.text in seen:
                return
            seen.add(wanted.text)
            body = self.extended.get(wanted.text)

    def node(self, rule: Rule, *path: str) -> Node | None:
        """What is written at a field of a rule, or of what it extends; None where it comes from elsewhere."""
        for body in self.lineage(rule):
            node: Node | None = body
            for name in path:
                node = node.get(name) if isinstance(node, MappingNode) else None
            if node is not None:
                return node
        return None

    def place(self, rule: Rule, *path: str) -> Span:
        """Where a field of a rule stands, in its own text or in that of what it extends; else the rule's name."""
        node = self.node(rule, *path)
        return node.span if node is not None else rule.span

    def level_place(self, rule: Rule, level: Level) -> Span:
        """Where the condition of a level stands."""
        found = self.node(rule, "levels", level.severity)
        return found.span if found is not None else self.place(rule, "when")


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `summary` says what it finds, `why` why that matters; `bad` is a rules file with one finding and
    `good` the same file mended, both over the source `web` of the examples.
    """

    code: str
    summary: str
    why: str
    bad: str
    good: str
    find: Callable[[Subject], Iterator[Finding]] = field(compare=False)
    severity: Severity = Severity.WARNING


def expanded(rule: Rule, expr: Expr) -> Expr:
    """The expression with the rule's named values in place of their names."""
    named = {value.name: value.expr for value in rule.values}

    def resolved(node: Expr) -> Expr:
        if isinstance(node, Value):
            return resolved(named[node.name]) if node.name in named else node
        changes = {each.name: _each(getattr(node, each.name), resolved) for each in fields(node) if each.name != "type"}
        return replace(node, **changes) if changes else node

    return resolved(expr)


def _each(value: Any, change: Callable[[Expr], Expr]) -> Any:
    if isinstance(value, tuple):
        return tuple(_each(item, change) for item in value)
    return change(value) if isinstance(value, NODES) else value


def expressions(rule: Rule) -> Iterator[Expr]:
    """All that a rule computes: keys, filter, values, conditions."""
    yield from (key.expr for key in rule.by)
    yield from (value.expr for value in rule.values)
    for expr in (rule.where, getattr(rule, "when", None)):
        if expr is not None:
            yield expr
    sequence = rule.sequence if isinstance(rule, Alarm) else None
    if sequence is not None:
        yield from sequence.steps
        yield from (each for each in (sequence.never, sequence.until) if each is not None)
    for level in getattr(rule, "levels", ()):
        yield level.when
        if level.until is not None:
            yield level.until


def parts(rule: Rule) -> Iterator[Expr]:
    """Everything in `expressions`, with what stands below."""
    for expr in expressions(rule):
        yield from walk(expr)
