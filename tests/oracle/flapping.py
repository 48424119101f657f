"""When a key flaps, and what is said of it (README.md, "Flapping")."""

from __future__ import annotations

from streamwatchd.lang.units import format_duration
from streamwatchd.rules.ruleset import Alarm
from tests.oracle.evaluate import Cell
from tests.oracle.lifecycle import Document, Judgement, document
from tests.oracle.streams import KeyTuple, Project


class Flapping:
    """Of one key: the instants of all its changes, and since which of them it flaps."""

    def __init__(self, rule: Alarm, key: KeyTuple, project: Project) -> None:
        self._rule, self._said = rule, project.flapping
        self._key: dict[str, Cell] = dict(zip((part.name for part in rule.by), key, strict=True))
        self._changes: list[int] = []
        self._fires = False
        self._since: int | None = None
        self._told, self._muted_by, self._severity, self._order = False, "", "", 0

    @property
    def label(self) -> str:
        return "flapping" if self._since is not None else ""

    def take(self, event: Document, who: str) -> str:
        """An event of the alarm's life: who mutes it, where `who` does so for other reasons."""
        asked = self._rule.flapping
        if asked is None:
            return who
        at, fires = int(str(event["at"])), event["state"] == "firing"
        if event["event"] == "amended" or fires == self._fires:
            self.look(at)
            return who or self.label
        self._fires = fires
        at = max([at, *self._changes])
        self.look(at)
        self._changes.append(at)
        if self._since is None and self._within(at) >= asked.changes:
            self._since, self._order, self._severity = len(self._changes) - asked.changes, 0, str(event["severity"])
            self._began, self._told, self._muted_by = at, False, who
        if self._since is not None and not self._told and (self._order == 0 or not who):
            self._told, self._muted_by = not who, who
            self._say("flapping", at)
        return who or self.label

    def look(self, at: int) -> None:
        """It is over at the first instant after the last change that leaves few enough within."""
        asked = self._rule.flapping
        if asked is None or self._since is None:
            return
        ends = [end for end in (each + asked.window_ms for each in self._changes) if end > self._changes[-1]]
        end = min(end for end in ends if self._within(end) <= asked.until)
        if end <= at:
            self._say("resolved", end)
            self._since = None

    def _within(self, at: int) -> int:
        assert self._rule.flapping is not None
        return sum(at - self._rule.flapping.window_ms < each <= at for each in self._changes)

    def _say(self, event: str, at: int) -> None:
        assert self._rule.flapping is not None
        assert self._since is not None
        is_over = event == "resolved"
        values: dict[str, Cell] = {
            "changes": len(self._changes) - self._since,
            "window": format_duration(self._rule.flapping.window_ms),
        }
        state, now = "resolved" if is_over else "firing", Judgement(at, (), values)
        self._said.append(
            document(self._rule, self._key, {}, now, event, state, self._severity)
            | {
                "previous": self._severity if self._order else None,
                "starts_at": self._began,
                "ends_at": at if is_over else None,
                "reason": "calmed_down" if is_over else None,
                "order": self._order,
                "muted_by": self._muted_by or None,
                "place": None,
            }
        )
        self._order += 1
