"""Alarms: on windows at every judged T, on rows in order of time, on rows at once."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace

from streamwatchd.lang.typed import Aggregate, Baseline, Kind, walk
from streamwatchd.rules.ruleset import Alarm
from tests.oracle import baselines
from tests.oracle.amend import closed_ends, touches
from tests.oracle.baselines import Learnt
from tests.oracle.evaluate import Cell, evaluate_row
from tests.oracle.lifecycle import Document, Judgement, Life, occurrence
from tests.oracle.muting import Muting
from tests.oracle.pausing import has_ended, not_paused, unsaid
from tests.oracle.reading import Row
from tests.oracle.reminding import Reminders
from tests.oracle.row_notices import RowNotices, minutes
from tests.oracle.sequences import sequence_events
from tests.oracle.storms import fold, limited
from tests.oracle.streams import (
    KeyTuple,
    Project,
    Task,
    Windows,
    aggregates_in,
    all_aggregates,
    asked_by,
    context_of,
    expressions,
    is_at_once,
    is_paused,
    judge,
    judge_values,
    key_of,
    order_in_time,
    passes,
    row_values,
    rows_of,
    tasks_of,
)
from tests.oracle.windows import at_clock, is_warming, judged_times, window


def alarm_events(rule: Alarm, project: Project) -> list[Document]:
    found: list[Document] = []
    tasks = tasks_of(rule, project.streams)
    for task in tasks:
        task.watermark = min([task.watermark, *(project.watermarks[name] for name in asked_by(rule))])
    project.watermarks[rule.name] = min(task.watermark for task in tasks)
    for task in tasks:
        if rule.sequence is not None:
            found += sequence_events(rule, task, project)
        elif not rule.windowless:
            found += fold(rule, _windowed(rule, task, project))
        elif not rule.by and not rule.is_state:
            found += limited(rule, _occurrences(rule, task, project), task.watermark + 1)
        elif is_at_once(rule, project.streams):
            found += fold(rule, _at_once(rule, task, project))
        else:
            found += fold(rule, _in_order(rule, task, project))
    return found


def _life(rule: Alarm, key: KeyTuple, project: Project) -> Life:
    names = [part.name for part in rule.by]
    return Life(rule, dict(zip(names, key, strict=True)), context_of(rule, key, project))


def reach_ms(rule: Alarm) -> int:
    holds = [max(level.for_ms, level.until_for_ms) for level in rule.levels]
    return max([(node.over_ms or 0) + node.ago_ms for node in all_aggregates(rule)] + [0]) + max(holds)


def forget_ms(rule: Alarm) -> int:
    learns = any(isinstance(node, Baseline) for expr in expressions(rule) for node in walk(expr))
    return max(rule.forget_ms, reach_ms(rule), 28 * 86_400_000 if learns else 86_400_000)


def _ticks(rule: Alarm, rows: list[Row], first_watermark: int, watermark: int) -> list[int]:
    """The T at which silence and forgetting are looked at in an alarm on rows.

    Without `every` each instant is one; only the first at which an event lies outside of `forget` can matter.
    """
    if rule.every_ms:
        return list(judged_times(rule.every_ms, first_watermark, watermark))
    ends = {row.time + forget_ms(rule) + 1 for row in rows}
    return sorted(end for end in ends if end <= watermark + 1)


def _windowed(rule: Alarm, task: Task, project: Project) -> Iterator[Document]:
    windows = Windows(rule, task, project)
    if rule.expect is not None:
        yield from _expected(rule, task, windows, project)
        return
    judged = list(at_clock(rule.clock, judged_times(rule.every_ms, task.first_watermark, task.watermark)))
    judged, resumed = not_paused(rule, judged, project)
    for key in windows.all_keys():
        times, known, forgotten = windows.times(key), None, 0
        life, muting = _life(rule, key, project), Muting(rule, key, project)
        reminders = Reminders(rule)
        learnt = Learnt(rule, project)
        for t in judged:
            seen = bisect_left(times, t)
            if seen == forgotten:
                continue
            known = times[forgotten]
            now = _judge_at(rule, windows, key, t, known, project, t, learnt)
            life.moment = (t,)
            if rule.by and times[seen - 1] < t - forget_ms(rule):
                life.end(now, "forgotten")
                life.silent, forgotten = False, seen
                muting.after(life, now)
                reminders.after(life, now, muting.mutes(now))
                continue
            if t in resumed:
                life.resume()
            life.judge(now, _is_silent(rule, times[seen - 1], t))
            learnt.take(t, left_out=life.state == "firing")
            muting.after(life, now)
            reminders.after(life, now, muting.mutes(now))
            muting.heard(life)
            _amend(rule, windows, key, t, known, life, project)
            muting.after(life, now)
        muting.flapping.look(max(judged, default=0))
        yield from life.events


def _expected(rule: Alarm, task: Task, windows: Windows, project: Project) -> Iterator[Document]:
    """Keys are the rows of the table, known since the first watermark and never forgotten; others are none."""
    known = task.begun + 1
    judged = list(at_clock(rule.clock, judged_times(rule.every_ms, task.begun, task.watermark)))
    judged, resumed = not_paused(rule, judged, project)
    for key in expected_keys(rule, project):
        times, life, muting = windows.times(key), _life(rule, key, project), Muting(rule, key, project)
        reminders = Reminders(rule)
        learnt = Learnt(rule, project)
        for t in judged:
            seen = bisect_left(times, t)
            last = times[seen - 1] if seen else known - 1
            life.moment = (t,)
            now = _judge_at(rule, windows, key, t, known, project, t, learnt)
            if t in resumed:
                life.resume()
            life.judge(now, known <= t - rule.no_data.after_ms and _is_silent(rule, last, t))
            learnt.take(t, left_out=life.state == "firing")
            muting.after(life, now)
            reminders.after(life, now, muting.mutes(now))
            muting.heard(life)
            _amend(rule, windows, key, t, known, life, project)
            muting.after(life, now)
        muting.flapping.look(max(judged, default=0))
        yield from life.events


def expected_keys(rule: Alarm, project: Project) -> list[KeyTuple]:
    """Rows of the table that meet the condition, and what `where` says of keys alone."""
    assert rule.expect is not None
    (key,) = rule.by
    is_number = key.expr.type.kind is Kind.NUMBER
    found: list[KeyTuple] = []
    for name in project.tables.rows[rule.expect.table]:
        try:
            cell: Cell = float(name) if is_number else name
        except ValueError:
            continue
        where = rule.expect.where
        if where is None or judge(where, rule, (cell,), 0, {}, {}, project) is True:
            found.append((cell,))
    return found


def _amend(rule: Alarm, windows: Windows, key: KeyTuple, t: int, known: int, life: Life, project: Project) -> None:
    """One event at T if a closed window says another level now; it tells of the newest such window."""
    newest = None
    for end in closed_ends(rule, windows.late, t, windows.is_paused):
        spans: dict[Aggregate | None, tuple[int, int]] = {
            node: window(node, 0, rule.every_ms, end, is_alarm=True) for node in all_aggregates(rule)
        }
        if known < end and touches(rule, windows.late, t, key, spans):
            before = _judge_at(rule, windows, key, end, known, project, t - rule.every_ms)
            after = _judge_at(rule, windows, key, end, known, project, t)
            if _verdict(rule, before) != _verdict(rule, after):
                newest = (end, _verdict(rule, before), _verdict(rule, after), after)
    if newest is not None:
        end, was, now_is, after = newest
        life.amend(replace(after, t=t), end, was, now_is)


def _verdict(rule: Alarm, now: Judgement) -> str:
    """The most severe level that is true, whatever its hold; empty if none is."""
    for level, (when, _) in zip(rule.levels, now.conditions, strict=True):
        if when is True:
            return level.severity
    return ""


def _is_silent(rule: Alarm, last: int, t: int) -> bool:
    return rule.no_data.action != "keep" and last < t - rule.no_data.after_ms


def _judge_at(
    rule: Alarm,
    windows: Windows,
    key: KeyTuple,
    t: int,
    known: int,
    project: Project,
    at: int,
    learnt: Learnt | None = None,
) -> Judgement:
    """The windows of T as the judgement `at` sees them."""
    answers: dict[Aggregate | Baseline, Cell] = {}
    warming: set[Aggregate | Baseline] = set()
    for node in all_aggregates(rule):
        start, end = window(node, 0, rule.every_ms, t, is_alarm=True)
        answers[node] = windows.answer(node, key, start, end, at)
        if not rule.partial and is_warming(start, t, known, rule.min_history_ms):
            warming.add(node)
    for node in learnt.nodes if learnt is not None else ():
        answers[node] = learnt.answer(node, t)
        if not rule.partial and is_warming(t - baselines.WEEKS * baselines.WEEK_MS, t, known, rule.min_history_ms):
            warming.add(node)
    values = judge_values(rule, key, t, answers, project)
    if learnt is not None:
        learnt.now = {node: judge(node.arg, rule, key, t, values, answers, project) for node in learnt.nodes}
    conditions = []
    for level in rule.levels:
        pair = []
        for expr in (level.when, level.until):
            cold = expr is None or warming.intersection(aggregates_in(expr, rule.values))
            pair.append(None if cold or expr is None else judge(expr, rule, key, t, values, answers, project))
        conditions.append((pair[0], pair[1]))
    longest = max(node.over_ms or 0 for node in all_aggregates(rule))
    return Judgement(t, tuple(conditions), values, (t - longest, t))


def _rows(rule: Alarm, task: Task, project: Project) -> list[tuple[Row, KeyTuple]]:
    """The rows that the rule judges, with their keys, in log order."""
    found = []
    for row in rows_of(rule, task, project):
        key = key_of(rule, row, project)
        if key is not None and passes(rule.where, row, project):
            found.append((row, key))
    return found


def _judge_row(rule: Alarm, row: Row, key: KeyTuple, project: Project, at_once: bool) -> Judgement:
    values, look = row_values(rule, key, row, project)
    conditions = []
    for level in rule.levels:
        pair = [
            None if expr is None else evaluate_row(expr, row, project.schemas, project.tables, look)  # type: ignore[arg-type]
            for expr in (level.when, level.until)
        ]
        conditions.append((pair[0], pair[1]))
    now = Judgement(row.time, tuple(conditions), values, row.window, row.place if at_once else None)
    return unsaid(now) if is_paused(rule, row.time, project) else now


def _occurrences(rule: Alarm, task: Task, project: Project) -> Iterator[tuple[Document, int]]:
    """Each with the instant up to which time had come before it."""
    rows = [row for row, _ in _rows(rule, task, project)]
    at_once = is_at_once(rule, project.streams)
    if not at_once:
        rows = sorted(
            (row for row in rows if row.time <= task.watermark), key=lambda row: order_in_time(rule, row, project)
        )
    for row in rows:
        now = _judge_row(rule, row, (), project, True)
        found = occurrence(rule, context_of(rule, (), project), now)
        if found is not None:
            found["muted_by"] = Muting(rule, (), project).who(now) or None
            yield found, min(row.watermark + 1, row.time) if at_once else row.time


def _in_order(rule: Alarm, task: Task, project: Project) -> Iterator[Document]:
    rows = [item for item in _rows(rule, task, project) if item[0].time <= task.watermark]
    rows.sort(key=lambda item: order_in_time(rule, item[0], project))
    for key in sorted({key for _, key in rows}, key=repr):
        mine = [row for row, other in rows if other == key]
        life, last, notices = _life(rule, key, project), None, RowNotices(rule, key, project)
        ticks = _ticks(rule, mine, task.first_watermark, task.watermark)
        for kind, item in _interleave(mine, ticks, minutes(mine[0].time, task.watermark + 1)):
            if kind == "minute":
                life.moment = (item, 0, 1)  # type: ignore[assignment]
                notices.minute(life, item)  # type: ignore[arg-type]
                continue
            if kind == "row":
                life.moment = (item.time, 1)  # type: ignore[union-attr]
                if last is not None and has_ended(rule, last, item.time, project):  # type: ignore[arg-type, union-attr]
                    life.resume()
                last = item.time  # type: ignore[union-attr]
                life.heard()
                life.judge(_judge_row(rule, item, key, project, False))  # type: ignore[arg-type]
            elif last is not None:
                life.moment = (item, 0)  # type: ignore[assignment]
                last = _tick(rule, life, last, item, key, project)  # type: ignore[arg-type]
            notices.wrote(life)
        notices.end(task.watermark + 1)
        yield from life.events


def _interleave(rows: list[Row], ticks: list[int], full: list[int]) -> list[tuple[str, Row | int]]:
    """Rows, ticks and full minutes T in order: a row comes before T iff its time < T, a tick at T before the minute."""
    both = [(row.time, 2, index, "row", row) for index, row in enumerate(rows)]
    both += [(t, 0, 0, "tick", t) for t in ticks]  # type: ignore[misc]
    both += [(t, 1, 0, "minute", t) for t in full]  # type: ignore[misc]
    return [(item[3], item[4]) for item in sorted(both, key=lambda item: item[:3])]


def _tick(rule: Alarm, life: Life, last: int, t: int, key: KeyTuple, project: Project) -> int | None:
    """Silence and forgetting at T; the key's last event, None once it is forgotten. Values are those of a row that
    has nothing but the key."""
    bare = Row(t, dict(zip((part.name for part in rule.by), key, strict=True)))
    now = Judgement(t, (), row_values(rule, key, bare, project)[0])
    if rule.by and last < t - forget_ms(rule):
        life.end(now, "forgotten")
        life.silent = False
        return None
    life.tick(now, _is_silent(rule, last, t) and not is_paused(rule, t, project))
    return last


def _at_once(rule: Alarm, task: Task, project: Project) -> Iterator[Document]:
    judged = {id(row): key for row, key in _rows(rule, task, project)}
    lives: dict[KeyTuple, Life] = {}
    notices: dict[KeyTuple, RowNotices] = {}
    last: dict[KeyTuple, int | None] = {}
    ticks = [(t, 0) for t in _ticks(rule, [row for _, row in task.rows], task.first_watermark, task.watermark)]
    first = min((row.time for _, row in task.rows), default=task.watermark)
    ticks = sorted([*ticks, *((t, 1) for t in minutes(first, task.watermark + 1))])
    steps = sorted(
        [(index, 1, row.watermark, row) for index, (_, row) in enumerate(task.rows)]
        + [(index, 0, watermark, None) for index, watermark in task.marks],
        key=lambda step: step[:3],
    )

    def tick_to(limit: int, step: int) -> None:
        while ticks and ticks[0][0] <= limit:
            t, is_minute = ticks.pop(0)
            for key, time in last.items():
                lives[key].moment = (step, 0, t, is_minute)
                if is_minute:
                    notices[key].minute(lives[key], t)
                elif time is not None:
                    last[key] = _tick(rule, lives[key], time, t, key, project)
                    notices[key].wrote(lives[key])

    for number, (_, _, watermark, row) in enumerate(steps):
        if row is None:
            tick_to(watermark + 1, number)
            continue
        tick_to(min(watermark + 1, row.time), number)
        key = judged.get(id(row))
        if key is not None:
            life = lives.setdefault(key, _life(rule, key, project))
            known = notices.setdefault(key, RowNotices(rule, key, project))
            last[key] = max(row.time, last.get(key) or row.time)
            life.heard()
            life.moment = (number, 1, 0)
            life.judge(_judge_row(rule, row, key, project, True))
            known.wrote(life)
        tick_to(watermark + 1, number + 1)
    for key, life in lives.items():
        notices[key].end(task.watermark + 1)
        yield from life.events
