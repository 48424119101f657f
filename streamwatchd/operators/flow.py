"""One task at work: rows come in, watermarks go on, instants of event time are judged in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import Column, Frame, Times, take
from streamwatchd.operators.asking import BEGINNING, FOREVER
from streamwatchd.operators.dimension import Dimensions
from streamwatchd.operators.evaluate import Evaluator
from streamwatchd.operators.expected import Owns, owns_all
from streamwatchd.operators.family import Family
from streamwatchd.operators.gap import Filling
from streamwatchd.operators.join import JoinNode
from streamwatchd.operators.keyspace import NO_BOUND, KeySpace
from streamwatchd.operators.node import Node
from streamwatchd.operators.occurrences import Place
from streamwatchd.operators.progress import Progress
from streamwatchd.operators.release import release, room, step_before
from streamwatchd.operators.row_alarm import RowAlarmNode
from streamwatchd.operators.schedule import Schedule
from streamwatchd.operators.score import ScoreNode
from streamwatchd.operators.sending import Outbox, send_final, send_rows
from streamwatchd.operators.spec import KeyColumn
from streamwatchd.operators.stage_spec import StageSpec
from streamwatchd.operators.turn import NO_TURN
from streamwatchd.operators.wire import Wire, heard_by, offer
from streamwatchd.operators.wiring import Wiring
from streamwatchd.ports.laps import SCHEDULE, SEND, Laps


@dataclass(frozen=True, slots=True)
class Rivals:
    """Readers of one stream who share a space with a low bound: keys get their ids in the order of the log, whoever
    lets a row through."""

    space: KeySpace
    keys: tuple[KeyColumn, ...]
    takers: Sequence[Family | RowAlarmNode]

    def admit(self, frame: Frame, evaluator: Evaluator) -> None:
        rows = np.flatnonzero(np.logical_or.reduce([taker.takes(frame) for taker in self.takers]))
        if len(rows):
            self.space.ids([take(evaluator.column(key.expr, frame), rows) for key in self.keys], len(rows))


@dataclass(slots=True)
class Readers:
    """Who takes in the rows of one stream; `alarms` and all `nodes` that hear of it by their names among the wires.

    `takers` join the rows or score them. `rivals` share few places for keys.
    """

    families: list[Family] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    takers: list[Wire] = field(default_factory=list)
    nodes: list[str] = field(default_factory=list)
    rivals: list[Rivals] = field(default_factory=list)


_NOBODY = Readers()


class Flow:
    """`limits` are, per input stream, the instants up to which everything has arrived (watermark + 1).

    `owns` says which keys come to this task.
    """

    def __init__(
        self,
        spec: StageSpec,
        dimensions: Dimensions,
        functions: Mapping[str, Callable[..., Column]],
        owns: Owns = owns_all,
    ) -> None:
        self.laps = Laps()
        self.evaluator = Evaluator(dimensions, functions)
        self.outbox = Outbox()
        self.progress = Progress()
        self._readers: dict[str, Readers] | None = None
        self._schedule: Schedule | None = None
        self._heard: set[str] = set()
        self._is_judging = False
        self._released_ms = BEGINNING
        self.wiring = Wiring(spec, self.evaluator, self.outbox, self.progress, self, owns)

    @property
    def spec(self) -> StageSpec:
        return self.wiring.spec

    @property
    def limits(self) -> Mapping[str, int]:
        return self.progress.limits

    @property
    def spaces(self) -> Mapping[tuple[str, ...], KeySpace]:
        return self.wiring.spaces

    @property
    def families(self) -> Mapping[str, Family]:
        return self.wiring.families

    @property
    def nodes(self) -> Mapping[str, Node]:
        """The running nodes in the order in which they judge."""
        return {name: wire.node for name, wire in self.wires.items()}

    @property
    def wires(self) -> Mapping[str, Wire]:
        """The same with the instants between which each judges, and those that it follows."""
        return self.wiring.wires

    @property
    def amend_ms(self) -> int:
        """So far back rules may judge again."""
        return max(ask.spec.amend_ms for ask in self.wiring.asks)

    def switch(
        self, at_ms: int, spec: StageSpec, living: frozenset[str], filling: Filling | None = None, *,
        placed_anew: bool = False,
    ) -> None:  # fmt: skip
        """From the instant E on by `spec`: what is new begins there, what is gone ends there, the rest goes on.

        `living` are the alarms that the new rules have, here or elsewhere. What `filling` says is filled next.
        `placed_anew`: from E on keys lie in other partitions, so alarms of them begin anew.
        """
        self._rewired()
        self.wiring.switch(at_ms, spec, living, filling, placed_anew=placed_anew)

    def _rewired(self) -> None:
        self._readers = None
        self._schedule = None

    def overflowed(self) -> int:
        """Events of keys beyond `max_keys`, since the state began."""
        floods = [family.flood for family in self.families.values()]
        floods += [wire.node.flood for wire in self.wires.values() if isinstance(wire.node, RowAlarmNode)]
        return sum(flood.total for flood in floods if flood is not None)

    # rows

    def push(
        self, stream: str, frame: Frame, origin: Place | None = None, meaning: str = "",
        here: npt.NDArray[np.bool_] | None = None,
    ) -> None:  # fmt: skip
        """Rows of a stream, none of them late, in log order (sources) or in order of time (derived).

        `meaning` says which of the KPIs that have had this name they are of; `here` which rows are of keys that lie
        here still. The others are for later stages alone, to which keys come from wherever they lie.
        """
        mine = frame if here is None or here.all() else frame.take(here)
        if len(mine):
            self._take_in(stream, mine, origin, meaning)
        for feed in self.wiring.feeds:
            if feed.spec.stream == stream and len(frame):
                send_rows(feed, frame, self.evaluator, self.outbox)

    def _take_in(self, stream: str, frame: Frame, origin: Place | None, meaning: str) -> None:
        states = self.wiring.states.get(stream)
        if states is not None:
            states.take(frame)
        readers = self._readers_of(stream)
        if self._is_judging:
            self._heard.update(readers.nodes)
        for rivals in readers.rivals:
            rivals.admit(frame, self.evaluator)
        for family in readers.families:
            if family.spec.meaning == meaning:
                family.add_rows(frame)
                self.laps.lap(family.spec.id, len(frame))
        starts: dict[str, int] = {}
        for name in readers.alarms:
            wire = self.wires.get(name)
            if wire is not None:
                self._judge_rows(name, wire, frame, origin, starts)
                self.laps.lap(name, len(frame))
        for wire in readers.takers:
            offer(wire, stream, frame, meaning)

    def is_read(self, stream: str) -> bool:
        """Whether anybody takes in rows of a stream, here or at a later stage."""
        return self._readers_of(stream) is not _NOBODY or any(feed.spec.stream == stream for feed in self.wiring.feeds)

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
            for name, wire in sorted(self.wires.items(), key=lambda item: item[1].until_ms == FOREVER):
                # those that end come before their heirs
                if isinstance(wire.node, RowAlarmNode):
                    for stream_read in sorted(heard_by(wire.node)):
                        self._readers.setdefault(stream_read, Readers()).alarms.append(name)
                elif isinstance(wire.node, JoinNode):
                    for side in wire.node.names:
                        self._readers.setdefault(side, Readers()).takers.append(wire)
                elif isinstance(wire.node, ScoreNode):
                    self._readers.setdefault(wire.node.spec.stream, Readers()).takers.append(wire)
                for heard in heard_by(wire.node):
                    self._readers.setdefault(heard, Readers()).nodes.append(name)
            for readers in self._readers.values():
                readers.rivals = self._rivals(readers)
        return self._readers.get(stream, _NOBODY)

    def _rivals(self, readers: Readers) -> list[Rivals]:
        nodes = [self.wires[name].node for name in readers.alarms]
        takers: list[Family | RowAlarmNode] = [node for node in nodes if isinstance(node, RowAlarmNode)]
        found: dict[tuple[int, tuple[KeyColumn, ...]], Rivals] = {}
        for taker in (*readers.families, *takers):
            keys = taker.spec.keys if isinstance(taker, Family) else taker.spec.shape.keys
            if taker.space.is_scarce:
                known = found.get((id(taker.space), keys), Rivals(taker.space, keys, ()))
                found[id(taker.space), keys] = replace(known, takers=(*known.takers, taker))
        return [rivals for rivals in found.values() if len(rivals.takers) > 1]

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
            self._rewired()
            for heir in self.wiring.hand_over(name, self.wiring.wires.pop(name)):
                starts[heir] = int(rows[beyond[0]])
                self.wires[heir].begins_ms = BEGINNING

    # time

    def advance(self, limits: Mapping[str, int]) -> None:
        """Judge everything that the new limits allow, at ascending instants, then send what is final."""
        self._shrink()
        self.progress.go_on(limits)
        if self._schedule is None and not self.wiring.is_changing:
            self._schedule = Schedule(self.nodes, self.progress.paces)
        if self._schedule is None:
            self._judge_while_changing()
        else:
            self._judge_in_turn(self._schedule)
        self._pass_by()
        send_final(list(self.families.values()), self.wiring.feeds, self.wiring.asks, self.progress, self.outbox)
        self._drop()
        self._shrink()
        self._release()
        self.laps.lap(SEND)

    def _release(self) -> None:
        """Let ids go of keys of which nothing is left."""
        at_ms = step_before(min(self.limits.values(), default=BEGINNING))
        if at_ms > self._released_ms:
            self._released_ms = at_ms
            release(self.spaces, self.nodes.values(), at_ms)

    def packed(self) -> None:
        """The outbox has been emptied: what was in it is known by its keys and no more by their ids."""
        for space in self.spaces.values():
            space.packed()

    def is_tight(self, keys: int) -> bool:
        """Whether so many keys more, with those that wait to be judged, may be beyond a bound (`max_keys`)."""
        here = room(self.spaces.values())
        return keys > here or (here < NO_BOUND // 2 and keys + self._waiting() > here)

    def _waiting(self) -> int:
        """Keys that have come and have no id yet, at most."""
        said = sum(len(each.keys) for f in self.families.values() for by in f.pending.values() for each in by.values())
        rows = (wire.node.waiting for wire in self.wires.values() if isinstance(wire.node, RowAlarmNode))
        return said + sum(len(frame) for frames in rows for frame in frames)

    def _shrink(self) -> None:
        if self.wiring.shrink():
            self._readers = None

    def _judge_in_turn(self, schedule: Schedule) -> None:
        schedule.begin(self.progress.of_roots)
        self._is_judging = True
        while (found := schedule.pop()) is not None:
            instant, name = found
            self.laps.lap(SCHEDULE)
            self.wires[name].node.judge(instant)
            self.laps.lap(name)
            schedule.ask({name, *self._heard})
            self._heard.clear()
        self._is_judging = False

    def _judge_while_changing(self) -> None:
        """With nodes about to end: who takes over from them judges once they are through, so all are asked anew then,
        and else only who has judged or heard something."""
        due = self.wiring.dues()
        self._is_judging = True
        while True:
            turn = min(due.values(), default=NO_TURN)
            if self.wiring.retire(turn):
                self._rewired()
                due = self.wiring.dues()
                continue
            if turn is NO_TURN:
                break
            instant = turn[-1]
            for name in self.wiring.order_at(instant):
                if due[name] == turn:
                    self.laps.lap(SCHEDULE)
                    self.wires[name].node.judge(instant)
                    self.laps.lap(name)
                    due |= self.wiring.dues({name, *self._heard})
                    self._heard.clear()
        self._is_judging = False

    def _pass_by(self) -> None:
        for family in self.families.values():
            family.pass_by(self.progress.of_stream(family.spec.stream))
        for wire in self.wires.values():
            if isinstance(wire.node, RowAlarmNode) and wire.node.flood is not None:
                wire.node.flood.pass_by(self.progress.of_node(wire.node))

    def _drop(self) -> None:
        for states in self.wiring.states.values():
            states.forget_before(min(self.limits.values()) - max(self.progress.paces.values(), default=0))
        for family in self.families.values():
            if not family.is_sent:
                family.drop_before(self.progress.of_readers(family.spec))

    # snapshots

    def snapshot(self) -> dict[str, Any]:
        """A picture, for packing: nothing of it is changed any more."""
        states = {feed: each.snapshot() for feed, each in self.wiring.states.items()}
        return {
            "limits": dict(self.limits),
            "sent": dict(self.progress.sent),
            "spaces": [[list(names), space.picture(), space.lives()] for names, space in self.spaces.items()],
            "families": {name: family.snapshot() for name, family in self.families.items()},
            "nodes": {name: wire.node.snapshot() for name, wire in self.wires.items()},
            "begins": {name: wire.begins_ms for name, wire in self.wires.items()},
            **({"states": states} if states else {}),
            **({"begun": dict(self.progress.begun)} if self.wiring.expects else {}),
            **({"placed": list(self.wiring.placed)} if self.wiring.placed else {}),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse; what the state knows and this flow does not is left out."""
        self._schedule = None
        self.progress.restore(state["limits"], state["sent"], state.get("begun", {}))
        self._released_ms = BEGINNING
        for names, keys, lives in state["spaces"]:
            space = self.spaces.get(tuple(names))
            if space is not None:
                space.restore(keys, lives)
        for feed, packed in state.get("states", {}).items():
            if feed in self.wiring.states:
                self.wiring.states[feed].restore(packed)
        self.wiring.placed = tuple(state.get("placed", self.wiring.placed))
        self.wiring.know_places()
        self.wiring.drop_gone(state["families"], state["nodes"])
        for name, packed in state["families"].items():
            if name in self.families:
                self.families[name].restore(packed)
        for name, packed in state["nodes"].items():
            if name in self.wires:
                wire = self.wires[name]
                wire.begins_ms = state["begins"].get(name, wire.begins_ms)
                wire.after = [other for other in wire.after if other in self.wires]
                wire.node.restore(packed)
