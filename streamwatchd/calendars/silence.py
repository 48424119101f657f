"""What people say of alarms: silences (nobody is told, for a while) and acknowledgements (somebody knows)."""

from __future__ import annotations

from dataclasses import dataclass

from streamwatchd.calendars.calendar import Calendar
from streamwatchd.lang.typed import Expr

ALWAYS_MS = -(2**62)
NEVER_MS = 2**62


@dataclass(frozen=True, slots=True)
class Silence:
    """Of one rule: the keys for which `where` is true (None: all), in [from, until), or while the calendar holds.

    `where` reads `Key`s of the rule and `TableColumn`s of its keys.
    """

    name: str
    where: Expr | None = None
    from_ms: int = ALWAYS_MS
    until_ms: int = NEVER_MS
    calendar: Calendar | None = None

    def holds(self, time_ms: int) -> bool:
        """Whether an instant of event time lies in it."""
        return self.from_ms <= time_ms < self.until_ms and (self.calendar is None or self.calendar.holds(time_ms))


@dataclass(frozen=True, slots=True)
class Ack:
    """Of one rule: what is up when it comes, of the keys for which `where` is true. `note` says who, and why."""

    name: str
    where: Expr | None = None
    note: str = ""
