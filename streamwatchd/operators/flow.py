"""The nodes of one task, wired: rows come in, watermarks go on, instants of event time are judged in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from streamwatchd.batch import TRUE, Column, Frame, Strings
from streamwatchd.operators.dimension import Dimensions
from streamwatchd.operators.document import Document, Origin
from streamwatchd.operators.evaluate import WINDOW_END, WINDOW_START, Evaluator
from streamwatchd.operators.family import BEGINNING, Family
from streamwatchd.operators.join import JoinNode
from streamwatchd.operators.keyspace import KeySpace
from streamwatchd.operators.kpi import KpiNode, KpiRows
from streamwatchd.operators.node import Node
from streamwatchd.operators.panes import Pane
from streamwatchd.operators.row_alarm import Place, RowAlarmNode
from streamwatchd.operators.session import SessionNode
from streamwatchd.operators.spec import FamilySpec, KeyColumn, RowFeedSpec, StageSpec
from streamwatchd.operators.window_alarm import WindowAlarmNode


@dataclass(slots=True)
class Outbox:
    """What a flow has to say: documents for the output topics, and pieces for later stages."""

    alerts: list[Document] = field(default_factory=list)
    kpis: list[Document] = field(default_factory=list)
    panes: list[tuple[FamilySpec, KeySpace, int, Pane]] = field(default_factory=list)
    rows: list[tuple[RowFeedSpec, Frame]] = field(default_factory=list)
    watermarks: list[tuple[str, int]] = field(default_factory=list)


class Flow:
    """`limits` are, per input stream, the instants up to which everything has arrived (watermark + 1)."""

    def __init__(self, spec: StageSpec, dimensions: Dimensions, functions: Mapping[str, Callable[..., Column]]) -> None:
        self.spec = spec
        self.evaluator = Evaluator(dimensions, functions)
        self.outbox = Outbox()
        self.limits: dict[str, int] = dict.fromkeys(spec.inputs, BEGINNING)
        self.spaces: dict[tuple[str, ...], KeySpace] = {}
        self.families: dict[str, Family] = {}
        self.nodes: dict[str, Node] = {}
        self._by_stream: dict[str, list[Family]] = {}
        self._row_alarms: dict[str, list[RowAlarmNode]] = {}
        self._joins: dict[str, list[JoinNode]] = {}
        self._feeds: dict[str, list[RowFeedSpec]] = {}
        self._sent: dict[str, int] = {}
        self._build(spec)

    # wiring

    def _build(self, spec: StageSpec) -> None:
        for family_spec in (*spec.families, *spec.sends):
            family = Family(family_spec, self.space(family_spec.keys), self.evaluator)
            self.families[family_spec.id] = family
            self._by_stream.setdefault(family_spec.stream, []).append(family)
        for feed in spec.feeds:
            self._feeds.setdefault(feed.stream, []).append(feed)
        made = {node.id: node for node in self._make_nodes(spec)}
        self.nodes = {name: made[name] for name in spec.order}

    def _make_nodes(self, spec: StageSpec) -> list[Node]:
        made: list[Node] = []
        for kpi in spec.kpis:
            rows = KpiRows(kpi, self.evaluator, self.outbox_kpi, self.push_derived)
            kind = SessionNode if kpi.session_ms else KpiNode
            made.append(kind(kpi, self.families, spec.roots[kpi.id], rows))
        for join in spec.joins:
            node = JoinNode(join, spec.roots[join.id], self.push_derived)
            for stream, _ in join.inputs:
                self._joins.setdefault(stream, []).append(node)
            made.append(node)
        for alarm in spec.window_alarms:
            windowed = WindowAlarmNode(alarm, self.families, spec.roots[alarm.id], self.evaluator, self.outbox_alert)
            made.append(windowed)
        for row_alarm in spec.row_alarms:
            space = self.space(row_alarm.shape.keys)
            judged = RowAlarmNode(row_alarm, space, spec.roots[row_alarm.id], self.evaluator, self.outbox_alert)
            self._row_alarms.setdefault(row_alarm.stream, []).append(judged)
            made.append(judged)
        return made

    def space(self, keys: tuple[KeyColumn, ...]) -> KeySpace:
        """One key space per set of key names."""
        names = tuple(key.name for key in keys)
        if names not in self.spaces:
            self.spaces[names] = KeySpace(names)
        return self.spaces[names]

    def outbox_alert(self, document: Document) -> None:
        self.outbox.alerts.append(document)

    def outbox_kpi(self, document: Document) -> None:
        self.outbox.kpis.append(document)

    # rows

    def push(self, stream: str, frame: Frame, origin: Place | None = None) -> None:
        """Rows of a stream, none of them late, in log order (sources) or in order of time (derived)."""
        if not len(frame):
            return
        for family in self._by_stream.get(stream, ()):
            family.add_rows(frame)
        for alarm in self._row_alarms.get(stream, ()):
            alarm.take(frame, origin)
        for join in self._joins.get(stream, ()):
            join.add(stream, frame)
        for feed in self._feeds.get(stream, ()):
            self._feed(feed, frame)

    def push_derived(self, stream: str, frame: Frame) -> None:
        self.push(stream, frame)

    def _feed(self, feed: RowFeedSpec, frame: Frame) -> None:
        rows = frame
        if feed.where is not None:
            mask = self.evaluator.truths(feed.where, frame) == TRUE
            if not mask.any():
                return
            rows = frame if mask.all() else frame.take(mask)
        columns = {column.name: self.evaluator.column(column.expr, rows) for column in feed.columns}
        columns |= {name: rows.columns[name] for name in (WINDOW_START, WINDOW_END) if name in rows.columns}
        self.outbox.rows.append((feed, Frame(rows.time, columns)))

    # time

    def advance(self, limits: Mapping[str, int]) -> None:
        """Judge everything that the new limits allow, at ascending instants, then send what is final."""
        for stream, limit in limits.items():
            self.limits[stream] = max(self.limits[stream], limit)
        while True:
            due = {name: self._due(node) for name, node in self.nodes.items()}
            instant = min((t for t in due.values() if t is not None), default=None)
            if instant is None:
                break
            for name, node in self.nodes.items():
                if due[name] == instant or self._due(node) == instant:
                    node.judge(instant)
        self._send()
        self._drop()

    def _due(self, node: Node) -> int | None:
        limit = self.limit_of(node.roots)
        return None if limit == BEGINNING else node.due(limit)

    def limit_of(self, roots: frozenset[str]) -> int:
        return min((self.limits[stream] for stream in roots), default=BEGINNING)

    def _stream_limit(self, stream: str) -> int:
        if stream in self.limits:
            return self.limits[stream]
        return self.limit_of(self.spec.roots[stream])

    def _send(self) -> None:
        steps: dict[str, int] = {feed.stream: 1 for feed in self.spec.feeds}
        for family_spec in self.spec.sends:
            width = self.families[family_spec.id].finest.width_ms
            steps[family_spec.stream] = min(width, steps.get(family_spec.stream, width))
        for stream, step in steps.items():
            limit = self._stream_limit(stream)
            if limit == BEGINNING or limit // step * step <= self._sent.get(stream, BEGINNING):
                continue
            self._sent[stream] = limit // step * step
            for family_spec in self.spec.sends:
                if family_spec.stream == stream:
                    family = self.families[family_spec.id]
                    for index, pane in family.final_panes(limit):
                        self.outbox.panes.append((family_spec, family.space, index, pane))
            self.outbox.watermarks.append((stream, limit - 1))

    def _drop(self) -> None:
        for family_spec in self.spec.families:
            self.families[family_spec.id].drop_before(self._family_limit(family_spec))

    def _family_limit(self, spec: FamilySpec) -> int:
        """Up to where every reader of the family has judged."""
        return min(self._stream_limit(spec.stream), *self.limits.values())

    def quiet(self) -> bool:
        return not (self.outbox.alerts or self.outbox.kpis or self.outbox.panes or self.outbox.rows)

    # snapshots

    def snapshot(self) -> dict[str, Any]:
        return {
            "limits": self.limits,
            "sent": self._sent,
            "spaces": [[list(names), [list(key) for key in space.keys]] for names, space in self.spaces.items()],
            "families": {name: family.snapshot() for name, family in self.families.items()},
            "nodes": {name: node.snapshot() for name, node in self.nodes.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse; what the state knows and this flow does not is left out."""
        for stream, limit in state["limits"].items():
            if stream in self.limits:
                self.limits[stream] = limit
        self._sent = dict(state["sent"])
        for names, keys in state["spaces"]:
            space = self.spaces.get(tuple(names))
            if space is not None:
                for key in keys:
                    space.id_of(tuple(key))
        for name, packed in state["families"].items():
            if name in self.families:
                self.families[name].restore(packed)
        for name, packed in state["nodes"].items():
            if name in self.nodes:
                self.nodes[name].restore(packed)


__all__ = ["Flow", "Origin", "Outbox", "Strings", "np"]
