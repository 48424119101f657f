"""All checks of the shelf over a project, less what its files ask to be left alone.

`# lint: ignore NAME because …` counts for the rule or base in which it stands, on the line above it too, of a base
also for the rules that extend it; before the first of these, or of the sources, it counts for the whole file. Several
names are parted by commas.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from streamwatchd.diagnostics import Diagnostic, Severity, Span, did_you_mean
from streamwatchd.rules.document import Document, Node, Scalar
from streamwatchd.rules.document import Mapping as MappingNode
from streamwatchd.rules.document import Sequence as SequenceNode
from streamwatchd.rules.lint import CHECKS
from streamwatchd.rules.lint._check import Check, Finding, Subject

NO_REASON = "SW620"
UNUSED_IGNORE = "SW621"
_COMMENT = re.compile(r"#\s*lint:\s*ignore\b(?P<rest>.*)")

TITLES: Mapping[str, str] = {
    NO_REASON: "a `# lint: ignore` that does not say which check, or why (warning)",
    UNUSED_IGNORE: "a `# lint: ignore` of something that is not there (warning)",
}


def check_name(shelf_name: str) -> str:
    """As people write it: `never-true`."""
    return shelf_name.replace("_", "-")


def checks() -> dict[str, Check]:
    """By the name that people write."""
    return {check_name(name): spec for name, spec in CHECKS.items()}


def titles() -> dict[str, str]:
    """Every code with its sentence."""
    warns = {Severity.ERROR: "", Severity.WARNING: " (warning)"}
    return {spec.code: spec.summary + warns[spec.severity] for spec in checks().values()} | dict(TITLES)


@dataclass(slots=True)
class _Ignore:
    """One comment: the lines `first` to `last` of a file for which it counts."""

    names: tuple[str, ...]
    why: str
    span: Span
    first: int
    last: int
    used: bool = False


def lint(subject: Subject, only: Iterable[str] = ()) -> list[Diagnostic]:
    """What the checks find, in order of place; `only` names some of them, else all are made."""
    known = checks()
    chosen = list(only) or list(known)
    ignores = {path: list(_ignores(document)) for path, document in subject.documents.items()}
    found = []
    for name in chosen:
        findings = known[name].find(subject)
        left = [each for each in findings if not _is_ignored(name, _places(each, subject), ignores)]
        found += [_diagnostic(known[name], name, each, subject) for each in _once_a_base(left, subject)]
    if not set(known) - set(chosen):
        for path, mine in ignores.items():
            found += list(_about(mine, subject.documents[path], known, subject))
    return sorted(found, key=lambda each: (each.span or Span("", 0, 0, 0, 0), each.code, each.message))


def _once_a_base(findings: Iterable[Finding], subject: Subject) -> Iterator[Finding]:
    """What stands in a base is found at each rule that extends it, and told once."""
    elsewhere: dict[tuple[Span | None, str], list[Finding]] = {}
    for finding in findings:
        if finding.rule is None or _stands_in_its_rule(finding, subject):
            yield finding
        else:
            words = finding.message.replace(f"`{finding.rule.name}`", "")
            elsewhere.setdefault((finding.span, words), []).append(finding)
    for first, *others in elsewhere.values():
        more = (
            f"; the same goes for {len(others)} more that extend{'' if len(others) > 1 else 's'} it" if others else ""
        )
        yield replace(first, message=first.message + more)


def _stands_in_its_rule(finding: Finding, subject: Subject) -> bool:
    if finding.rule is None or finding.span is None or finding.rule.span not in subject.bodies:
        return True
    file = finding.rule.span.file
    first, last = _lines(subject.bodies[finding.rule.span], subject.documents[file])
    return finding.span.file == file and first <= finding.span.line <= last


def _places(finding: Finding, subject: Subject) -> list[Span]:
    """Where a comment may say that it is to be left alone: at its place, in the rule, and of a rule as a whole also in
    what the rule extends."""
    span, rule = _span(finding), finding.rule
    if span is None or rule is None:
        return [] if span is None else [span]
    bases = list(subject.lineage(rule))[1:] if span == rule.span else []
    return [span, rule.span, *(body.span for body in bases)]


def _span(finding: Finding) -> Span | None:
    return finding.span or (finding.rule.span if finding.rule is not None else None)


def _diagnostic(check: Check, name: str, finding: Finding, subject: Subject) -> Diagnostic:
    span = _span(finding)
    document = subject.documents.get(span.file) if span is not None else None
    return Diagnostic(
        check.code,
        finding.message,
        span,
        finding.label or name,
        finding.hint,
        finding.rule.name if finding.rule is not None else "",
        check.severity,
        document.shown_line(span) if document is not None else "",
    )


def _is_ignored(name: str, places: Sequence[Span], ignores: Mapping[str, list[_Ignore]]) -> bool:
    found = False
    for place in places:
        for each in ignores.get(place.file, ()):
            if name in each.names and each.first <= place.line <= each.last:
                each.used = found = True
    return found


def _ignores(document: Document) -> Iterator[_Ignore]:
    reaches = sorted(_reaches(document))
    for match in _COMMENT.finditer(document.text):
        span = document.span(match.start(), match.end())
        listed, _, why = re.sub(r"\bbecause\b", "\0", match["rest"], count=1).partition("\0")
        names = tuple(name for name in re.split(r"[\s,]+", listed) if name)
        first, last = next(
            ((first, last) for first, last in reaches if first - 1 <= span.line <= last), (span.line, span.line + 1)
        )
        if not reaches or span.line < reaches[0][0] - 1:
            first, last = 1, 1_000_000_000
        yield _Ignore(names, why.strip(), span, first, last)


def _reaches(document: Document) -> Iterator[tuple[int, int]]:
    """First and last line of each rule and base, or of each entry of a configuration."""
    top = document.top
    for field in ("rules", "bases", "sources"):
        node = top.get(field) if top is not None else None
        match node:
            case SequenceNode(items=items):
                yield from (_lines(item, document) for item in items)
            case MappingNode(entries=entries):
                yield from ((key.span.line, _lines(value, document)[1]) for key, value in entries)


def _lines(item: Node, document: Document) -> tuple[int, int]:
    return item.span.line, document.span(_end(item), _end(item)).line


def _end(node: Node) -> int:
    """The offset where its last value ends: behind it, a block of YAML takes in what stands before the next one."""
    match node:
        case Scalar():
            return node.end
        case SequenceNode(items=items):
            return max(map(_end, items), default=0)
        case MappingNode(entries=entries):
            return max((_end(value) for _, value in entries), default=node.start)


def _about(
    ignores: Iterable[_Ignore], document: Document, known: Mapping[str, Check], subject: Subject
) -> Iterator[Diagnostic]:
    """What is wrong with the comments themselves."""
    for each in ignores:
        unknown = next((name for name in each.names if name not in known), "")
        if not each.names or not each.why or unknown:
            hint = "write `# lint: ignore NAME because …`"
            message = f"the comment does not say {'why it is ignored' if each.names else 'which check'}"
            if unknown:
                message = f"there is no check `{unknown}`"
                hint = did_you_mean(unknown, known) or f"checks: {', '.join(known)}"
            yield document.report(NO_REASON, message, each.span, hint=hint, severity=Severity.WARNING)
        elif not each.used and not _needs_more(each.names, subject):
            message = f"nothing here is found by {' or '.join(f'`{name}`' for name in each.names)}"
            yield document.report(
                UNUSED_IGNORE, message, each.span, hint="take the comment out", severity=Severity.WARNING
            )


def _needs_more(names: Iterable[str], subject: Subject) -> bool:
    """Checks that look at a recording or at tests may find something when they have them."""
    return ("unseen-field" in names and subject.seen is None) or ("untested" in names and subject.tested is None)
