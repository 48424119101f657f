"""Who is told of alarms on rows: of each event as it comes, of the rest at full minutes (README.md, "Notices")."""

from __future__ import annotations

from streamwatchd.rules.ruleset import Alarm
from tests.oracle.lifecycle import Judgement, Life
from tests.oracle.muting import Muting
from tests.oracle.reading import Row
from tests.oracle.reminding import Reminders
from tests.oracle.streams import KeyTuple, Project, is_paused, row_values

MINUTE = 60_000


class RowNotices:
    """Of one alarm."""

    def __init__(self, rule: Alarm, key: KeyTuple, project: Project) -> None:
        self._rule, self._key, self._project = rule, key, project
        self._muting, self._reminders = Muting(rule, key, project), Reminders(rule)
        self._seen = 0

    def wrote(self, life: Life) -> None:
        """Events of a row or tick."""
        for event in life.events[self._seen :]:
            now = Judgement(int(str(event["at"])), (), {})
            who = self._muting.who(now)
            self._muting.mark_one(event, who)
            self._reminders.said(event, now)
        self._muting.heard(life)
        self._reminders.heard(life)
        self._seen = len(life.events)

    def minute(self, life: Life, t: int) -> None:
        """A full minute of event time, after what happens at it without a row; those in a pause pass unsaid."""
        if is_paused(self._rule, t, self._project):
            return
        bare = Row(t, dict(zip((part.name for part in self._rule.by), self._key, strict=True)))
        now = Judgement(t, (), row_values(self._rule, self._key, bare, self._project)[0])
        self._muting.after(life, now)
        self._reminders.after(life, now, self._muting.mutes(now))
        self._muting.heard(life)
        self._seen = len(life.events)

    def end(self, limit: int) -> None:
        """All that happened before an instant is written."""
        self._muting.flapping.look(limit)


def minutes(begin: int, end: int) -> list[int]:
    """Full minutes above one instant, up to another."""
    return list(range((begin // MINUTE + 1) * MINUTE, end + 1, MINUTE))
