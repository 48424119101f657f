"""Fields that a rule reads and a recording never has."""

from __future__ import annotations

from collections.abc import Iterator

from streamwatchd.diagnostics import did_you_mean
from streamwatchd.lang.typed import Field
from streamwatchd.rules.lint._check import Check, Finding, Subject, parts
from streamwatchd.rules.ruleset import Rule


def _find(subject: Subject) -> Iterator[Finding]:
    for rule in subject.rules.rules if subject.seen is not None else ():
        for stream, name in sorted(_read(rule)):
            seen = (subject.seen or {}).get(stream)
            if seen is None or not seen.events or seen.fields.get(name):
                continue
            close = did_you_mean(name, seen.fields) or f"the recording has {', '.join(sorted(seen.fields))}"
            yield Finding(
                f"`{rule.name}` reads `{name}`, which none of {seen.events:,} events of `{stream}` has", close, rule
            )


def _read(rule: Rule) -> set[tuple[str, str]]:
    return {(expr.stream or rule.sources[0], expr.name) for expr in parts(rule) if isinstance(expr, Field)}


SPEC = Check(
    code="SW608",
    summary="a field that no event of a recording has (with `--recording`)",
    why="The rule waits for something that is never sent: a name was changed, or was never right.",
    bad="""
source: web
rules: [{alarm: failing, by: shop, when: code >= 500}]
""",
    good="""
source: web
rules: [{alarm: failing, by: shop, when: status >= 500}]
""",
    find=_find,
)
