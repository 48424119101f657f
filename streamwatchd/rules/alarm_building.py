"""A drafted alarm → `Alarm`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from streamwatchd.calendars.clock import ClockTimes
from streamwatchd.lang.typed import Expr
from streamwatchd.lang.units import format_duration, parse_duration
from streamwatchd.rules import codes
from streamwatchd.rules.building import Work, common, key_context, message_context, reach_ms, read_values
from streamwatchd.rules.clock_times import build_clock, step_of
from streamwatchd.rules.document import Scalar
from streamwatchd.rules.expecting import build_expect
from streamwatchd.rules.flapping import build_flapping
from streamwatchd.rules.local_days import refuse_days
from streamwatchd.rules.pausing import build_pause
from streamwatchd.rules.repeating import build_repeat
from streamwatchd.rules.ruleset import SEVERITIES, Alarm, Level, NoData, Sequence
from streamwatchd.rules.sequences import build_sequence, has_sequence, level_of
from streamwatchd.rules.streams import Place
from streamwatchd.rules.unless import build_unless

MAX_ACTIVE = 10_000

_NO_DATA = re.compile(r"(alert|resolve)\s+after\s+(\S+)")
_NEED_WINDOWS = ("partial", "min_history")
_NEED_NO_WINDOWS = ("in_order",)


def build_alarm(work: Work) -> Alarm | None:
    """The alarm, or None when `work.findings` has an error."""
    windowed = work.draft.windowed
    place = read_values(work, work.judgement if windowed else work.row)
    sequence = build_sequence(work, place) if has_sequence(work) else None
    levels = level_of(work) if has_sequence(work) else ranked_levels(work, place)
    if not has_sequence(work):
        _refuse_parts(work)
    message = work.draft.body.scalar("message")
    template = work.language.message(message, place) if message is not None else None
    no_data = no_data_of(work)
    _check_fields(work, levels, no_data)
    expect, unless, repeat_ms = build_expect(work), build_unless(work, place), build_repeat(work)
    pause = build_pause(work)
    flapping = build_flapping(work, is_endless=_is_endless(work, sequence))
    exprs = judged(work, levels)
    clock = build_clock(work, exprs)
    if "at" not in work.draft.body:
        refuse_days(work)
    every_ms = _every_ms(work, no_data) if clock is None else _grid_ms(work, clock)
    context = message_context(key_context(work), template)
    shared = common(work, every_ms, _reach(work, levels, no_data), context, exprs)
    if work.findings.has_errors:
        return None
    body = work.draft.body
    return Alarm(
        **shared,
        levels=levels,
        windowless=not windowed,
        in_order=not windowed and (sequence is not None or _in_order(work, levels)),
        no_data=no_data,
        partial=body.truth("partial"),
        min_history_ms=body.duration("min_history") if "min_history" in body else None,
        message=template,
        runbook=body.text("runbook"),
        limit_per_minute=int(body.text("limit", "0/m").removesuffix("/m")),
        max_active=body.integer("max_active", MAX_ACTIVE),
        expect=expect,
        unless=unless,
        repeat_ms=repeat_ms,
        flapping=flapping,
        pause=pause,
        sequence=sequence,
        clock=clock,
    )


def _is_endless(work: Work, sequence: Sequence | None) -> bool:
    """As `Alarm.is_endless`, of an alarm that is not built yet."""
    if has_sequence(work):
        return sequence is not None and sequence.until is None
    return not work.draft.windowed and not work.keys and not work.draft.body.scalars("by")


def _refuse_parts(work: Work) -> None:
    """Fields of a sequence, where there is none."""
    for name in ("within", "until"):
        if name in work.draft.body:
            hint = "add `sequence:`, or take it out; a condition says `when: C until C`"
            message = f"`{name}` goes with `sequence`"
            work.findings.add(codes.EXCLUSIVE_FIELDS, message, work.draft.body.key(name), hint=hint)


def ranked_levels(work: Work, place: Place) -> tuple[Level, ...]:
    """What `when` or `levels` says, most severe first."""
    return tuple(sorted(_levels(work, place), key=lambda level: SEVERITIES.index(level.severity)))


def _levels(work: Work, place: Place) -> Iterator[Level]:
    keep_ms = work.draft.body.duration("keep_firing_for")
    for severity, scalar in _conditions(work):
        found = work.language.condition(scalar, place)
        if found is None or found.when is None:
            continue
        if keep_ms and found.until is not None:
            hint = "take one of them out; `C until not (C) for 5m` is what `keep_firing_for: 5m` says"
            message = "`until` and `keep_firing_for` both say when this level clears"
            work.findings.add(codes.EXCLUSIVE_FIELDS, message, scalar.span, hint=hint)
        yield Level(severity, found.when, found.for_ms, found.until, found.until_for_ms or keep_ms)


def _conditions(work: Work) -> Iterator[tuple[str, Scalar]]:
    body, findings = work.draft.body, work.findings
    when = body.scalar("when")
    if when is not None and "levels" in body:
        findings.add(
            codes.EXCLUSIVE_FIELDS, "`when` and `levels` exclude each other", body.key("levels"), hint="keep one"
        )
    if when is None and "levels" not in body:
        message = f"{body.record.what} needs `when:` or `levels:`"
        findings.add(codes.MISSING_FIELD, message, work.draft.place, hint="add `when: …`")
    if when is None and "severity" in body and "levels" in body:
        hint = "the levels say it; take `severity:` out"
        findings.add(
            codes.EXCLUSIVE_FIELDS, "`severity` goes with `when`, not with `levels`", body.key("severity"), hint=hint
        )
    if when is not None:
        yield body.text("severity", "warning"), when
    for severity, node in body.entries("levels"):
        if isinstance(node, Scalar):
            yield severity.text, node


def no_data_of(work: Work) -> NoData:
    """What `no_data:` says."""
    scalar = work.draft.body.scalar("no_data")
    if scalar is None or scalar.text == "keep":
        return NoData()
    found = _NO_DATA.fullmatch(scalar.text.strip())
    after_ms = parse_duration(found[2]) if found else None
    if found is None or not after_ms:
        message = f"`no_data` can't be `{scalar.text}`"
        hint = "write `keep`, `alert after 10m` or `resolve after 10m`"
        work.findings.add(codes.BAD_CHOICE, message, scalar.span, hint=hint)
        return NoData()
    return NoData(found[1], after_ms)


def _check_fields(work: Work, levels: tuple[Level, ...], no_data: NoData) -> None:
    """Fields that only make sense with windows, without them, or with keys."""
    body, findings = work.draft.body, work.findings
    for name in _NEED_NO_WINDOWS if work.draft.windowed else _NEED_WINDOWS:
        if name in body:
            what = "is judged on windows" if work.draft.windowed else "has no window"
            findings.add(
                codes.WINDOWLESS_FIELD,
                f"`{name}` has no meaning: this alarm {what}",
                body.key(name),
                hint="take it out",
            )
    if work.draft.windowed:
        return
    if body.text("late") == "amend" and not any(stream.is_kpi for stream in work.inputs):
        hint = "take it out, or judge an aggregate such as `last(x over 5m)`"
        message = "`late: amend` has no meaning: this alarm has no window that could be judged again"
        findings.add(codes.WINDOWLESS_FIELD, message, body.key("late"), hint=hint)
    if "every" in body and no_data.action == "keep":
        hint = "take it out; an alarm without aggregates is judged on each event"
        findings.add(
            codes.WINDOWLESS_FIELD, "`every` has no meaning: this alarm has no window", body.key("every"), hint=hint
        )
    if work.keys or body.scalars("by") or len(work.inputs) > 1:
        return
    holds = any(level.for_ms or level.until is not None or level.until_for_ms for level in levels)
    if holds or no_data.action != "keep":
        what = "`for`, `until` and `keep_firing_for`" if holds else "`no_data`"
        message = f"{what} need `by:`: without it each event is an alert of its own"
        findings.add(
            codes.WINDOWLESS_FIELD, message, work.draft.place, hint="add `by:` with the keys that have a state"
        )


def _every_ms(work: Work, no_data: NoData) -> int:
    """The step: the rule's own, that of the KPI it reads, the file's. 0 for alarms judged on each event."""
    draft = work.draft
    if not draft.windowed and no_data.action == "keep":
        return 0
    step = max((stream.step_ms for stream in work.inputs), default=0)
    own = draft.body.duration("every")
    if step and own % step:
        message = f"`every` must be a multiple of {format_duration(step)}, the step of `{work.inputs[0].name}`"
        work.findings.add(
            codes.WINDOW_STEP, message, draft.body.key("every"), hint=f"write `every: {format_duration(step)}`"
        )
    found = own or step or draft.defaults.duration("every")
    if not found:
        hint = "add `every: 10s`, here or at the top of the file"
        message = "no `every:`: this alarm has windows, and nothing says how often to judge them"
        work.findings.add(codes.NO_STEP, message, draft.place, hint=hint)
    return found


def _grid_ms(work: Work, clock: ClockTimes) -> int:
    """The step of the panes; rows of a KPI come at steps of their own."""
    grid, step = step_of(clock), max((stream.step_ms for stream in work.inputs), default=0)
    if step and grid % step:
        message = f"`at` does not fall on the steps of `{work.inputs[0].name}`, which are {format_duration(step)}"
        hint = "let the KPI have an `every:` that divides 15 minutes, or read its source"
        work.findings.add(codes.WINDOW_STEP, message, work.draft.body.key("at"), hint=hint)
    return grid


def _reach(work: Work, levels: tuple[Level, ...], no_data: NoData) -> int:
    holds = [0, *(hold for level in levels for hold in (level.for_ms, level.until_for_ms))]
    within_ms = work.draft.body.duration("within") if "within" in work.draft.body else 0
    return max(reach_ms(judged(work, levels), 0) + max(holds), no_data.after_ms, within_ms)


def judged(work: Work, levels: tuple[Level, ...]) -> list[Expr | None]:
    """Values and conditions."""
    return [*(value.expr for value in work.values), *(each for level in levels for each in (level.when, level.until))]


def _in_order(work: Work, levels: tuple[Level, ...]) -> bool:
    """Said so, or needed: for holds, and where a key's events lie in several partitions."""
    holds = any(level.for_ms or level.until_for_ms for level in levels)
    if work.draft.body.truth("in_order") or holds:
        return True
    stream = work.inputs[0]
    names = {key.expr.name for key in work.keys if hasattr(key.expr, "name")}
    return bool(work.keys) and not stream.is_kpi and stream.partition_key not in names
