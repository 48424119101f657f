"""A rules file, its form checked: what each rule says, before names are looked up."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from streamwatchd.diagnostics import Diagnostic, Span, did_you_mean
from streamwatchd.lang import syntax
from streamwatchd.lang.problem import Problem
from streamwatchd.rules import codes, rule_spec
from streamwatchd.rules.document import Document, Mapping, Node, Scalar, Sequence
from streamwatchd.rules.expressions import has_aggregate, parsed, parsed_condition
from streamwatchd.rules.form import Findings, Read, read
from streamwatchd.rules.inheritance import Inheritance, Named, Whole, names_of
from streamwatchd.rules.legible import tell_illegible
from streamwatchd.rules.merging import ENTRYWISE, over
from streamwatchd.rules.written import Written, head_of, name_of, one_head, read_written

_NOTHING: MappingOf[str, str] = MappingProxyType({})
_MEANING = ("source", "by", "values", "when", "levels", "features")


@dataclass(frozen=True, slots=True)
class Taken:
    """A word that a rule takes over: its `path` (`severity`, `labels.team`), and where it stands."""

    path: str
    span: Span
    node: Node


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """One rule. `defaults` are the common fields of files that hold for it, `sources` the names it reads, in order; the
    last `beside` of them are named by steps of a sequence.

    One that is not `is_sound` has mistakes of form: it is checked, for what else is wrong with it, and never runs.
    One that is not `is_legible` has a value or condition that is no expression: whether it is `windowed` is unknown.
    `taken` is what stands elsewhere. `digest` is the hash of the text as it stands, `said` of what it comes to.
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
    is_legible: bool = True
    beside: int = 0
    taken: tuple[Taken, ...] = ()
    said: str = ""

    def own_or_default(self, field: str) -> Read:
        """The record that says `field`: the rule, else a file."""
        return self.body if field in self.body else self.defaults


@dataclass(frozen=True, slots=True)
class FileDraft:
    """`names` are those of all rules and bases of the file, of the broken ones too; `bases` are the bases by
    name, each with what it says itself.

    `beside` are the files of which it takes words over; `blocked` says which of those are refused. One that `has_form`
    can have mistakes all the same, in what it takes over.
    """

    document: Document
    rules: tuple[RuleDraft, ...]
    problems: tuple[Diagnostic, ...]
    names: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    blocked: tuple[Diagnostic, ...] = ()
    bases: MappingOf[str, Read] = field(default_factory=dict)
    has_form: bool = True

    @property
    def failed(self) -> bool:
        return any(problem.is_error for problem in self.problems)


def draft(document: Document) -> FileDraft:
    """The rules of a document that stands alone, with every problem of form."""
    file = read_written(document)
    return completed(file, None, names_of(file))


def completed(
    file: Written, shared: Written | None, named: MappingOf[str, Named], refused: MappingOf[str, str] = _NOTHING
) -> FileDraft:
    """The rules of a file with all that they take over; see `Inheritance`."""
    beside = {each.file: each for each in (*(base.file for base in named.values()), *([shared] if shared else []))}
    beside.pop(file.file, None)
    document = replace(file.document, beside={name: each.document for name, each in beside.items()})
    findings = Findings(document, problems=list(file.problems))
    inheritance = Inheritance(file, shared, named, findings, refused)
    bases: dict[str, Read] = {}
    for base in file.bases:
        with findings.about(base_name.text if (base_name := name_of(base)) is not None else ""):
            inheritance.chain(base)
            if head_of(base) and base_name is not None:
                bases[base_name.text] = read(base, rule_spec.BASE.records[head_of(base)], Findings(document))
                tell_illegible(bases[base_name.text], findings)
    found = [_rule(item, inheritance, findings) for item in file.rules]
    rules = tuple(rule for rule in found if rule is not None)
    return FileDraft(document, rules, tuple(findings.problems), file.names, tuple(beside), (), bases, not file.failed)


