"""Nodes of a document against the forms of `fields.py`: every mistake reported, the good values handed out typed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as MappingOf
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import assert_never

from streamwatchd import fields as forms
from streamwatchd.diagnostics import Diagnostic, Severity, Span, did_you_mean
from streamwatchd.fields import Form, Record
from streamwatchd.lang.units import parse_duration
from streamwatchd.rules import codes
from streamwatchd.rules.document import Document, Mapping, Node, Scalar, Sequence, is_empty, is_null

_NAME = re.compile(forms.IDENTIFIER)
_DOTTED = re.compile(rf"{forms.IDENTIFIER}(\.{forms.IDENTIFIER})*")


def share_of(scalar: Scalar) -> float | None:
    """`10%` or `0.1` as a share in (0, 1]."""
    text = scalar.text.strip()
    try:
        share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        return None
    return share if 0 < share <= 1 else None


@dataclass(slots=True)
class Findings:
    """Where the problems of one document gather; `rule` names the rule they belong to."""

    document: Document
    rule: str = ""
    problems: list[Diagnostic] = field(default_factory=list)

    def add(self, code: str, message: str, span: Span | None, *, hint: str = "", label: str = "") -> None:
        self.problems.append(self.document.report(code, message, span, label=label, hint=hint, rule=self.rule))

    def warn(self, code: str, message: str, span: Span | None, *, hint: str = "") -> None:
        severity = Severity.WARNING
        self.problems.append(self.document.report(code, message, span, hint=hint, rule=self.rule, severity=severity))

    @contextmanager
    def about(self, rule: str) -> Iterator[None]:
        """What is found meanwhile belongs to a rule."""
        self.rule = rule
        try:
            yield
        finally:
            self.rule = ""

    @property
    def has_errors(self) -> bool:
        return any(problem.is_error for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Read:
    """The fields of one record whose values have the right form; what is missing or wrong is left out."""

    record: Record
    node: Mapping
    values: MappingOf[str, Node]
    keys: MappingOf[str, Scalar]

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def key(self, name: str) -> Span:
        """The place of the field's name."""
        return self.keys[name].span

    def scalar(self, name: str) -> Scalar | None:
        node = self.values.get(name)
        return node if isinstance(node, Scalar) else None

    def text(self, name: str, default: str = "") -> str:
        scalar = self.scalar(name)
        return default if scalar is None else scalar.text

    def duration(self, name: str, default: int = 0) -> int:
        scalar = self.scalar(name)
        given = None if scalar is None else parse_duration(scalar.text)
        return default if given is None else given

    def integer(self, name: str, default: int) -> int:
        scalar = self.scalar(name)
        return scalar.value if scalar is not None and isinstance(scalar.value, int) else default

    def share(self, name: str, default: float) -> float:
        scalar = self.scalar(name)
        return default if scalar is None else share_of(scalar) or default

    def truth(self, name: str, default: bool = False) -> bool:
        scalar = self.scalar(name)
        return default if scalar is None else scalar.value is True

    def scalars(self, name: str) -> tuple[Scalar, ...]:
        """One scalar or a list of them."""
        match self.values.get(name):
            case Scalar() as one:
                return (one,)
            case Sequence(items=items):
                return tuple(item for item in items if isinstance(item, Scalar))
            case _:
                return ()

    def entries(self, name: str) -> tuple[tuple[Scalar, Node], ...]:
        node = self.values.get(name)
        return node.entries if isinstance(node, Mapping) else ()

    def texts(self, name: str) -> dict[str, str]:
        return {key.text: node.text for key, node in self.entries(name) if isinstance(node, Scalar)}


def read(node: Mapping, record: Record, findings: Findings) -> Read:
    """All fields of `node` checked against `record`."""
    values: dict[str, Node] = {}
    keys: dict[str, Scalar] = {}
    for key, value in node.entries:
        declared = record.field(key.text)
        if declared is None:
            findings.add(
                codes.UNKNOWN_FIELD,
                f"{record.what} has no field `{key.text}`",
                key.span,
                hint=record.way_out(key.text) or did_you_mean(key.text, record.names) or f"fields: {_listed(record)}",
            )
        elif declared.later:
            hint = "take it out, or keep the file aside until a version that has it"
            findings.add(codes.NOT_SUPPORTED_YET, f"`{key.text}` is not supported yet", key.span, hint=hint)
        elif declared.clearable and is_null(value):
            continue
        elif fits(value, declared.form, f"`{key.text}`", findings, example=declared.example):
            values[key.text], keys[key.text] = value, key
    _missing(node, record, findings)
    return Read(record, node, values, keys)


