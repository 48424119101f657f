"""The JSON documents that go out: lifecycle events, KPI rows, anomaly events (`schemas/`)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec
import numpy as np

from streamwatchd.batch import Column, Frame, take, to_values
from streamwatchd.lang import template
from streamwatchd.lang.typed import Expr
from streamwatchd.operators.evaluate import Evaluator
from streamwatchd.operators.lifecycle import SEVERITIES, Transition
from streamwatchd.operators.spec import AlarmShape, Member, ValueSpec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Document = dict[str, object]
Origin = tuple[str, int, int]
"""Topic, partition, offset."""


def iso(time_ms: int) -> str:
    """ISO-8601 in UTC with milliseconds."""
    return (_EPOCH + timedelta(milliseconds=time_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def plain(value: object, integral: bool = False) -> object:
    """A value as JSON shows it; whole numbers of counts without a fraction."""
    return int(value) if integral and isinstance(value, float) else value


def alarm_id(rule: str, key: Mapping[str, object], starts_at_ms: int, origin: Sequence[object] | None) -> str:
    """Stable over restarts and replays: 16 hexadecimal digits of rule, key and start, and of `origin` where given.

    Alarms judged at once give their record's place, occurrences on derived rows the row's values.
    """
    parts: list[object] = [rule, dict(sorted(key.items())), starts_at_ms]
    if origin is not None:
        parts.extend(origin)
    return hashlib.blake2b(msgspec.json.encode(parts), digest_size=8).hexdigest()


def window(start_ms: int, end_ms: int) -> Document:
    return {"start": iso(start_ms), "end": iso(end_ms)}


def name_of(document: Mapping[str, object]) -> str:
    """The rule that an alert, a KPI row or an anomaly is of."""
    return str(document.get("rule") or document.get("kpi") or document.get("anomaly"))


def picked(column: Column, rows: Sequence[int]) -> list[object]:
    """The values of a few rows."""
    return list(to_values(take(column, np.array(rows, np.intp))))


class Details:
    """Values, context and message of the rows that something happened to; nothing is computed for the others."""

    def __init__(self, evaluator: Evaluator, frame: Frame, rows: Sequence[int]) -> None:
        self._evaluator, self._frame, self._rows = evaluator, frame, list(rows)
        self._columns: dict[Expr, list[object]] = {}

    def of(self, expr: Expr) -> list[object]:
        """One value per row asked for."""
        found = self._columns.get(expr)
        if found is None:
            found = self._columns[expr] = picked(self._evaluator.column(expr, self._frame), self._rows)
        return found

    def values(self, specs: Sequence[ValueSpec], i: int) -> Document:
        return {spec.name: plain(self.of(spec.expr)[i], spec.integral) for spec in specs}

    def context(self, context: Sequence[tuple[str, Expr]], i: int) -> Document:
        return {name: self.of(expr)[i] for name, expr in context}

    def message(self, member: Member, i: int) -> str | None:
        if member.message is None:
            return None
        return template.render(member.message, lambda expr: self.of(expr)[i])  # type: ignore[arg-type,return-value]


def _end_of(transition: Transition) -> int:
    """An event that stands for itself tells of one window."""
    return transition.starts_at_ms if transition.event == "amended" else transition.at_ms


def lifecycle_event(
    member: Member,
    shape: AlarmShape,
    transition: Transition,
    identity: str,
    key: Document,
    details: Details,
    i: int,
    span: tuple[int, int] | None,
    origin: Origin | None,
    muted_by: str | None = None,
) -> Document:
    """One step in an alarm's life; `i` is the row of `details`. `muted_by` says why nobody is notified, if so."""
    return {
        "id": identity,
        "seq": transition.seq,
        "rule": member.name,
        "rule_version": member.digest,
        "state": transition.state,
        "event": transition.event,
        "severity": SEVERITIES[transition.severity],
        "previous": SEVERITIES[transition.previous] if transition.previous >= 0 else None,
        "key": key,
        "values": details.values(shape.values, i),
        "window": None if span is None else window(*span),
        "starts_at": iso(transition.starts_at_ms),
        "at": iso(transition.at_ms),
        "ends_at": iso(_end_of(transition)) if transition.closes else None,
        "labels": dict(member.labels),
        "context": details.context(shape.context, i),
        "message": details.message(member, i),
        "runbook": member.runbook or None,
        "muted_by": muted_by or None,
        "evidence": None if origin is None else {"topic": origin[0], "partition": origin[1], "offset": origin[2]},
        "replayed": False,
        "reason": transition.reason or None,
    }


class Speaker(Protocol):
    """The rule in whose name something is said."""

    @property
    def name(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def runbook(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Span:
    """One life: who it is, the number of its event, its start; severities are ranks, `previous` −1 where none was."""

    id: str
    seq: int
    starts_at_ms: int
    severity: int
    previous: int


def storm_event(
    speaker: Speaker, life: Span, at_ms: int, values: Document, context: Document, message: str, *, is_over: bool
) -> Document:
    """A step in the life of an alert that stands for many."""
    return {
        "id": life.id,
        "seq": life.seq,
        "rule": speaker.name,
        "rule_version": speaker.digest,
        "state": "resolved" if is_over else "firing",
        "event": "resolved" if is_over else "storm",
        "severity": SEVERITIES[life.severity],
        "previous": SEVERITIES[life.previous] if life.previous >= 0 else None,
        "key": {},
        "values": values,
        "window": None,
        "starts_at": iso(life.starts_at_ms),
        "at": iso(at_ms),
        "ends_at": iso(at_ms) if is_over else None,
        "labels": dict(speaker.labels),
        "context": context,
        "message": message,
        "runbook": speaker.runbook or None,
        "muted_by": None,
        "evidence": None,
        "replayed": False,
        "reason": "cleared" if is_over else None,
    }
