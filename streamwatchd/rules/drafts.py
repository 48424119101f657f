"""A rules file, its form checked: what each rule says, before names are looked up."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from streamwatchd.diagnostics import Diagnostic, Span, did_you_mean
from streamwatchd.rules import codes, rule_spec
from streamwatchd.rules.document import Document, Mapping, Node, Scalar, Sequence
from streamwatchd.rules.expressions import has_aggregate, parsed, parsed_condition
from streamwatchd.rules.form import Findings, Read, read
from streamwatchd.rules.inheritance import Inheritance

_MEANING = ("source", "by", "values", "when", "levels", "features")


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """One rule. `defaults` are the file's common fields, `sources` the names it reads, in order; the last `beside` of
    them are named by steps of a sequence.

    One that is not `is_sound` has mistakes of form: it is checked, for what else is wrong with it, and never runs.
    """

    kind: str
    name: str
    place: Span
    body: Read
    defaults: Read
    sources: tuple[Scalar, ...]
    windowed: bool
    digest: str
    is_sound: bool = True
    beside: int = 0

    def own_or_default(self, field: str) -> Read:
        """The record that says `field`: the rule, else the file."""
        return self.body if field in self.body else self.defaults


@dataclass(frozen=True, slots=True)
class FileDraft:
    """`names` are those of all rules of the file, of the broken ones too."""

    document: Document
    rules: tuple[RuleDraft, ...]
    problems: tuple[Diagnostic, ...]
    names: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        return any(problem.is_error for problem in self.problems)


def draft(document: Document) -> FileDraft:
    """The rules of a document, with every problem of form."""
    findings = Findings(document, problems=list(document.diagnostics))
    if document.top is None:
        return FileDraft(document, (), tuple(findings.problems))
    defaults = read(document.top, rule_spec.FILE, findings)
    node = defaults.values.get("rules")
    items = node.items if isinstance(node, Sequence) else ()
    inheritance = Inheritance(items, defaults.values.get("defaults"), rule_spec.RULE.records, findings)
    whole = [inheritance.full(item) for item in items if isinstance(item, Mapping)]
    found = [_rule(each, defaults, findings) for each in whole if each is not None]
    rules = tuple(rule for rule in found if rule is not None)
    names = tuple(name for item in items for name in _names(item))
    return FileDraft(document, rules, tuple(findings.problems), names)


def _names(item: Node) -> Iterator[str]:
    for key, value in item.entries if isinstance(item, Mapping) else ():
        if key.text in rule_spec.RULE.records and isinstance(value, Scalar):
            yield value.text


def _rule(node: Mapping, defaults: Read, findings: Findings) -> RuleDraft | None:
    heads = [key for key, _ in node.entries if key.text in rule_spec.RULE.records]
    findings.rule = ""
    if len(heads) != 1:
        _no_head(node, heads, findings)
        return None
    head = heads[0].text
    name = node.get(head)
    findings.rule = name.text if isinstance(name, Scalar) else ""
    before = len(findings.problems)
    body = read(node, rule_spec.RULE.records[head], findings)
    is_sound = not any(problem.is_error for problem in findings.problems[before:])
    draft = None
    if isinstance(name, Scalar) and (is_sound or _gives_meaning(body)):
        draft = _draft(head, name, body, defaults, findings)
    findings.rule = ""
    return draft if draft is None or is_sound else replace(draft, is_sound=False)


def _gives_meaning(body: Read) -> bool:
    """Whether what is left of a rule with mistakes of form can be checked without echoes.

    Not where one of the fields that tell what names and conditions mean is wrong, missing or misspelt.
    """
    record = body.record
    wrong = [key.text for key, _ in body.node.entries if key.text not in body]
    if any(declared.required and declared.name not in body for declared in record.fields):
        return False
    for word in wrong:
        known = record.field(word)
        meant = record.way_out(word) or did_you_mean(word, record.names)
        if word in _MEANING or (known is not None and known.later):
            return False
        if any(name in re.split("[`:]", meant) and name not in body for name in _MEANING):
            return False
    return "by" in body or all(record.field(word) for word in wrong)


def _no_head(node: Mapping, heads: list[Scalar], findings: Findings) -> None:
    if heads:
        message = f"a rule has one of {', '.join(f'`{head.text}:`' for head in heads)}"
        findings.add(codes.EXCLUSIVE_FIELDS, message, heads[1].span, hint="write two rules")
        return
    names = tuple(rule_spec.RULE.records)
    close = next((f"{did_you_mean(key.text, names)}" for key, _ in node.entries if did_you_mean(key.text, names)), "")
    place = node.entries[0][0].span if node.entries else node.span
    hint = close or "start it with `- alarm: name`, `- kpi: name` or `- anomaly: name`"
    findings.add(codes.MISSING_FIELD, "a rule needs `alarm:`, `kpi:` or `anomaly:` with its name", place, hint=hint)


def _draft(head: str, name: Scalar, body: Read, defaults: Read, findings: Findings) -> RuleDraft | None:
    origin = body if "source" in body else defaults
    sources = origin.scalars("source")
    if not sources:
        hint = "add `source: …`, here or at the top of the file"
        findings.add(codes.MISSING_FIELD, "no `source:`: nothing to read", name.span, hint=hint)
        return None
    names = [source.text for source in sources]
    if len(set(names)) < len(names):
        findings.add(codes.UNJOINABLE, "a stream stands twice in `source:`", sources[0].span, hint="name it once")
        return None
    digest = hashlib.sha256("\0".join((*_flat(body.node), "", *_shared(defaults))).encode()).hexdigest()
    windowed = head == "kpi" or _is_windowed(body)
    steps = tuple(_step_sources(body, names))
    return RuleDraft(
        head, name.text, name.span, body, defaults, (*sources, *steps), windowed, digest, beside=len(steps)
    )


def _step_sources(body: Read, own: list[str]) -> Iterator[Scalar]:
    """The sources that steps of a sequence name, each once."""
    steps, seen = body.values.get("sequence"), set(own)
    for step in steps.items if isinstance(steps, Sequence) else ():
        for name, _ in step.entries if isinstance(step, Mapping) else ():
            if name.text not in seen:
                seen.add(name.text)
                yield name


def _is_windowed(body: Read) -> bool:
    expressions = [parsed(node.text) for _, node in body.entries("values") if isinstance(node, Scalar)]
    if body.record is rule_spec.ANOMALY:
        return any(map(has_aggregate, expressions))
    conditions = [node for _, node in body.entries("levels")]
    conditions += [node for node in (body.scalar("when"),) if node is not None]
    trees = [parsed_condition(node.text) for node in conditions if isinstance(node, Scalar)]
    return any(map(has_aggregate, expressions)) or any(map(has_aggregate, trees))


def _shared(defaults: Read) -> Iterator[str]:
    for field in rule_spec.SHARED:
        node = defaults.values.get(field.name)
        if node is not None:
            yield field.name
            yield from _flat(node)


def _flat(node: Node) -> Iterator[str]:
    """What was written, without places, comments and quoting, for a digest."""
    match node:
        case Scalar():
            yield node.text
        case Sequence():
            yield "["
            for item in node.items:
                yield from _flat(item)
            yield "]"
        case Mapping():
            yield "{"
            for key, value in node.entries:
                yield key.text
                yield from _flat(value)
            yield "}"
