"""KPI rows: one a key and window that holds an event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from streamwatchd.lang.typed import Aggregate
from streamwatchd.rules.ruleset import Kpi
from tests.oracle.amend import closed_ends, touches
from tests.oracle.evaluate import Cell
from tests.oracle.local_days import before, day_window, midnights
from tests.oracle.reading import Partition, Row
from tests.oracle.streams import (
    KeyTuple,
    Project,
    Stream,
    Task,
    Windows,
    all_aggregates,
    context_of,
    crosses,
    judge,
    judge_values,
    local_key,
    tasks_of,
)
from tests.oracle.windows import all_known, judged_times, session_known, sessions, window


@dataclass(frozen=True, slots=True)
class KpiRow:
    key: KeyTuple
    start: int
    end: int
    events: int
    values: dict[str, Cell]
    revision: int = 0


def derive(kpi: Kpi, project: Project) -> tuple[Stream, list[dict[str, object]]]:
    """The KPI as a stream (every row), and the rows that are emitted."""
    names = tuple(part.name for part in kpi.by)
    key = local_key(kpi, project.streams) if kpi.top is None else ""
    origin, lies_by = project.streams[kpi.sources[0]].origin, project.streams[kpi.sources[0]].lies_by
    is_merged = crosses(kpi, project.streams)
    lies_by = _lies_by(kpi) if is_merged else lies_by
    stream = Stream(kpi.name, {}, key, origin, True, names, lies_by)
    emitted: list[dict[str, object]] = []
    for task in tasks_of(kpi, project.streams):
        known = all_known(task.watermark, kpi.session_ms) if kpi.session_ms and is_merged else task.watermark
        part = Partition(first_watermark=task.first_watermark, watermark=known)
        rows = sorted(_rows(kpi, task, project), key=lambda row: row.end)
        ranks = _ranks(kpi, rows, project)
        for row in rows:
            fields = dict(zip(names, row.key, strict=True)) | row.values
            if not row.revision:
                part.rows.append(Row(row.end - 1, fields, None, row.end - 1, (row.start, row.end)))
            if kpi.when is None or judge(kpi.when, kpi, row.key, row.end, row.values, {}, project) is True:
                rank = ranks.get((row.end, row.key))
                if kpi.top is None or rank is not None:
                    emitted.append(_document(kpi, row, project) | ({} if rank is None else {"rank": rank}))
        stream.partitions[task.place] = part
    return stream, emitted


def _lies_by(kpi: Kpi) -> tuple[str, ...]:
    """The keys by which the rows are spread over tasks, where they are brought together anew."""
    names = [part.name for part in kpi.by] if kpi.top is None else []
    for node in all_aggregates(kpi):
        names = [name for name in names if node.by is None or name in node.by]
    return tuple(names)


def _ranks(kpi: Kpi, rows: list[KpiRow], project: Project) -> dict[tuple[int, KeyTuple], int]:
    """Of windows that have a row, one after the other: the greatest values, and who was in and is not far below."""
    found: dict[tuple[int, KeyTuple], int] = {}
    inside: set[KeyTuple] = set()
    for end in sorted({row.end for row in rows}) if kpi.top is not None else ():
        here = [
            row
            for row in rows
            if row.end == end
            and row.values[kpi.top.value] is not None
            and (kpi.when is None or judge(kpi.when, kpi, row.key, end, row.values, {}, project) is True)
        ]
        here.sort(key=lambda row: (-float(row.values[kpi.top.value]), row.key))  # type: ignore[union-attr, arg-type]
        ranked = {row.key: rank for rank, row in enumerate(here, 1)}
        inside = {k for k, rank in ranked.items() if rank <= kpi.top.most or (k in inside and rank <= kpi.top.until)}
        found |= {(end, key): ranked[key] for key in inside}
    return found


def _rows(kpi: Kpi, task: Task, project: Project) -> Iterator[KpiRow]:
    windows = Windows(kpi, task, project)
    for key in sorted({*windows.all_keys(), *(each.key for each in windows.late)}, key=repr):
        times = windows.times(key)  # type: ignore[arg-type]
        if kpi.session_ms:
            merged = crosses(kpi, project.streams)
            spans = [
                span
                for span in sessions(times, kpi.session_ms)
                if session_known(span[1], kpi.session_ms, merged=merged) - 1 <= task.watermark
            ]
        else:
            spans = [(_start(kpi, t), t) for t in _judged(kpi, task)]
        for start, end in spans:
            yield from _row(kpi, windows, key, start, end, end, 0, project)  # type: ignore[arg-type]
        if windows.late:
            yield from _revisions(kpi, windows, key, [end for _, end in spans], project)  # type: ignore[arg-type]


def _judged(kpi: Kpi, task: Task) -> Iterator[int]:
    if kpi.days is not None:
        return midnights(kpi.days, task.first_watermark, task.watermark)
    return judged_times(kpi.every_ms, task.first_watermark, task.watermark)


def _start(kpi: Kpi, end: int) -> int:
    return end - kpi.over_ms if kpi.days is None else before(kpi.zone, end, kpi.over_ms)


def _bounds(kpi: Kpi, start: int, end: int) -> dict[Aggregate | None, tuple[int, int]]:
    found: dict[Aggregate | None, tuple[int, int]] = {None: (start, end)}
    for node in all_aggregates(kpi):
        found[node] = (start, end)
        if node.over_ms is not None or node.ago_ms:
            plain = kpi.days is None
            found[node] = (
                window(node, end - start, kpi.every_ms, end, is_alarm=False) if plain else day_window(node, kpi, end)
            )
    return found


def _row(
    kpi: Kpi, windows: Windows, key: KeyTuple, start: int, end: int, at: int, revision: int, project: Project
) -> Iterator[KpiRow]:
    """The window as the judgement `at` sees it."""
    names = tuple(part.name for part in kpi.by)
    events = sum(1 for time in windows.times(key) if start <= time < end)
    events += len(windows.late_of(names, key, start, end, at))
    if events:
        bounds = _bounds(kpi, start, end)
        answers = {node: windows.answer(node, key, *bounds[node], at) for node in all_aggregates(kpi)}
        yield KpiRow(key, start, end, events, judge_values(kpi, key, end, answers, project), revision)


def _revisions(kpi: Kpi, windows: Windows, key: KeyTuple, judged: list[int], project: Project) -> Iterator[KpiRow]:
    """One for each judgement that takes in late events of a window that ended before it."""
    changed: dict[int, int] = {}
    for t in judged:
        for end in closed_ends(kpi, windows.late, t, windows.is_paused):
            start = _start(kpi, end)
            if touches(kpi, windows.late, t, key, _bounds(kpi, start, end)):
                changed[end] = changed.get(end, 0) + 1
                yield from _row(kpi, windows, key, start, end, t, changed[end], project)


def _document(kpi: Kpi, row: KpiRow, project: Project) -> dict[str, object]:
    return {
        "kpi": kpi.name,
        "key": dict(zip((part.name for part in kpi.by), row.key, strict=True)),
        "window": (row.start, row.end),
        "values": row.values,
        "context": context_of(kpi, row.key, project),
        "labels": dict(kpi.labels),
        "revision": row.revision,
        "events": row.events,
    }
