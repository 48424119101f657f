"""When an alarm that goes on is told again (README.md, "Reminders")."""

from __future__ import annotations

from streamwatchd.rules.ruleset import Alarm
from tests.oracle.lifecycle import Document, Judgement, Life


class Reminders:
    """Of one alarm: when it was last told, and the wait from then on."""

    def __init__(self, rule: Alarm) -> None:
        self._repeat = rule.repeat_ms
        self._told_at: int | None = None
        self._wait = 0
        self._seen = 0

    def after(self, life: Life, now: Judgement, muted_by: str) -> None:
        """What was said at T starts the wait anew, unless it was muted; then whether it is over."""
        if self._repeat is None:
            return
        _, most = self._repeat
        fresh = [event for event in life.events[self._seen :] if event["event"] != "amended"]
        for event in fresh:
            self.said(event, now)
        if not fresh and self._told_at is not None and now.t - self._told_at >= self._wait and not muted_by:
            life.note(now, "repeated")
            life.events[-1]["muted_by"] = None
            self._told_at, self._wait = now.t, min(2 * self._wait, most)
        self._seen = len(life.events)

    def said(self, event: Document, now: Judgement) -> None:
        """What is told starts the wait anew."""
        if self._repeat is None:
            return
        if event["state"] == "resolved":
            self._told_at = None
        elif event["state"] == "firing" and not event.get("muted_by"):
            self._told_at, self._wait = now.t, self._repeat[0]

    def heard(self, life: Life) -> None:
        """What was said meanwhile has been noted."""
        self._seen = len(life.events)
