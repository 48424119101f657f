"""What `unless`, silences and flapping mute, and what is told afterwards (README.md, "Muting")."""

from __future__ import annotations

from streamwatchd.lang.typed import During, Expr, Firing, walk
from streamwatchd.rules.ruleset import Alarm
from tests.oracle.evaluate import Cell
from tests.oracle.flapping import Flapping
from tests.oracle.lifecycle import Document, Judgement, Life
from tests.oracle.streams import KeyTuple, Project, judge


class Muting:
    """Of one alarm of a rule: what was told of it, and who mutes it."""

    def __init__(self, rule: Alarm, key: KeyTuple, project: Project) -> None:
        self._rule, self._key, self._project = rule, key, project
        self.flapping = Flapping(rule, key, project)
        self._told = self._hidden = ""
        self._seen = 0

    def after(self, life: Life, now: Judgement) -> None:
        """Mark what was said at T; say what is no longer muted."""
        self.flapping.look(now.t)
        who = self.who(now)
        fresh = self.mark(life, who)
        if (
            self._hidden
            and not (who or self.flapping.label)
            and not [event for event in fresh if event["event"] != "amended"]
        ):
            life.note(now, "unmuted")
            life.events[-1]["muted_by"] = None
            self._told, self._hidden = life.severity, ""
        self._seen = len(life.events)

    def mark(self, life: Life, who: str) -> list[Document]:
        """What was said since, with who mutes it."""
        fresh = life.events[self._seen :]
        for event in fresh:
            self.mark_one(event, who)
        self._seen = len(life.events)
        return fresh

    def mark_one(self, event: Document, who: str) -> None:
        event["muted_by"] = self._mark(event, self.flapping.take(event, who)) or None

    def heard(self, life: Life) -> None:
        """What was said meanwhile needs no mark."""
        self._seen = len(life.events)

    def _mark(self, event: Document, who: str) -> str:
        severity = str(event["severity"])
        if event["event"] == "amended" or event["state"] == "pending":
            return who
        if event["state"] == "resolved":
            hidden, told, self._hidden, self._told = self._hidden, self._told, "", ""
            return "" if told else hidden or who
        if not who:
            self._told, self._hidden = severity, ""
        else:
            self._hidden = who if self._told != severity else ""
        return who

    def mutes(self, now: Judgement) -> str:
        """Who would mute what is said now, the flapping of the key too."""
        return self.who(now) or self.flapping.label

    def who(self, now: Judgement) -> str:
        unless = self._rule.unless
        if unless is None or self._value(unless, now) is not True:
            return self._silence(now)
        for node in walk(unless):
            if isinstance(node, Firing | During) and self._value(node, now) is True:
                return f"firing({node.rule})" if isinstance(node, Firing) else f"during({node.calendar})"
        return "unless"

    def _silence(self, now: Judgement) -> str:
        for silence in self._project.silences.get(self._rule.name, ()):
            in_time = silence.from_ms <= now.t < silence.until_ms
            if in_time and silence.calendar is not None:
                in_time = silence.calendar.holds(now.t)
            if in_time and (silence.where is None or self._value(silence.where, now) is True):
                return f"silence({silence.name})"
        return ""

    def _value(self, expr: Expr, now: Judgement) -> Cell:
        return judge(expr, self._rule, self._key, now.t, now.values, {}, self._project)
