"""Anomaly rules: rows and their scores, anomaly events, and the alarm on scored rows."""

from __future__ import annotations

from dataclasses import fields

from streamwatchd.lang.typed import NUMBER, Field
from streamwatchd.repository.store import ModelData
from streamwatchd.rules.ruleset import Alarm, Anomaly, KeyField, Kpi, NamedValue, RuleCommon
from tests.oracle.evaluate import Cell, evaluate_row
from tests.oracle.kpis import derive
from tests.oracle.reading import Partition, Row
from tests.oracle.scoring import Memory, numbers_in, raw_score, score_of, share_of
from tests.oracle.streams import (
    KeyTuple,
    Project,
    Stream,
    Task,
    context_of,
    key_of,
    local_key,
    passes,
    row_values,
    rows_of,
    tasks_of,
)

Document = dict[str, object]
Vector = tuple[Row, KeyTuple, dict[str, Cell]]
"""The row that is scored, its key and its values."""


def scored(rule: Anomaly, model: ModelData | None, project: Project) -> tuple[Stream, list[Document]]:
    """The scored rows as a stream, and the anomaly events."""
    names, key = tuple(part.name for part in rule.by), local_key(rule, project.streams)
    lies_by = derive(windows_of(rule), project)[0].lies_by if rule.windowed else _lies_by(rule, project)
    stream = Stream(rule.name, {}, key, project.streams[rule.sources[0]].origin, True, names, lies_by)
    events: list[Document] = []
    for place, part, vectors in _vectors(rule, project):
        out = Partition(first_watermark=part.first_watermark, watermark=part.watermark)
        kept: dict[KeyTuple, tuple[int, Memory]] = {}
        for row, key, values in vectors:
            raw = _raw(rule, model, row.time, key, values, kept)
            score = None if raw is None or model is None else score_of(model.manifest.calibration, raw)
            cells = dict(zip(names, key, strict=True)) | values | {"score": score}
            made = Row(row.time, cells, None, row.time, row.window)
            out.rows.append(made)
            if any(evaluate_row(level.when, made, project.schemas, project.tables) is True for level in rule.levels):
                assert model is not None or score is None
                events += [] if model is None else [_event(rule, model, made, key, values, raw, project)]
        stream.partitions[place] = out
    return stream, events


def _lies_by(rule: Anomaly, project: Project) -> tuple[str, ...] | None:
    """Rows of one stream are scored where they are; several are joined by the rule's keys."""
    return project.streams[rule.sources[0]].lies_by if len(rule.sources) == 1 else tuple(key.name for key in rule.by)


def _vectors(rule: Anomaly, project: Project) -> list[tuple[tuple[str, int], Partition | Task, list[Vector]]]:
    """Per task, its rows in order of time."""
    names = tuple(part.name for part in rule.by)
    if rule.windowed:
        stream, _ = derive(windows_of(rule), project)
        return [
            (place, part, [_of_window(row, names, rule) for row in sorted(part.rows, key=lambda row: row.time)])
            for place, part in stream.partitions.items()
        ]
    found: list[tuple[tuple[str, int], Partition | Task, list[Vector]]] = []
    for task in tasks_of(rule, project.streams):
        rows = [row for row in rows_of(rule, task, project) if row.time <= task.watermark]
        vectors = []
        for row in sorted(rows, key=lambda row: row.time):
            key = key_of(rule, row, project)
            if key is not None and passes(rule.where, row, project):
                vectors.append((row, key, row_values(rule, key, row, project)[0]))
        found.append((task.place, task, vectors))
    return found


def _of_window(row: Row, names: tuple[str, ...], rule: Anomaly) -> Vector:
    key = tuple(row.fields[name] for name in names)
    return row, key, {value.name: row.fields[value.name] for value in rule.values}


def windows_of(rule: Anomaly) -> Kpi:
    """The rule's own windows, as a KPI of that many values."""
    shared = {field.name: getattr(rule, field.name) for field in fields(RuleCommon)}
    return Kpi(**shared, over_ms=rule.every_ms)


def _raw(
    rule: Anomaly,
    model: ModelData | None,
    time: int,
    key: KeyTuple,
    values: dict[str, Cell],
    kept: dict[KeyTuple, tuple[int, Memory]],
) -> float | None:
    if model is None:
        return None
    cells: list[Cell] = [values[name] for name in rule.features]
    if rule.missing == "center":
        center = model.arrays["center"].tolist()
        cells = [middle if cell is None else cell for cell, middle in zip(cells, center, strict=True)]
    last, before = kept.get(key, (0, None))
    if before is not None and last < time - max(rule.forget_ms, 86_400_000):
        before = None
    kept[key] = (time, before)
    vector = numbers_in(cells)
    if vector is None:
        return None
    raw, after = raw_score(model, vector, before, time + 1)
    kept[key] = (time, after)
    return raw


def _event(
    rule: Anomaly,
    model: ModelData,
    row: Row,
    key: KeyTuple,
    values: dict[str, Cell],
    raw: float | None,
    project: Project,
) -> Document:
    return {
        "anomaly": rule.name,
        "key": dict(zip((part.name for part in rule.by), key, strict=True)),
        "window": row.window,
        "values": values
        | {
            "score": row.fields["score"],
            "confidence": None if raw is None else 1.0 - share_of(model.manifest.calibration, raw),
        },
        "model": model.manifest.name,
        "version": model.manifest.version,
        "features": list(rule.features),
        "context": context_of(rule, key, project),
        "labels": dict(rule.labels),
    }


def alarm_on(rule: Anomaly) -> Alarm:
    """An alarm on the scored rows, that carries their values and the score."""
    shared = {field.name: getattr(rule, field.name) for field in fields(RuleCommon)}
    values = [NamedValue(value.name, Field(value.name, value.expr.type)) for value in rule.values]
    shared |= {
        "sources": (rule.name,),
        "by": tuple(KeyField(key.name, Field(key.name, key.expr.type)) for key in rule.by),
        "where": None,
        "values": (*values, NamedValue("score", Field("score", NUMBER))),
    }
    return Alarm(
        **shared,
        levels=rule.levels,
        windowless=True,
        in_order=True,
        no_data=rule.no_data,
        max_active=rule.max_active,
        unless=rule.unless,
        repeat_ms=rule.repeat_ms,
        flapping=rule.flapping,
        pause=rule.pause,
        is_state=True,
    )
