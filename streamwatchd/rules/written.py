"""A rules file as it stands, its form checked: what it says by itself, before anything is taken over."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from streamwatchd.diagnostics import Diagnostic, Span, did_you_mean
from streamwatchd.rules import codes, rule_spec
from streamwatchd.rules.document import Document, Mapping, Node, Scalar, Sequence, is_null
from streamwatchd.rules.form import Findings, read
from streamwatchd.rules.reader import parse

SHARED_NAME = "shared.yaml"
"""The file in the folder of rules whose words hold for all others."""


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """`words` are the fields at the top that rules take over, those alone that have the right form; `null` stays.

    `rules` and `bases` are the items of these lists, whatever stands in them; `names` are those of all of them, the
    broken ones too.
    """

    document: Document
    words: Mapping
    rules: tuple[Mapping, ...] = ()
    bases: tuple[Mapping, ...] = ()
    problems: tuple[Diagnostic, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        return self.document.file

    @property
    def failed(self) -> bool:
        return any(problem.is_error for problem in self.problems)


@lru_cache(maxsize=1_024)
def written(path: str, content: bytes, is_shared: bool = False) -> Written:
    """The rules file in `content`; equal content is read once. Of `is_shared` see `SHARED_NAME`."""
    return read_written(parse(path, content), is_shared)


def is_shared(path: str, folder: Path) -> bool:
    """Whether a file holds what all files of this folder of rules take over."""
    return Path(path).absolute() == folder.absolute() / SHARED_NAME


def read_written(document: Document, is_shared: bool = False) -> Written:
    # Comments are no words; one without a byte may be on its way to the disk.
    may_be_silent = is_shared and document.text.strip() != ""
    told = (each for each in document.diagnostics if not (may_be_silent and each.code == codes.EMPTY))
    findings = Findings(document, problems=list(told))
    top = document.top
    if not is_shared:
        _tell_look_alike(document, findings)
    if top is None:
        return Written(document, _NO_WORDS, problems=tuple(findings.problems))
    found = read(top, rule_spec.SHARED_FILE if is_shared else rule_spec.FILE, findings)
    words = [
        (key, _defaults(node, findings) if key.text == "defaults" and isinstance(node, Mapping) else node)
        for key, node in top.entries
        if key.text in _WORDS and (key.text in found or is_null(node))
    ]
    rules, bases = (_items(found.values.get(name)) for name in ("rules", "bases"))
    for base in bases:
        _check_base(base, findings)
    words_node = Mapping(tuple(words), top.span, top.size, top.start, top.end)
    names = tuple(name.text for item in (*rules, *bases) if (name := name_of(item)) is not None)
    return Written(document, words_node, rules, bases, tuple(findings.problems), names)


_WORDS = ("defaults", *(field.name for field in rule_spec.SHARED))
_NO_WORDS = Mapping((), Span("", 1, 1, 1, 1), 0)


def _tell_look_alike(document: Document, findings: Findings) -> None:
    """`shared.yml`, `_shared.yaml`, `team/shared.yaml`: most likely meant to hold for all files, and does not."""
    if re.fullmatch(r"[_.]?shared[_.]?", Path(document.file).stem, re.IGNORECASE):
        hint = f"name it `{SHARED_NAME}`, in the folder of rules itself, or give it another name"
        message = f"this file holds for itself alone: what holds for all is named `{SHARED_NAME}`"
        findings.warn(codes.LOOK_ALIKE, message, document.span(0, 0), hint=hint)


def _items(node: Node | None) -> tuple[Mapping, ...]:
    items = node.items if isinstance(node, Sequence) else ()
    return tuple(item for item in items if isinstance(item, Mapping))


def _defaults(node: Mapping, findings: Findings) -> Mapping:
    """Without what has the wrong form: of that no rule shall hear."""
    found = read(node, rule_spec.DEFAULTS, findings)
    good = tuple(entry for entry in node.entries if entry[0].text in found or is_null(entry[1]))
    return Mapping(good, node.span, node.size, node.start, node.end)


def _check_base(base: Mapping, findings: Findings) -> None:
    head = one_head(base, findings)
    if head is None:
        return
    name = base.get(head)
    with findings.about(name.text if isinstance(name, Scalar) else ""):
        read(base, rule_spec.BASE.records[head], findings)


def head_of(rule: Mapping) -> str:
    """`alarm`, `kpi` or `anomaly`; empty where none stands there."""
    return next((key.text for key, _ in rule.entries if key.text in rule_spec.RULE.records), "")


def name_of(rule: Mapping) -> Scalar | None:
    node = rule.get(head_of(rule))
    return node if isinstance(node, Scalar) else None


def one_head(rule: Mapping, findings: Findings) -> str | None:
    """Its kind; None with a finding where it has none, or two."""
    heads = [key for key, _ in rule.entries if key.text in rule_spec.RULE.records]
    if len(heads) == 1:
        return heads[0].text
    if heads:
        message = f"a rule has one of {', '.join(f'`{head.text}:`' for head in heads)}"
        findings.add(codes.EXCLUSIVE_FIELDS, message, heads[1].span, hint="write two rules")
        return None
    names = tuple(rule_spec.RULE.records)
    close = next((found for key, _ in rule.entries if (found := did_you_mean(key.text, names))), "")
    place = rule.entries[0][0].span if rule.entries else rule.span
    if (base := rule.key("base")) is not None:
        close = f"begin it with its kind, such as `- alarm: {_text(rule.get(base.text))}`"
    hint = close or "start it with `- alarm: name`, `- kpi: name` or `- anomaly: name`"
    findings.add(codes.MISSING_FIELD, "a rule needs `alarm:`, `kpi:` or `anomaly:` with its name", place, hint=hint)
    return None


def _text(node: Node | None) -> str:
    return node.text if isinstance(node, Scalar) else "name"
