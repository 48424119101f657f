"""A drafted KPI → `Kpi`."""

from __future__ import annotations

import re

from streamwatchd.diagnostics import did_you_mean
from streamwatchd.lang.typed import Expr, Kind
from streamwatchd.lang.units import format_duration
from streamwatchd.rules import codes
from streamwatchd.rules.building import Work, aggregates, common, key_context, reach_ms, read_values
from streamwatchd.rules.local_days import build_days
from streamwatchd.rules.ruleset import Kpi, Top
from streamwatchd.rules.streams import Place

COSTLY_STEPS = 2_016


def build_kpi(work: Work) -> Kpi | None:
    """The KPI, or None when `work.findings` has an error."""
    over_ms, every_ms, session_ms = _window(work)
    days = build_days(work, every_ms, is_session=bool(session_ms))
    place = read_values(work, work.judgement)
    when = _when(work, place)
    _check_values(work)
    _check_sessions(work)
    top = _top(work)
    exprs = [value.expr for value in work.values]
    reach = reach_ms(exprs, over_ms or session_ms)
    shared = common(work, every_ms, reach, key_context(work), exprs)
    if work.findings.has_errors:
        return None
    return Kpi(**shared, over_ms=over_ms, session_ms=session_ms, when=when, top=top, days=days)


def _window(work: Work) -> tuple[int, int, int]:
    """(over, every, session) in ms."""
    body, findings = work.draft.body, work.findings
    session_ms = body.duration("session")
    if session_ms:
        for name in ("over", "every"):
            if name in body:
                message = f"`session` and `{name}` exclude each other"
                findings.add(codes.EXCLUSIVE_FIELDS, message, body.key(name), hint="a session ends by its gap alone")
        return 0, session_ms, session_ms
    every_ms = work.draft.own_or_default("every").duration("every")
    if not every_ms:
        hint = "add `every: 1m`, here or at the top of the file"
        findings.add(codes.NO_STEP, "no `every:`: nothing says how often there is a row", work.draft.place, hint=hint)
        return 0, 0, 0
    over_ms = body.duration("over", every_ms)
    if over_ms < every_ms:
        message = (
            f"`over` is shorter than `every` ({format_duration(every_ms)}), so events between windows would be left out"
        )
        findings.add(
            codes.WINDOW_STEP, message, body.key("over"), hint=f"write `over: {format_duration(every_ms)}` or more"
        )
    if over_ms > every_ms * COSTLY_STEPS:
        _costly(work, over_ms, every_ms)
    return over_ms, every_ms, 0


_TOP = re.compile(r"(\d+) +by +(\w+)(?: +until +(\d+))?")


def _top(work: Work) -> Top | None:
    """What `top:` says; a key of its own is needed, and windows that all keys have at once."""
    body, findings = work.draft.body, work.findings
    scalar = body.scalar("top")
    found = _TOP.fullmatch(scalar.text.strip()) if scalar is not None else None
    if scalar is None or found is None:
        return None
    for name, what in (("session", "sessions end one by one"), ("late", "ranks would change after the fact")):
        if name in body and (name != "late" or body.text("late") == "amend"):
            findings.add(codes.EXCLUSIVE_FIELDS, f"`top` and `{name}` exclude each other: {what}", body.key("top"))
    if not work.keys:
        hint = "add `by:` with what is ranked"
        findings.add(codes.MISSING_FIELD, "`top` ranks keys, and this KPI has none", scalar.span, hint=hint)
    most, until = int(found[1]), int(found[3] or found[1])
    values = {value.name: value.expr for value in work.values}
    if found[2] not in values or values[found[2]].type.kind is not Kind.NUMBER:
        hint = did_you_mean(found[2], values) or "name one of `values:` that is a number"
        findings.add(codes.UNKNOWN_KEY, f"`{found[2]}` is no number among the values", scalar.span, hint=hint)
    if until < most:
        hint = f"write `top: {most} by {found[2]} until {most}` or more"
        findings.add(codes.OUT_OF_RANGE, "`until` lies above the rank that comes in", scalar.span, hint=hint)
    return Top(most, found[2], until)


def _check_sessions(work: Work) -> None:
    """A session has no length that is known before its end."""
    for value in work.values if work.draft.body.duration("session") else ():
        for node in aggregates([value.expr]):
            if node.function in ("rate", "predict"):
                hint = {"rate": "use `increase(x)`", "predict": "use `slope(x)`"}[node.function]
                message = f"`{node.function}` needs a window of a fixed length, and this KPI has sessions"
                place = work.draft.body.key("session")
                work.findings.add(codes.EXCLUSIVE_FIELDS, message, place, hint=f"{hint}, or `over:` and `every:`")


def _costly(work: Work, over_ms: int, every_ms: int) -> None:
    steps = over_ms // every_ms
    message = f"each key keeps {steps} panes for each aggregate of this window, some {steps * 16 // 1024} KiB"
    hint = f"`every: {format_duration(max(every_ms, over_ms // 288))}` keeps 288"
    work.findings.warn(codes.COSTLY_WINDOW, message, work.draft.body.key("over"), hint=hint)


def _when(work: Work, place: Place) -> Expr | None:
    scalar = work.draft.body.scalar("when")
    if scalar is None:
        return None
    when = work.language.expression(scalar, place, Kind.BOOL)
    if any(aggregates([when])):
        hint = "name the aggregate in `values:` and use the name here"
        work.findings.add(
            codes.AGGREGATE_IN_WHEN, "`when` of a KPI looks at values, not at events", scalar.span, hint=hint
        )
    return when


def _check_values(work: Work) -> None:
    entries = work.draft.body.entries("values")
    if not entries:
        hint = "add `values: {requests: count()}`"
        work.findings.add(codes.MISSING_FIELD, "a KPI needs `values:`", work.draft.place, hint=hint)
    elif not work.findings.has_errors and not any(aggregates([value.expr for value in work.values])):
        hint = "use an aggregate such as `avg(x)` or `count()`"
        work.findings.add(codes.NO_AGGREGATE, "no value of this KPI has an aggregate", work.draft.place, hint=hint)
