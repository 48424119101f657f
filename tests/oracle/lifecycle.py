"""The life of one alarm for one key: levels with holds, events as they change (README.md, "Levels")."""

from __future__ import annotations

from dataclasses import dataclass

from streamwatchd.rules.ruleset import SEVERITIES, Alarm
from tests.oracle.evaluate import Cell

Document = dict[str, object]


@dataclass(slots=True)
class LevelLife:
    up: bool = False
    since: int | None = None
    null_from: int | None = None

    def holds(self, condition: Cell, t: int, hold: int) -> bool:
        """Whether the condition has now been true for `hold`; nulls are skipped."""
        if condition is None:
            if self.since is not None and self.null_from is None:
                self.null_from = t
            return False
        if condition is False:
            self.since = self.null_from = None
            return False
        if self.since is None or (self.null_from is not None and t - self.null_from > hold):
            self.since = t
        self.null_from = None
        return t - self.since >= hold

    def turn(self, up: bool) -> None:
        self.up, self.since, self.null_from = up, None, None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is said at one instant: (when, until) a level, and what the alert carries."""

    t: int
    conditions: tuple[tuple[Cell, Cell], ...]
    values: dict[str, Cell]
    window: tuple[int, int] | None = None
    place: tuple[str, int, int] | None = None


class Life:
    def __init__(self, rule: Alarm, key: dict[str, Cell], context: dict[str, Cell]) -> None:
        self.rule, self.key, self.context = rule, key, context
        self.levels = [LevelLife() for _ in rule.levels]
        self.state, self.severity = "inactive", ""
        self.previous: str | None = None
        self.starts_at = self.order = 0
        self.start_place: tuple[str, int, int] | None = None
        self.silent = self.in_no_data = False
        self.events: list[Document] = []
        self.moment: tuple[int, ...] = ()
        """When, among all alarms of the task, what happens now happens."""

    def judge(self, now: Judgement, silence: bool = False) -> None:
        """`silence`: the key has had no event for as long as `no_data` waits."""
        self._judge_levels(now)
        known = any(cell is not None for pair in now.conditions for cell in pair)
        if silence and not self.silent:
            self.silent = True
            return self._no_data(now)
        self.silent = silence
        if self.in_no_data and not known:
            return None
        self.in_no_data = False
        self._settle(now)
        return None

    def tick(self, now: Judgement, silence: bool) -> None:
        """An instant without a judgement, for alarms on rows."""
        if silence and not self.silent:
            self.silent = True
            self._no_data(now)

    def heard(self) -> None:
        self.silent = False

    def resume(self) -> None:
        """After a pause: what is up stays up, holds begin anew."""
        for level in self.levels:
            level.turn(level.up)

    def end(self, now: Judgement, reason: str) -> None:
        """Resolve whatever is up or pending."""
        for level in self.levels:
            level.turn(False)
        if self.state != "inactive":
            self._emit(now, "resolved", "resolved", self.severity, reason)
        self.in_no_data = False

    def note(self, now: Judgement, event: str) -> None:
        """Something about an alarm that is up which changes nothing in it."""
        self._emit(now, event, self.state, self.severity)

    def amend(self, now: Judgement, end: int, was: str, now_is: str) -> None:
        """The window that ended at `end` says another level than it did; the life goes on as it was."""
        reason = "would_fire" if not was else "would_not_fire" if not now_is else "other_severity"
        at_rest = self.state == "inactive"
        state = "resolved" if at_rest else self.state
        severity = (now_is or was) if at_rest else self.severity
        self.events.append(
            document(self.rule, self.key, self.context, now, "amended", state, severity)
            | {
                "previous": None if at_rest else self.previous,
                "starts_at": end if at_rest else self.starts_at,
                "ends_at": end if at_rest else None,
                "order": 0 if at_rest else self.order,
                "reason": reason,
                "place": None,
                "moment": self.moment,
            }
        )
        if not at_rest:
            self.order += 1

    def _judge_levels(self, now: Judgement) -> None:
        for level, life, (when, until) in zip(self.rule.levels, self.levels, now.conditions, strict=True):
            if life.up:
                clear = until if level.until is not None else None if when is None else not when
                if life.holds(clear, now.t, level.until_for_ms):
                    life.turn(False)
            elif life.holds(when, now.t, level.for_ms) and until is not True:
                life.turn(True)

    def _top(self, pending: bool) -> str:
        for level, life in zip(self.rule.levels, self.levels, strict=True):
            if life.up if not pending else (not life.up and life.since is not None and level.for_ms > 0):
                return level.severity
        return ""

    def _no_data(self, now: Judgement) -> None:
        match self.rule.no_data.action:
            case "alert":
                self._emit(now, "no_data", "firing", self._top(pending=False) or "warning")
                self.in_no_data = True
            case "resolve":
                self.end(now, "no_data")
            case _:
                self._settle(now)

    def _settle(self, now: Judgement) -> None:
        top, holding = self._top(pending=False), self._top(pending=True)
        if top:
            if self.state != "firing":
                self._emit(now, "fired", "firing", top)
            elif top != self.severity:
                worse = SEVERITIES.index(top) < SEVERITIES.index(self.severity)
                self._emit(now, "escalated" if worse else "relaxed", "firing", top)
            return
        if self.state == "firing":
            self._emit(now, "resolved", "resolved", self.severity, "cleared")
        if holding and self.state == "inactive":
            self._emit(now, "pending", "pending", holding)
        if not holding and self.state == "pending":
            self._emit(now, "resolved", "resolved", self.severity, "not_held")

    def _emit(self, now: Judgement, event: str, state: str, severity: str, reason: str | None = None) -> None:
        if self.state == "inactive":
            self.starts_at, self.previous, self.start_place, self.order = now.t, None, now.place, 0
        self.events.append(
            document(self.rule, self.key, self.context, now, event, state, severity)
            | {"previous": self.previous, "starts_at": self.starts_at, "reason": reason, "place": self.start_place}
            | {"ends_at": now.t if event == "resolved" else None, "order": self.order}
            | {"moment": self.moment}
        )
        self.order += 1
        self.state = "inactive" if state == "resolved" else state
        self.severity = self.previous = severity


def occurrence(rule: Alarm, context: dict[str, Cell], now: Judgement) -> Document | None:
    """A row of an alarm without `by`: `fired` at the most severe level that is true."""
    for level, (when, _) in zip(rule.levels, now.conditions, strict=True):
        if when is True:
            fixed = {"previous": None, "starts_at": now.t, "reason": None, "ends_at": None, "place": now.place}
            return document(rule, {}, context, now, "fired", "firing", level.severity) | fixed | {"order": 0}
    return None


def document(
    rule: Alarm, key: dict[str, Cell], context: dict[str, Cell], now: Judgement, event: str, state: str, severity: str
) -> Document:
    return {
        "rule": rule.name,
        "state": state,
        "event": event,
        "severity": severity,
        "key": key,
        "values": now.values,
        "window": now.window,
        "at": now.t,
        "labels": dict(rule.labels),
        "context": context,
        "runbook": rule.runbook or None,
    }