def _listed(record: Record) -> str:
    return ", ".join(field.name for field in record.fields if not field.later)


def _missing(node: Mapping, record: Record, findings: Findings) -> None:
    written = {key.text for key, _ in node.entries}
    for declared in record.fields:
        if declared.required and declared.name not in written:
            place = node.entries[0][0].span if node.entries else node.span
            hint = f"add `{declared.name}: {declared.example}`" if declared.example else f"add `{declared.name}:`"
            findings.add(codes.MISSING_FIELD, f"{record.what} needs `{declared.name}`", place, hint=hint)
    if record.either and written.isdisjoint(record.either):
        place = node.entries[0][0].span if node.entries else node.span
        needed, hint = record.either[0], f"add `{record.either[0]}:`"
        findings.add(codes.MISSING_FIELD, f"{record.what} needs `{needed}`", place, hint=hint)


def fits(node: Node, form: Form, name: str, findings: Findings, example: str = "") -> bool:
    """Whether the node has the form; what is wrong is reported under the field's `name`.

    Of a record only the shape is looked at: its owner reads it.
    """
    match form:
        case forms.ListOf():
            return _list_fits(node, form, name, findings, example)
        case forms.MapOf():
            return _map_fits(node, form, name, findings, example)
        case forms.Record() | forms.Records():
            return isinstance(node, Mapping) or _wrong(node, form, name, findings, example)
        case forms.Raw():
            return True
        case forms.Either(alternatives):
            return _either_fits(node, alternatives, form, name, findings, example)
        case _:
            if not isinstance(node, Scalar) or (node.value is None and not _takes_null(form)):
                return _wrong(node, form, name, findings, example)
            return _scalar_fits(node, form, name, findings, example)


def _takes_null(form: Form) -> bool:
    match form:
        case forms.Anything(null):
            return null
        case forms.Choice(words):
            return "null" in words
        case _:
            return False


def _list_fits(node: Node, form: forms.ListOf, name: str, findings: Findings, example: str) -> bool:
    if not isinstance(node, Sequence):
        if form.or_one and not is_empty(node):
            return fits(node, form.item, name, findings, example)
        return _wrong(node, form, name, findings, example)
    if not node.items:
        return _wrong(node, form, name, findings, example)
    good = [fits(item, form.item, f"an item of {name}", findings) for item in node.items]
    return all(good)


def _map_fits(node: Node, form: forms.MapOf, name: str, findings: Findings, example: str) -> bool:
    if not isinstance(node, Mapping):
        return _wrong(node, form, name, findings, example)
    good = True
    for key, value in node.entries:
        good &= fits(key, form.key, f"a key of {name}", findings)
        if form.clearable and is_null(value):
            continue
        good &= fits(value, form.value, f"`{key.text}` in {name}", findings)
    return good


def _either_fits(
    node: Node, alternatives: Iterable[Form], form: Form, name: str, findings: Findings, example: str
) -> bool:
    for alternative in alternatives:
        if _shape(alternative) is type(node):
            return fits(node, alternative, name, findings, example)
    return _wrong(node, form, name, findings, example)


def _shape(form: Form) -> type:
    match form:
        case forms.ListOf():
            return Sequence
        case forms.MapOf() | forms.Record() | forms.Records():
            return Mapping
        case _:
            return Scalar


def _scalar_fits(node: Scalar, form: Form, name: str, findings: Findings, example: str) -> bool:
    match form:
        case forms.Text(pattern=pattern):
            good = not pattern or re.fullmatch(pattern, node.text) is not None
        case forms.Name(dotted=dotted):
            return _name_fits(node, dotted, name, findings)
        case forms.Duration():
            return _duration_fits(node, form, name, findings, example)
        case forms.Integer(minimum, maximum):
            return _integer_fits(node, minimum, maximum, name, findings)
        case forms.Share():
            return _reported(
                share_of(node) is not None,
                node,
                codes.BAD_SHARE,
                f"{name} must be more than 0 and at most 100%",
                findings,
                "write a share such as `10%`",
            )
        case forms.Truth():
            good = isinstance(node.value, bool)
        case forms.Choice(words):
            hint = did_you_mean(node.text, words) or f"one of {', '.join(words)}"
            return _reported(
                node.text in words, node, codes.BAD_CHOICE, f"{name} can't be `{node.text}`", findings, hint
            )
        case _:
            good = True
    return good or _wrong(node, form, name, findings, example)


