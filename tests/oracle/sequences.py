"""Sequences (README.md, "Sequences")."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from streamwatchd.lang.typed import Expr
from streamwatchd.rules.ruleset import Alarm
from tests.oracle.evaluate import Cell, evaluate_row
from tests.oracle.lifecycle import Document, Judgement, Life, document
from tests.oracle.muting import Muting
from tests.oracle.reading import Row
from tests.oracle.row_notices import RowNotices, minutes
from tests.oracle.streams import (
    KeyTuple,
    Project,
    Task,
    context_of,
    is_paused,
    key_of,
    order_in_time,
    passes,
    row_values,
    rows_of,
)


@dataclass(slots=True)
class Hit:
    """Events that met all steps, and when they count."""

    rows: list[Row]
    at: int


@dataclass(slots=True)
class Story:
    """Of one key: all events so far, by their place those that are used; what waits; since when the alarm is up."""

    rows: list[Row] = field(default_factory=list)
    used: set[int] = field(default_factory=set)
    waiting: list[Hit] = field(default_factory=list)
    up: int | None = None


class Sequences:
    def __init__(self, rule: Alarm, key: KeyTuple, project: Project) -> None:
        assert rule.sequence is not None
        self._rule, self._key, self._project, self._sequence = rule, key, project, rule.sequence
        self._story = Story()

    def _true(self, expr: Expr | None, row: Row) -> bool:
        """Rows of several sources have one side, and meet only what reads it."""
        schemas, tables = self._project.schemas, self._project.tables
        if expr is None or (row.sides is not None and self._source_of(expr) not in row.sides):
            return False
        return evaluate_row(expr, row, schemas, tables) is True

    def _source_of(self, expr: Expr) -> str:
        known = self._sequence
        parts = (*known.steps, *(() if known.never is None else (known.never,)))
        return next((of for part, of in zip(parts, known.of, strict=True) if part is expr), self._rule.sources[0])

    def take(self, row: Row) -> Iterator[Document]:
        story = self._story
        yield from self.pass_by(row.time)
        paused = is_paused(self._rule, row.time, self._project)
        if story.up is not None and not paused and self._true(self._sequence.until, row):
            yield self._say("resolved", row.time, row, None)
            story.up = None
        if self._true(self._sequence.never, row):
            story.waiting = []
        if paused:
            return
        story.rows.append(row)
        chosen = self._complete(len(story.rows) - 1)
        if chosen is not None:
            story.used |= set(chosen)
            rows = [story.rows[place] for place in chosen]
            at = row.time if self._sequence.never is None else rows[0].time + self._sequence.within_ms
            story.waiting.append(Hit(rows, at))
            if self._sequence.never is None:
                yield from self.pass_by(row.time + 1)

    def _complete(self, place: int) -> list[int] | None:
        """The latest unused events that meet the steps in order, the last of them at `place`."""
        *earlier, last = self._sequence.steps
        story = self._story
        if not self._true(last, story.rows[place]):
            return None
        chosen = [place]
        for step in reversed(earlier):
            fitting = [
                before
                for before in range(chosen[0])
                if before not in story.used and self._true(step, story.rows[before])
            ]
            if not fitting:
                return None
            chosen.insert(0, fitting[-1])
        is_within = story.rows[place].time - story.rows[chosen[0]].time <= self._sequence.within_ms
        return chosen if is_within else None

    def pass_by(self, before: int) -> Iterator[Document]:
        """What waits for an instant that is over."""
        story = self._story
        for hit in sorted(story.waiting, key=lambda hit: (hit.at, hit.rows[-1].time)):
            if hit.at < before:
                story.waiting.remove(hit)
                if story.up is None and not is_paused(self._rule, hit.at, self._project):
                    yield self._say("fired", hit.at, hit.rows[-1], (hit.rows[0].time, hit.rows[-1].time))
                    story.up = hit.at if self._sequence.until is not None else None

    def _say(self, event: str, at: int, row: Row, window: tuple[int, int] | None) -> Document:
        names = [part.name for part in self._rule.by]
        key: dict[str, Cell] = dict(zip(names, self._key, strict=True))
        now = Judgement(at, (), row_values(self._rule, self._key, row, self._project)[0], window)
        severity, is_over = self._rule.levels[0].severity, event == "resolved"
        state, context = "resolved" if is_over else "firing", context_of(self._rule, self._key, self._project)
        return document(self._rule, key, context, now, event, state, severity) | {
            "previous": severity if is_over else None,
            "starts_at": self._story.up if is_over else at,
            "reason": "cleared" if is_over else None,
            "ends_at": at if is_over else None,
            "place": None,
            "order": int(is_over),
            "muted_by": None,
        }


def sequence_events(rule: Alarm, task: Task, project: Project) -> Iterator[Document]:
    if len(rule.sources) > 1:
        rows = list(_side_rows(rule, task, project))
    else:
        rows = [
            (row, key)
            for row in rows_of(rule, task, project)
            if (key := key_of(rule, row, project)) is not None and passes(rule.where, row, project)
        ]
        rows.sort(key=lambda item: order_in_time(rule, item[0], project))
    rows = [item for item in rows if item[0].time <= task.watermark]
    for mine in sorted({key for _, key in rows}, key=repr):
        sequences, found = Sequences(rule, mine, project), []
        for row, key in rows:
            if key == mine:
                found += sequences.take(row)
        found += sequences.pass_by(task.watermark + 1)
        yield from _noted(rule, mine, found, task.watermark + 1, project)


def _noted(rule: Alarm, key: KeyTuple, events: list[Document], limit: int, project: Project) -> Iterator[Document]:
    """With who mutes each, and what is said between them of an alarm that lasts."""
    life, notices = Noted(rule, key, project), RowNotices(rule, key, project)
    if rule.sequence is None or rule.sequence.until is None:
        muting = Muting(rule, key, project)
        for event in events:
            yield event | {"muted_by": muting.who(Judgement(int(str(event["at"])), (), {})) or None}
        return
    full = minutes(int(str(events[0]["at"])), limit) if events else []
    for event in events:
        while full and full[0] <= int(str(event["at"])):
            notices.minute(life, full.pop(0))
        life.take(event)
        notices.wrote(life)
    for t in full:
        notices.minute(life, t)
    notices.end(limit)
    yield from life.events


class Noted(Life):
    """The life of a sequence that lasts, as its events say it."""

    def __init__(self, rule: Alarm, key: KeyTuple, project: Project) -> None:
        names = [part.name for part in rule.by]
        super().__init__(rule, dict(zip(names, key, strict=True)), context_of(rule, key, project))

    def take(self, event: Document) -> None:
        if event["event"] == "fired":
            self.order, self.starts_at, self.severity = 0, int(str(event["at"])), str(event["severity"])
        self.state, self.previous = str(event["state"]), self.severity
        self.events.append(event | {"order": self.order})
        self.order += 1


def _side_rows(rule: Alarm, task: Task, project: Project) -> Iterator[tuple[Row, KeyTuple]]:
    """Rows of several sources, in order of time, of source, of what they meet, and of what values and message read."""
    assert rule.sequence is not None
    elsewhere = dict(rule.sequence.keys)
    found = []
    for stream, row in task.rows:
        own = stream == rule.sources[0]
        exprs = tuple(part.expr for part in rule.by) if own else elsewhere[stream]
        key = tuple(evaluate_row(expr, row, project.schemas, project.tables) for expr in exprs)
        if None in key or (own and not passes(rule.where, row, project)):
            continue
        names = [part.name for part in rule.by]
        fields = row.fields if own else dict(zip(names, key, strict=True))
        side = Row(row.time, fields, row.place, row.watermark, None, {stream: row.fields})
        found.append((side, key))
    rank = {stream: number for number, stream in enumerate(rule.sources)}

    def order(item: tuple[Row, KeyTuple]) -> tuple[object, ...]:
        side, key = item
        assert side.sides is not None
        (stream,) = side.sides
        sequences = Sequences(rule, key, project)
        known = rule.sequence
        assert known is not None
        conditions = (*known.steps, *(each for each in (known.never, known.until) if each is not None))
        met = tuple(sequences._true(each, side) for each in conditions)
        return (side.time, rank[stream], met, order_in_time(rule, side, project))

    yield from sorted(found, key=order)
