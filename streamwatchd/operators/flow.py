"""The nodes of one task, wired: rows come in, watermarks go on, instants of event time are judged in order."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

import numpy as np

from streamwatchd.batch import TRUE, Column, Frame, Times
from streamwatchd.operators.asking import BEGINNING, FOREVER, StageAsk, asked_anew, asks_of_families
from streamwatchd.operators.dimension import Dimensions
from streamwatchd.operators.document import Document, Speaker
from streamwatchd.operators.evaluate import WINDOW_END, WINDOW_START, Evaluator
from streamwatchd.operators.family import Family
from streamwatchd.operators.flood import Flood
from streamwatchd.operators.join import JoinNode
from streamwatchd.operators.keyspace import NO_BOUND, KeySpace
from streamwatchd.operators.kpi import KpiNode, KpiRows
from streamwatchd.operators.node import Node
from streamwatchd.operators.panes import Pane
from streamwatchd.operators.row_alarm import Place, RowAlarmNode
from streamwatchd.operators.schedule import Schedule
from streamwatchd.operators.score import ScoreNode
from streamwatchd.operators.session import SessionNode
from streamwatchd.operators.spec import (
    FamilySpec,
    JoinSpec,
    KeyColumn,
    KpiSpec,
    RowAlarmSpec,
    RowFeedSpec,
    ScoreSpec,
    StageSpec,
    WindowAlarmSpec,
)
from streamwatchd.operators.window_alarm import WindowAlarmNode
from streamwatchd.operators.wire import (
    FeedWire,
    Left,
    NodeSpec,
    Wire,
    beginning_at,
    families_of,
    heard_by,
    node_specs,
    offer,
    renamed,
    share_rules,
)
from streamwatchd.ports.laps import SCHEDULE, SEND, Laps


@dataclass(slots=True)
class Outbox:
    """What a flow has to say: documents for the output topics, and pieces for later stages."""

    alerts: list[Document] = field(default_factory=list)
    kpis: list[Document] = field(default_factory=list)
    anomalies: list[Document] = field(default_factory=list)
    panes: list[tuple[Family, int, Pane]] = field(default_factory=list)
    rows: list[tuple[RowFeedSpec, Frame]] = field(default_factory=list)
    watermarks: list[tuple[str, int]] = field(default_factory=list)
    late: list[tuple[Family, int, int, Pane]] = field(default_factory=list)
    """What came late for panes: family, slot, index, pane."""

    @property
    def waits(self) -> bool:
        """Whether later stages have not been told yet."""
        return bool(self.panes or self.late or self.rows or self.watermarks)


@dataclass(slots=True)
class Readers:
    """Who takes in the rows of one stream; `alarms` and all `nodes` that hear of it by their names among the wires.

    `takers` join the rows or score them.
    """

    families: list[Family] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    takers: list[Wire] = field(default_factory=list)
    nodes: list[str] = field(default_factory=list)


_NOBODY = Readers()


class Flow:
    """`limits` are, per input stream, the instants up to which everything has arrived (watermark + 1)."""

    def __init__(self, spec: StageSpec, dimensions: Dimensions, functions: Mapping[str, Callable[..., Column]]) -> None:
        self.spec = spec
        self.laps = Laps()
        self.evaluator = Evaluator(dimensions, functions)
        self.outbox = Outbox()
        self.limits: dict[str, int] = dict.fromkeys(spec.inputs, BEGINNING)
        self.spaces: dict[tuple[str, ...], KeySpace] = {}
        self.families: dict[str, Family] = {}
        self._wires: dict[str, Wire] = {}
        self._feeds: list[FeedWire] = [FeedWire(feed) for feed in spec.feeds]
        self._asks = [StageAsk(BEGINNING, FOREVER, spec)]
        self._roots: dict[str, frozenset[str]] = {}
        self.targets: dict[str, int] = {}
        self._sent: dict[str, int] = {}
        self._readers: dict[str, Readers] | None = None
        self.speakers: Mapping[str, Speaker] = {}
        """Families and alarms on rows → the rule in whose name it is told that they have more keys than they may."""
        self._schedule: Schedule | None = None
        self._heard: set[str] = set()
        self._is_judging = False
        self._add(spec, BEGINNING)

    @property
    def nodes(self) -> Mapping[str, Node]:
        """The running nodes in the order in which they judge."""
        return {name: wire.node for name, wire in self._wires.items()}

    @property
    def wires(self) -> Mapping[str, Wire]:
        """The same with the instants between which each judges, and those that it follows."""
        return self._wires

    @property
    def amend_ms(self) -> int:
        """So far back rules may judge again."""
        return max(ask.spec.amend_ms for ask in self._asks)

    # wiring

    def _add(self, spec: StageSpec, begins_ms: int) -> None:
        self._ask_families(spec, begins_ms)
        self._roots |= spec.roots
        self.targets |= spec.targets
        for stream in spec.inputs:
            self.limits.setdefault(stream, BEGINNING)
        kept = {name: wire for name, wire in self._wires.items() if wire.until_ms == FOREVER}
        fresh = self._make_nodes(spec, {name: wire.spec for name, wire in kept.items()})
        made = {node.id: beginning_at(node, begins_ms) for node in fresh}
        specs = {part.id: part for part in node_specs(spec)}
        self._wires = {
            name: kept[name] if name not in made else Wire(made[name], specs[name], begins_ms) for name in spec.order
        }

    def _ask_families(self, spec: StageSpec, begins_ms: int) -> None:
        """Tell families what is asked of them from here on; one that nobody asked for of late begins anew."""
        sent = {family.id for family in spec.sends}
        wanted = {family.id for family in (*spec.families, *spec.sends)}
        for name, asks in asks_of_families(self._asks).items():
            known = self.families.get(name)
            if known is not None and name in wanted and known.until_ms < begins_ms:
                aside = self._free_name(name, begins_ms, self.families)
                self.families[aside] = self.families.pop(name)
                known = None
            if known is not None:
                known.ask(asks, begins_ms, anew=name in wanted)
            elif name in wanted:
                newest = asks[-1].spec
                space = self.space(newest.keys, newest.max_keys)
                self.families[name] = Family(
                    newest, space, self.evaluator, begins_ms, name in sent, flood=self._flood(space, name)
                )

    @staticmethod
    def _free_name(name: str, at_ms: int, taken: Container[str]) -> str:
        while name in taken:
            name += f"@{at_ms}"
        return name

    def _make_nodes(self, spec: StageSpec, same: Mapping[str, NodeSpec]) -> list[Node]:
        """Nodes for what is new; what equals a running one goes on running."""
        made: list[Node] = []
        for part in node_specs(spec):
            if same.get(part.id) != part:
                made.append(self._make_node(part, spec.roots[part.id]))
        return made

    def _make_node(self, part: NodeSpec, roots: frozenset[str]) -> Node:
        match part:
            case KpiSpec():
                rows = KpiRows(part, self.evaluator, self.outbox_kpi, self.push, self.is_read)
                return (SessionNode if part.session_ms else KpiNode)(part, self.families, roots, rows)
            case JoinSpec():
                return JoinNode(part, roots, self.push)
            case ScoreSpec():
                return ScoreNode(part, roots, self.evaluator, self.push, self.outbox_anomaly)
            case WindowAlarmSpec():
                return WindowAlarmNode(part, self.families, roots, self.evaluator, self.outbox_alert)
            case RowAlarmSpec():
                space = self.space(part.shape.keys, part.max_keys)
                flood = self._flood(space, part.id)
                return RowAlarmNode(part, space, roots, self.evaluator, self.outbox_alert, flood)
        assert_never(part)

    # change

    def switch(self, at_ms: int, spec: StageSpec, living: frozenset[str]) -> None:
        """From the instant E on by `spec`: what is new begins there, what is gone ends there, the rest goes on.

        `living` are the alarms that the new rules have, here or elsewhere.
        """
        before = self._wires
        self._readers = None
        self._schedule = None
        feeds = {feed.name for feed in spec.feeds}
        for feed in self._feeds:
            if feed.spec.name not in feeds:
                feed.until_ms = min(feed.until_ms, at_ms)
        running = {feed.spec.name for feed in self._feeds if feed.until_ms == FOREVER}
        self._feeds += [FeedWire(feed, at_ms) for feed in spec.feeds if feed.name not in running]
        self._asks = asked_anew(self._asks, at_ms, spec)
        left = Left(renamed(self.spec, spec), living)
        self.spec = spec
        self._add(spec, at_ms)
        ending = {name: wire for name, wire in before.items() if wire.until_ms < FOREVER}
        self._wires |= ending
        for name, wire in before.items():
            if name not in ending and self._wires.get(name) is not wire:
                self._end(self._free_name(f"{name}@{at_ms}", at_ms, self._wires), wire, at_ms, left)

    def _end(self, name: str, wire: Wire, at_ms: int, left: Left) -> None:
        """Keep a node that the new rules lack until it has judged up to E, under a name that nothing else will have."""
        self._wires[name] = wire
        wire.until_ms = at_ms
        wire.left = left
        for heir in self._wires.values():
            if heir.until_ms == FOREVER and share_rules(wire.node, heir.node, left.renamed):
                heir.after.append(name)

    def _retire(self) -> None:
        """Nodes that have judged up to their end hand their state over, or resolve their alarms, and go.

        One that reads what a KPI gives out has not, as long as anything is due up to there.
        """
        self._readers = None
        self._schedule = None
        while done := self._done():
            for name in done:
                self._hand_over(name, self._wires.pop(name))

    def _done(self) -> list[str]:
        next_ms = min((t for wire in self._wires.values() if (t := self._due(wire)) is not None), default=FOREVER)
        return [name for name, wire in self._wires.items() if self._is_done(wire, next_ms)]

    def _shrink(self) -> None:
        """Let go what no version asks for any more, once all that came before its end has been judged, and sent on."""
        if len(self._asks) == 1 and all(feed.until_ms == FOREVER for feed in self._feeds):
            return
        self._readers = None
        in_use = {id(f) for wire in self._wires.values() if wire.until_ms < FOREVER for f in families_of(wire.node)}
        said = not self.outbox.waits
        for name, family in list(self.families.items()):
            limit = self._passed(family)
            if id(family) in in_use or (family.is_sent and not said):
                continue
            family.shrink(limit)
            if family.until_ms < limit:
                del self.families[name]
        if said:
            self._feeds = [feed for feed in self._feeds if self._sent.get(feed.spec.stream, BEGINNING) <= feed.until_ms]
            if not in_use:
                self._forget_asks()

    def _passed(self, family: Family) -> int:
        """Up to where all is done for which a family is kept."""
        if family.is_sent:
            return self._sent.get(family.spec.stream, BEGINNING)
        return self._family_limit(family.spec)

    def _forget_asks(self) -> None:
        least = min([*self.limits.values(), *map(self._passed, self.families.values())], default=FOREVER)
        kept = [ask for ask in self._asks if ask.until_ms >= least]
        if len(kept) == len(self._asks):
            return
        self._asks = kept
        inputs = {stream for ask in kept for stream in ask.spec.inputs}
        self.limits = {stream: limit for stream, limit in self.limits.items() if stream in inputs}
        self._roots = {name: roots for ask in kept for name, roots in ask.spec.roots.items()}
        self.targets = {name: stage for ask in kept for name, stage in ask.spec.targets.items()}

    def _is_done(self, wire: Wire, next_ms: int) -> bool:
        waits = any(name in self._wires for name in wire.after)
        return wire.until_ms < min(self._limit(wire.node), next_ms) and not waits

    def _hand_over(self, name: str, wire: Wire) -> list[str]:
        """Let heirs go on; gives those that wait for nobody else."""
        node, freed = wire.node, []
        for other_name, other in self._wires.items():
            if name in other.after:
                other.after.remove(name)
                if isinstance(other.node, SessionNode | ScoreNode):
                    other.node.adopt(node)  # type: ignore[arg-type]
                else:
                    other.node.adopt(node, wire.left.renamed, wire.until_ms)  # type: ignore[attr-defined]
                if not other.after:
                    freed.append(other_name)
        if isinstance(node, WindowAlarmNode | RowAlarmNode):
            node.resolve_rest(wire.until_ms, wire.left.living)
        return freed

    # spaces and outbox

    def space(self, keys: tuple[KeyColumn, ...], max_keys: int) -> KeySpace:
        """One key space per set of key names, bounded by the most that one of its readers allows (0: says nothing)."""
        names = tuple(key.name for key in keys)
        bound = max_keys or NO_BOUND
        known = self.spaces.get(names)
        if known is None:
            known = self.spaces[names] = KeySpace(names, bound)
            return known
        if max_keys:
            known.bound = bound if known.bound == NO_BOUND else max(bound, known.bound)
        return known

    def _flood(self, space: KeySpace, name: str) -> Flood:
        return Flood(space, lambda: self.speakers.get(name), self.outbox_alert)

    def overflowed(self) -> int:
        """Events of keys beyond `max_keys`, since the state began."""
        floods = [family.flood for family in self.families.values()]
        floods += [wire.node.flood for wire in self._wires.values() if isinstance(wire.node, RowAlarmNode)]
        return sum(flood.total for flood in floods if flood is not None)

    def _pass_by(self) -> None:
        for family in self.families.values():
            family.pass_by(self._stream_limit(family.spec.stream))
        for wire in self._wires.values():
            if isinstance(wire.node, RowAlarmNode) and wire.node.flood is not None:
                wire.node.flood.pass_by(self._limit(wire.node))

    def outbox_alert(self, document: Document) -> None:
        self.outbox.alerts.append(document)

    def outbox_kpi(self, document: Document) -> None:
        self.outbox.kpis.append(document)

    def outbox_anomaly(self, document: Document) -> None:
        self.outbox.anomalies.append(document)

    # rows

    def push(self, stream: str, frame: Frame, origin: Place | None = None, meaning: str = "") -> None:
        """Rows of a stream, none of them late, in log order (sources) or in order of time (derived).

        `meaning` says which of the KPIs that have had this name they are of.
        """
        if not len(frame):
            return
        readers = self._readers_of(stream)
        if self._is_judging:
            self._heard.update(readers.nodes)
        for family in readers.families:
            if family.spec.meaning == meaning:
                family.add_rows(frame)
                self.laps.lap(family.spec.id, len(frame))
        starts: dict[str, int] = {}
        for name in readers.alarms:
            wire = self._wires.get(name)
            if wire is not None:
                self._judge_rows(name, wire, frame, origin, starts)
                self.laps.lap(name, len(frame))
        for wire in readers.takers:
            offer(wire, stream, frame, meaning)
        for feed in self._feeds:
            if feed.spec.stream == stream:
                self._feed(feed, frame)

    def is_read(self, stream: str) -> bool:
        """Whether anybody takes in rows of a stream, here or at a later stage."""
        return self._readers_of(stream) is not _NOBODY or any(feed.spec.stream == stream for feed in self._feeds)

    def push_late(self, stream: str, frame: Frame, arrivals: Times) -> None:
        """Late rows of a source for the rules that amend, and the first instant the watermark had not passed then."""
        for family in self._readers_of(stream).families:
            if family.late is not None and not family.spec.meaning:
                family.add_late(frame, arrivals)
                self.laps.lap(family.spec.id, len(frame))

    def _readers_of(self, stream: str) -> Readers:
        """Who takes in rows of a stream; found once for all streams, until the wiring changes."""
        if self._readers is None:
            self._readers = {}
            for family in self.families.values():
                self._readers.setdefault(family.spec.stream, Readers()).families.append(family)
            for name, wire in sorted(self._wires.items(), key=lambda item: item[1].until_ms == FOREVER):
                # those that end come before their heirs
                if isinstance(wire.node, RowAlarmNode):
                    self._readers.setdefault(wire.node.spec.stream, Readers()).alarms.append(name)
                elif isinstance(wire.node, JoinNode):
                    for side in wire.node.names:
                        self._readers.setdefault(side, Readers()).takers.append(wire)
                elif isinstance(wire.node, ScoreNode):
                    self._readers.setdefault(wire.node.spec.stream, Readers()).takers.append(wire)
                for heard in heard_by(wire.node):
                    self._readers.setdefault(heard, Readers()).nodes.append(name)
        return self._readers.get(stream, _NOBODY)

    def _judge_rows(self, name: str, wire: Wire, frame: Frame, origin: Place | None, starts: dict[str, int]) -> None:
        """Judged in order, a change cuts rows by their time; judged at once, at the first row beyond it."""
        node = wire.node
        assert isinstance(node, RowAlarmNode)
        if wire.begins_ms == BEGINNING and wire.until_ms == FOREVER and not starts:
            node.take(frame, origin)
        elif not node.spec.ordered:
            self._judge_at_once(name, wire, frame, origin, starts)
        else:
            mask = (frame.time >= wire.begins_ms) & (frame.time < wire.until_ms)
            if mask.any():
                node.take(frame if mask.all() else frame.take(mask), origin)

    def _judge_at_once(self, name: str, wire: Wire, frame: Frame, origin: Place | None, starts: dict[str, int]) -> None:
        """`starts` says from which row on an heir judges whose predecessor met its end in this frame."""
        node = wire.node
        assert isinstance(node, RowAlarmNode)
        if wire.after:
            return
        rows = np.arange(starts.get(name, 0), len(frame))
        if wire.begins_ms > BEGINNING:
            rows = rows[frame.time[rows] >= wire.begins_ms]
        beyond = np.flatnonzero(frame.time[rows] >= wire.until_ms)
        mine = rows[: beyond[0]] if len(beyond) else rows
        if len(mine):
            node.take(frame if len(mine) == len(frame) else frame.take(mine), origin)
        if len(beyond):
            self._readers = None
            self._schedule = None
            for heir in self._hand_over(name, self._wires.pop(name)):
                starts[heir] = int(rows[beyond[0]])
                self._wires[heir].begins_ms = BEGINNING

    def _feed(self, feed: FeedWire, frame: Frame) -> None:
        spec, rows = feed.spec, frame
        if feed.begins_ms > BEGINNING or feed.until_ms < FOREVER:
            rows = frame.take((frame.time >= feed.begins_ms) & (frame.time < feed.until_ms))
        if spec.where is not None and len(rows):
            rows = rows.take(self.evaluator.truths(spec.where, rows) == TRUE)
        if not len(rows):
            return
        columns = {column.name: self.evaluator.column(column.expr, rows) for column in spec.columns}
        columns |= {name: rows.columns[name] for name in (WINDOW_START, WINDOW_END) if name in rows.columns}
        self.outbox.rows.append((spec, Frame(rows.time, columns)))

    # time

    def advance(self, limits: Mapping[str, int]) -> None:
        """Judge everything that the new limits allow, at ascending instants, then send what is final."""
        self._shrink()
        for stream, limit in limits.items():
            if stream in self.limits:
                self.limits[stream] = max(self.limits[stream], limit)
        if self._schedule is None and all(wire.until_ms == FOREVER for wire in self._wires.values()):
            self._schedule = Schedule(self.nodes, self.spec.delays)
        if self._schedule is None:
            self._judge_while_changing()
        else:
            self._judge_in_turn(self._schedule)
        self._pass_by()
        self._send()
        self._drop()
        self._shrink()
        self.laps.lap(SEND)

    def _judge_in_turn(self, schedule: Schedule) -> None:
        schedule.begin(self.limit_of)
        self._is_judging = True
        while (found := schedule.pop()) is not None:
            instant, name = found
            self.laps.lap(SCHEDULE)
            self._wires[name].node.judge(instant)
            self.laps.lap(name)
            schedule.ask({name, *self._heard})
            self._heard.clear()
        self._is_judging = False

    def _judge_while_changing(self) -> None:
        """With nodes about to end: who takes over from them judges once they are through, so all are asked anew."""
        while True:
            if any(wire.until_ms < FOREVER for wire in self._wires.values()):
                self._retire()
            due = {name: self._due(wire) for name, wire in self._wires.items()}
            instant = min((t for t in due.values() if t is not None), default=None)
            if instant is None:
                break
            for name, wire in list(self._wires.items()):
                if due[name] == instant or self._due(wire) == instant:
                    self.laps.lap(SCHEDULE)
                    wire.node.judge(instant)
                    self.laps.lap(name)

    def _limit(self, node: Node) -> int:
        limit = self.limit_of(node.roots)
        return limit if limit == BEGINNING else limit - self.spec.delays.get(node.id, 0)

    def _due(self, wire: Wire) -> int | None:
        limit = min(self._limit(wire.node), wire.until_ms)
        if limit == BEGINNING or any(name in self._wires for name in wire.after):
            return None
        return wire.node.due(limit)

    def stages_of(self, stream: str) -> set[int]:
        """The later stages that hear of a stream's watermark."""
        names = [family.spec.id for family in self._sending() if family.spec.stream == stream]
        names += [feed.spec.name for feed in self._feeds if feed.spec.stream == stream]
        return {self.targets[name] for name in names}

    def _sending(self) -> Iterator[Family]:
        return (family for family in self.families.values() if family.is_sent)

    def fed_by(self, family_id: str, since_ms: int, index: int) -> Family | None:
        """Who takes in a partial of a feeder's family that began then: one that ended may be beside one that came."""
        known = [self.families[family_id]] if family_id in self.families else []
        named = known if len(self._asks) == 1 else [f for f in self.families.values() if f.spec.id == family_id]
        mine = [f for f in named if f.begins_ms <= max(since_ms, index * f.finest.width_ms)]
        return max(mine, key=lambda family: family.begins_ms, default=None)

    def limit_of(self, roots: frozenset[str]) -> int:
        return min((self.limits[stream] for stream in roots), default=BEGINNING)

    def _stream_limit(self, stream: str) -> int:
        """Up to where all rows of a stream have come."""
        if stream in self.limits:
            return self.limits[stream]
        limit = self.limit_of(self._roots[stream])
        return limit if limit == BEGINNING else limit - self.spec.delays.get(stream, 0)

    def _send(self) -> None:
        steps: dict[str, int] = {feed.spec.stream: 1 for feed in self._feeds}
        for family in self._sending():
            stream, step = family.spec.stream, family.finest.width_ms
            if family.until_ms < self._stream_limit(stream):
                # its last word, and with it the watermark that lets readers go
                step = 1
            steps[stream] = min(step, steps.get(stream, step))
        for stream, step in steps.items():
            limit = self._stream_limit(stream)
            # what ends at E at a later stage waits for no step
            level = max([limit // step * step, *(ask.from_ms + 1 for ask in self._asks if ask.from_ms < limit)])
            if limit == BEGINNING or level <= self._sent.get(stream, BEGINNING):
                continue
            self._sent[stream] = level
            for family in self._sending():
                if family.spec.stream == stream:
                    for index, pane in family.final_panes(limit):
                        self.outbox.panes.append((family, index, pane))
                    for slot, index, pane in family.late.final_panes(limit) if family.late else ():
                        self.outbox.late.append((family, slot, index, pane))
            self.outbox.watermarks.append((stream, limit - 1))

    def _drop(self) -> None:
        for family in self.families.values():
            if not family.is_sent:
                family.drop_before(self._family_limit(family.spec))

    def _family_limit(self, spec: FamilySpec) -> int:
        """Up to where every reader of the family has judged."""
        return min([self._stream_limit(spec.stream), *self.limits.values()])

    # snapshots

    def snapshot(self) -> dict[str, Any]:
        """A picture, for packing: nothing of it is changed any more."""
        return {
            "limits": dict(self.limits),
            "sent": dict(self._sent),
            "spaces": [[list(names), space.picture()] for names, space in self.spaces.items()],
            "families": {name: family.snapshot() for name, family in self.families.items()},
            "nodes": {name: wire.node.snapshot() for name, wire in self._wires.items()},
            "begins": {name: wire.begins_ms for name, wire in self._wires.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse; what the state knows and this flow does not is left out."""
        self._schedule = None
        for stream, limit in state["limits"].items():
            if stream in self.limits:
                self.limits[stream] = limit
        self._sent = dict(state["sent"])
        for names, keys in state["spaces"]:
            space = self.spaces.get(tuple(names))
            if space is not None:
                space.restore(keys)
        for name, packed in state["families"].items():
            if name in self.families:
                self.families[name].restore(packed)
        for name in self.families.keys() - state["families"].keys():
            if self.families[name].until_ms < FOREVER:
                # gone already when the snapshot was taken
                del self.families[name]
        retired = [name for name, wire in self._wires.items() if wire.until_ms < FOREVER]
        for name in retired:
            if name not in state["nodes"]:
                # gone already when the snapshot was taken
                del self._wires[name]
        for name, packed in state["nodes"].items():
            if name in self._wires:
                wire = self._wires[name]
                wire.begins_ms = state["begins"].get(name, wire.begins_ms)
                wire.after = [other for other in wire.after if other in self._wires]
                wire.node.restore(packed)