def _rule(node: Mapping, inheritance: Inheritance, findings: Findings) -> RuleDraft | None:
    head, name = one_head(node, findings), name_of(node)
    if head is None:
        return None
    with findings.about(name.text if name is not None else ""):
        before = len(findings.problems)
        whole = inheritance.full(node)
        if whole is None:
            return None
        body = read(whole.body, rule_spec.RULE.records[head], findings)
        is_sound = not any(problem.is_error for problem in findings.problems[before:])
        draft = None
        if isinstance(name, Scalar) and (is_sound or _gives_meaning(body)):
            draft = _draft(head, name, body, _words(whole.words), findings)
        return draft if draft is None else replace(draft, is_sound=is_sound, taken=tuple(_taken(node, whole)))


def _words(node: Mapping) -> Read:
    """What files say for a rule; its form has been checked."""
    return Read(
        rule_spec.SHARED_FILE,
        node,
        {key.text: value for key, value in node.entries},
        {key.text: key for key, _ in node.entries},
    )


def _taken(rule: Mapping, whole: Whole) -> Iterator[Taken]:
    """What a rule takes over, entries of labels and their like one by one; from afar what a nearer word replaces."""
    said: set[str] = set()
    for part in (whole.body, whole.words):
        for key, node in part.entries:
            if key.text == "defaults" or (key.text in said and key.text not in ENTRYWISE):
                continue
            said.add(key.text)
            own = rule.get(key.text)
            if key.text in ENTRYWISE and isinstance(node, Mapping):
                for name, value in node.entries:
                    path = f"{key.text}.{name.text}"
                    if path not in said and (not isinstance(own, Mapping) or own.get(name.text) is None):
                        yield Taken(path, name.span, value)
                    said.add(path)
            elif own is not node:
                yield Taken(key.text, key.span, node)


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
    digest = _hash((*_flat(body.node), "", *_shared(defaults)))
    trees = tuple(_trees(body))
    steps = tuple(_step_sources(body, names))
    return RuleDraft(
        head,
        name.text,
        name.span,
        body,
        defaults,
        (*sources, *steps),
        head == "kpi" or any(map(has_aggregate, trees)),
        digest,
        is_legible=not any(isinstance(tree, Problem) for tree in trees),
        beside=len(steps),
        said=_hash(_said(body, defaults)),
    )


def sources_of(body: Read) -> tuple[Scalar, ...]:
    """All that a rule or a base names as a source, steps of a sequence included."""
    own = body.scalars("source")
    return (*own, *_step_sources(body, [source.text for source in own]))


def _step_sources(body: Read, own: list[str]) -> Iterator[Scalar]:
    """The sources that steps of a sequence name, each once."""
    steps, seen = body.values.get("sequence"), set(own)
    for step in steps.items if isinstance(steps, Sequence) else ():
        for name, _ in step.entries if isinstance(step, Mapping) else ():
            if name.text not in seen:
                seen.add(name.text)
                yield name


def _trees(body: Read) -> Iterator[syntax.Expr | syntax.Condition | Problem]:
    """Values and conditions; those of an anomaly rule are on its score, and say nothing of windows."""
    yield from (parsed(node.text) for _, node in body.entries("values") if isinstance(node, Scalar))
    if body.record is not rule_spec.ANOMALY:
        conditions = [node for _, node in body.entries("levels")] + [body.values.get("when")]
        yield from (parsed_condition(node.text) for node in conditions if isinstance(node, Scalar))


def _said(body: Read, defaults: Read) -> Iterator[str]:
    """All that a rule says, wherever it stands, in an order of its own."""
    common = [(defaults.keys[name], node) for name, node in defaults.values.items() if name != "defaults"]
    whole = over(replace(body.node, entries=tuple(common)), body.node)
    for key, node in sorted(whole.entries, key=lambda entry: entry[0].text):
        yield key.text
        if key.text in ("labels", "params") and isinstance(node, Mapping):
            node = replace(node, entries=tuple(sorted(node.entries, key=lambda entry: entry[0].text)))
        yield from _flat(node)


def _hash(words: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()


def _shared(defaults: Read) -> Iterator[str]:
    """What files say, whichever they are: a word that moves from one to another changes nothing."""
    for word in rule_spec.SHARED:
        node = defaults.values.get(word.name)
        if node is not None:
            yield word.name
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
