"""Counters taken for what they stand at."""

from __future__ import annotations

from collections.abc import Iterator

from streamwatchd.lang.typed import Aggregate, Field, walk
from streamwatchd.rules.lint._check import Check, Finding, Subject, parts

_OF_LEVELS = ("avg", "sum", "stddev", "var", "quantile", "slope", "predict")


def _find(subject: Subject) -> Iterator[Finding]:
    for rule in subject.rules.rules:
        counters = {
            name
            for source in map(subject.rules.sources.get, rule.sources)
            if source is not None
            for name, field in source.fields.items()
            if field.counter
        }
        for expr in parts(rule):
            if isinstance(expr, Aggregate) and expr.function in _OF_LEVELS and expr.arg is not None:
                names = [each.name for each in walk(expr.arg) if isinstance(each, Field) and each.name in counters]
                if names:
                    message = f"`{rule.name}` takes `{names[0]}` for what it stands at, and it is a counter"
                    hint = f"what it grew by is `increase({names[0]})`, and that a second is `rate({names[0]})`"
                    yield Finding(message, hint, rule)
                    break


SPEC = Check(
    code="SW616",
    summary="an average, a sum or a line of a counter",
    why="A counter grows until its device restarts: its average says how long it has been running.",
    bad="""
source: web
every: 10s
rules: [{alarm: busy, by: shop, when: avg(sent over 5m) > 1000}]
""",
    good="""
source: web
every: 10s
rules: [{alarm: busy, by: shop, when: rate(sent over 5m) > 1000}]
""",
    find=_find,
)
