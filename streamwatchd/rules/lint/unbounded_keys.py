"""Keys of which there is no end."""

from __future__ import annotations

import re
from collections.abc import Iterator

from streamwatchd.lang.typed import Field
from streamwatchd.rules.lint._check import MOST_VALUES, Check, Finding, Subject

MANY, ENOUGH = 10_000, 1_000
_ENDLESS = re.compile(
    r"(.*_)?(uuid|guid|session|session_id|request_id|trace_id|span_id|transaction_id|tx_id|message_id|event_id|order_id"
    r"|url|uri|query|token|timestamp|ts)",
    re.IGNORECASE,
)


def _find(subject: Subject) -> Iterator[Finding]:
    for rule in subject.rules.rules:
        if subject.node(rule, "max_keys") is not None:
            continue
        for key in rule.by:
            if not isinstance(key.expr, Field):
                continue
            seen = (subject.seen or {}).get(key.expr.stream or rule.sources[0])
            values = seen.values.get(key.expr.name, 0) if seen is not None else 0
            there = seen.fields.get(key.expr.name, 0) if seen is not None else 0
            why = ""
            if values >= MANY or (there >= ENOUGH and values > there // 2):
                many = "more than " if values >= MOST_VALUES else ""
                why = f"it has {many}{values:,} values in {there:,} events"
            elif seen is None and _ENDLESS.fullmatch(key.expr.name):
                why = "by its name it has a value an event"
            if why:
                hint = "leave it out of `by`, or write `max_keys:` to say how many are meant"
                yield Finding(
                    f"`{rule.name}` keeps state for each `{key.name}`: {why}", hint, rule, subject.place(rule, "by")
                )


SPEC = Check(
    code="SW609",
    summary="a key without bounds in `by`",
    why="Each value has its own state for a day. Past `max_keys` (1,000,000 a task) further ones are not judged.",
    bad="""
source: web
every: 10s
rules: [{alarm: slow, by: request_id, when: max(latency over 1m) > 9s}]
""",
    good="""
source: web
every: 10s
rules: [{alarm: slow, by: shop, when: max(latency over 1m) > 9s}]
""",
    find=_find,
)