def _reported(good: bool, node: Scalar, code: str, message: str, findings: Findings, hint: str) -> bool:
    if not good:
        findings.add(code, message, node.span, hint=hint)
    return good


def _name_fits(node: Scalar, dotted: bool, name: str, findings: Findings) -> bool:
    good = (_DOTTED if dotted else _NAME).fullmatch(node.text) is not None
    return _reported(
        good,
        node,
        codes.BAD_NAME,
        f"`{node.text}` is not a name",
        findings,
        "names have letters, digits and `_`, and start with a letter",
    )


def _duration_fits(node: Scalar, form: forms.Duration, name: str, findings: Findings, example: str) -> bool:
    found = parse_duration(node.text)
    if found is None:
        message = f"{name} must be a duration, not `{node.text}`"
        hint = f"write a number with ms, s, m, h, d or w, such as `{example or '10s'}`"
        return _reported(False, node, codes.BAD_DURATION, message, findings, hint)
    within = form.minimum_ms <= found <= form.maximum_ms
    message = f"{name} is too {'short' if found < form.minimum_ms else 'long'}"
    hint = f"from {form.minimum_ms} ms to {form.maximum_ms // 86_400_000} d"
    return _reported(within, node, codes.OUT_OF_RANGE, message, findings, hint)


def _integer_fits(node: Scalar, minimum: int, maximum: int, name: str, findings: Findings) -> bool:
    if not isinstance(node.value, int) or isinstance(node.value, bool):
        return _wrong(node, forms.Integer(minimum, maximum), name, findings, "")
    within = minimum <= node.value <= maximum
    return _reported(
        within, node, codes.OUT_OF_RANGE, f"{name} is out of range", findings, f"from {minimum} to {maximum}"
    )


def _wrong(node: Node, form: Form, name: str, findings: Findings, example: str) -> bool:
    hint = f"for example `{example}`" if example and "\n" not in example else ""
    if isinstance(form, forms.Expression) and isinstance(node, Sequence):
        hint = "write one text; join what must hold together with `and`"
    findings.add(codes.WRONG_TYPE, f"{name} must be {described(form)}, not {_found(node)}", node.span, hint=hint)
    return False


def _found(node: Node) -> str:
    match node:
        case Sequence():
            return "a list" if node.items else "an empty list"
        case Mapping():
            return "a mapping"
        case Scalar(value=None):
            return "nothing"
        case Scalar(value=bool()):
            return node.text
        case Scalar():
            return f"`{node.text}`"
        case _:
            assert_never(node)


def described(form: Form) -> str:
    """The form in a few words, with its article."""
    match form:
        case forms.Text() | forms.Name() | forms.Expression() | forms.Record() | forms.Raw():
            return form.what
        case forms.Duration():
            return "a duration"
        case forms.Integer():
            return "a whole number"
        case forms.Share():
            return "a share such as `10%`"
        case forms.Truth():
            return "true or false"
        case forms.Choice(words):
            return "one of " + ", ".join(words)
        case forms.Anything():
            return "a single value"
        case forms.ListOf(item, or_one):
            return f"{described(item)} or a list" if or_one else f"a list of {_plural(item)}"
        case forms.MapOf(value):
            return f"a mapping of names to {_plural(value)}"
        case forms.Either(alternatives):
            return " or ".join(described(one) for one in alternatives)
        case forms.Records(records):
            return "a mapping with " + " or ".join(f"`{head}:`" for head in records)
        case _:
            assert_never(form)


def _plural(form: Form) -> str:
    words = described(form)
    if isinstance(form, forms.Records):
        return words.replace("a mapping", "mappings")
    return words.split(" ", 1)[1] + "s" if words.startswith(("a ", "an ")) else words
