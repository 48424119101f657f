"""Bases that nothing extends."""

from __future__ import annotations

from collections.abc import Iterator

from streamwatchd.rules.document import Document, Mapping, Scalar, Sequence
from streamwatchd.rules.lint._check import Check, Finding, Subject
from streamwatchd.rules.written import name_of


def _find(subject: Subject) -> Iterator[Finding]:
    items = [item for document in subject.documents.values() for item in _items(document, "rules", "bases")]
    extended = {wanted.text for item in items if isinstance(wanted := item.get("extends"), Scalar)}
    for document in subject.documents.values():
        for base in _items(document, "bases"):
            name = name_of(base)
            if name is not None and name.text not in extended:
                hint = f"write `extends: {name.text}` in a rule, or take the base out"
                yield Finding(f"nothing extends the base `{name.text}`", hint, span=name.span)


def _items(document: Document, *lists: str) -> Iterator[Mapping]:
    for name in lists:
        node = document.top.get(name) if document.top is not None else None
        yield from (each for each in (node.items if isinstance(node, Sequence) else ()) if isinstance(each, Mapping))


SPEC = Check(
    code="SW618",
    summary="a base that nothing extends",
    why="It is never run, so what it says watches nothing: most likely a rule was meant, or its last reader has gone.",
    bad="""
bases: [{alarm: failing, by: shop, when: status >= 500}]
""",
    good="""
source: web
bases: [{alarm: failing, by: shop, when: status >= 500}]
rules: [{alarm: late_failing, extends: failing, where: latency > 200}]
""",
    find=_find,
)
