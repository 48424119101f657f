"""Sources that no rule reads."""

from __future__ import annotations

from collections.abc import Iterator

from streamwatchd.rules.document import Mapping
from streamwatchd.rules.lint._check import Check, Finding, Subject


def _find(subject: Subject) -> Iterator[Finding]:
    read = {source for rule in subject.rules.rules for source in rule.sources}
    for document in subject.documents.values():
        declared = document.top.get("sources") if document.top is not None else None
        for key, _ in declared.entries if isinstance(declared, Mapping) else ():
            source = subject.rules.sources.get(key.text)
            if source is not None and key.text not in read and not source.emit_enriched:
                hint = "write a rule on it, or take the source out"
                yield Finding(f"no rule reads the source `{key.text}`", hint, span=key.span)


SPEC = Check(
    code="SW615",
    summary="a source that no rule reads",
    why="Its topic is not read at all, which may surprise whoever declared it.",
    bad="""
source: requests
rules: [{alarm: busy, by: shop, when: total > 5}]
""",
    good="""
source: web
rules: [{alarm: failing, by: shop, when: status >= 500}]
""",
    find=_find,
)
