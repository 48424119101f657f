"""`timezone:` of a rule with windows: those of KPIs are days of the zone, if they are whole days."""

from __future__ import annotations

from streamwatchd.calendars.clock import DAY_MS, LocalDays
from streamwatchd.lang.units import format_duration
from streamwatchd.rules import codes
from streamwatchd.rules.building import Work
from streamwatchd.rules.zone import zone_of


def build_days(work: Work, every_ms: int, *, is_session: bool) -> LocalDays | None:
    """The days of a KPI; None where its windows are aligned to UTC."""
    own = work.draft.body.scalar("timezone")
    zone = zone_of(work.draft.body if own is not None else work.draft.defaults, work.findings)
    days = None
    if zone != "UTC" and every_ms and not is_session and every_ms % DAY_MS == 0:
        days = LocalDays(zone, every_ms // DAY_MS)
    elif own is not None and zone != "UTC" and every_ms:
        what = (
            "sessions have no days" if is_session else f"windows at each {format_duration(every_ms)} are no days of it"
        )
        hint = "take it out, or write `every: 1d`"
        work.findings.add(codes.WINDOW_STEP, f"`timezone: {zone}` has no meaning: {what}", own.span, hint=hint)
    _check_inputs(work, "" if days is None else zone)
    return days


def refuse_days(work: Work, scored_ms: int = 0) -> None:
    """Of a rule whose windows, if it has some, are aligned to UTC, and which says no clock times.

    `scored_ms` is the step of windows that a model scores: whole days in a file of another zone are a mistake.
    """
    own, shared = work.draft.body.scalar("timezone"), work.draft.defaults.scalar("timezone")
    zone = own or (shared if scored_ms and scored_ms % DAY_MS == 0 else None)
    if zone is not None and zone.text != "UTC":
        hint = "write `timezone: UTC`, or read a KPI with `every: 1d` and this zone; an alarm with `at:` has its times"
        message = f"`timezone: {zone.text}` has no meaning here: windows of this rule are aligned to UTC"
        work.findings.add(codes.WINDOW_STEP, message, zone.span, hint=hint)
    if work.draft.windowed:
        _check_inputs(work, "")


def _check_inputs(work: Work, zone: str) -> None:
    """Windows over rows of days hold as many of them as they say only if they are days of the same zone."""
    for stream in work.inputs:
        if stream.zone and stream.zone != zone:
            message = f"the windows of `{stream.name}` are days of {stream.zone}, those of this rule are not"
            hint = f"aggregate in a KPI with `every: 1d` and `timezone: {stream.zone}`, and judge its rows"
            work.findings.add(codes.WINDOW_STEP, message, work.draft.place, hint=hint)
