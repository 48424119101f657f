"""When a rule is paused (README.md, "Pauses")."""

from __future__ import annotations

from datetime import UTC, timedelta
from itertools import pairwise

from streamwatchd.rules.ruleset import Alarm
from tests.oracle.lifecycle import Judgement
from tests.oracle.streams import Project, is_paused


def not_paused(rule: Alarm, times: list[int], project: Project) -> tuple[list[int], set[int]]:
    """The T at which the rule is judged, and those of them before which one was left out."""
    kept = [t for t in times if not is_paused(rule, t, project)]
    after = {t for before, t in pairwise(times) if is_paused(rule, before, project)}
    return kept, after.intersection(kept)


def has_ended(rule: Alarm, last: int, time: int, project: Project) -> bool:
    """Whether a pause ended after one instant and up to another. Calendars of these worlds are stretches in UTC."""
    ends = [stretch.start + side for each in project.calendars.values() for stretch in each.stretches
            for side in (timedelta(0), stretch.length)]  # fmt: skip
    edges = [round(end.replace(tzinfo=UTC).timestamp() * 1000) for end in ends]
    return rule.pause is not None and any(
        last < at <= time and is_paused(rule, at - 1, project) and not is_paused(rule, at, project) for at in edges
    )


def unsaid(now: Judgement) -> Judgement:
    """What a row in a pause says of the levels: nothing."""
    return Judgement(now.t, tuple((None, None) for _ in now.conditions), now.values, now.window, now.place)
