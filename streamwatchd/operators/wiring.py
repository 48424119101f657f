"""Which nodes, families and feeds a task has: as the rules ask for them, each from an instant of event time E on."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping
from typing import Protocol, assert_never

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import Frame
from streamwatchd.operators.asking import BEGINNING, FOREVER, StageAsk, asked_anew, asks_of_families, paces_of
from streamwatchd.operators.document import Speaker
from streamwatchd.operators.evaluate import Evaluator
from streamwatchd.operators.expected import Expected, Owns
from streamwatchd.operators.family import Family
from streamwatchd.operators.firing import FiringStates, Telling
from streamwatchd.operators.flood import Flood
from streamwatchd.operators.gap import Filling, Gap, fillable, gap_of, gap_of_sent, keep, promise
from streamwatchd.operators.join import JoinNode
from streamwatchd.operators.keyspace import NO_BOUND, KeySpace
from streamwatchd.operators.known import Instants
from streamwatchd.operators.kpi import KpiNode, KpiRows
from streamwatchd.operators.left import Left
from streamwatchd.operators.muting import Muting
from streamwatchd.operators.node import Node
from streamwatchd.operators.progress import Progress
from streamwatchd.operators.release import keeps
from streamwatchd.operators.row_alarm import RowAlarmNode
from streamwatchd.operators.score import ScoreNode
from streamwatchd.operators.sending import Outbox, Say, sending
from streamwatchd.operators.sequence import SequenceNode
from streamwatchd.operators.session import SessionNode
from streamwatchd.operators.spec import (
    JoinSpec,
    KeyColumn,
    KpiMember,
    KpiSpec,
    Member,
    MuteSpec,
    RowAlarmSpec,
    ScoreSpec,
    WindowAlarmSpec,
)
from streamwatchd.operators.stage_spec import StageSpec
from streamwatchd.operators.turn import NO_TURN, Turn, turn_of
from streamwatchd.operators.window_alarm import WindowAlarmNode
from streamwatchd.operators.wire import (
    FeedWire,
    NodeSpec,
    Wire,
    beginning_at,
    families_of,
    node_specs,
    recount,
    renamed,
    share_rules,
)


class Rows(Protocol):
    """Who takes in the rows that nodes give out."""

    def push(
        self, stream: str, frame: Frame, *, meaning: str = "", here: npt.NDArray[np.bool_] | None = None
    ) -> None: ...

    def is_read(self, stream: str) -> bool: ...


class Wiring:
    """What there is, and what becomes of it at a change. `spec` is what the newest rules ask for."""

    def __init__(
        self, spec: StageSpec, evaluator: Evaluator, outbox: Outbox, progress: Progress, rows: Rows, owns: Owns
    ) -> None:
        self.spec = spec
        self._evaluator = evaluator
        self._outbox = outbox
        self._progress = progress
        self._rows = rows
        self._owns = owns
        self.states: dict[str, FiringStates] = {}
        """Of the alarms on which others wait, by the feed that brings them."""
        self.spaces: dict[tuple[str, ...], KeySpace] = {}
        self.families: dict[str, Family] = {}
        self.wires: dict[str, Wire] = {}
        self._orders: dict[int, list[str]] = {}
        """By how many changes lie before an instant: the names of all nodes in the order in which they judge it."""
        self.feeds: list[FeedWire] = [FeedWire(feed) for feed in spec.feeds]
        self.asks = [StageAsk(BEGINNING, FOREVER, spec)]
        self.targets: dict[str, int] = {}
        self.placed: Instants = ()
        """When keys of the source came to lie in other partitions."""
        self.speakers: Mapping[str, Speaker] = {}
        """Families and alarms on rows → the rule in whose name it is told that they have more keys than they may."""
        self._add(spec, BEGINNING, None)

    @property
    def expects(self) -> bool:
        """Whether a node has keys from a table."""
        return any(isinstance(wire.node, WindowAlarmNode) and wire.node.expected for wire in self.wires.values())

    @property
    def is_changing(self) -> bool:
        """Whether a node is about to end."""
        return any(wire.until_ms < FOREVER for wire in self.wires.values())

    def _add(self, spec: StageSpec, begins_ms: int, filling: Filling | None) -> None:
        self._ask_families(spec, begins_ms)
        if filling is not None:
            for name, gap in filling.gaps.items():
                promise(self.families[name], gap, begins_ms, filling.from_ms)
        self._progress.roots |= spec.roots
        self._progress.paces = paces_of(self.asks)
        self._progress.wanted = frozenset(spec.begins)
        self.targets |= spec.targets
        for stream in spec.inputs:
            self._progress.limits.setdefault(stream, BEGINNING)
        for names, keep_ms in keeps(spec):
            if names in self.spaces:
                self.spaces[names].keep_ms = max(keep_ms, self.spaces[names].keep_ms)
        is_changing = self.is_changing
        kept = {name: wire for name, wire in self.wires.items() if wire.until_ms == FOREVER}
        fresh = self._make_nodes(
            spec, {name: wire.spec for name, wire in kept.items() if self._goes_on(wire, begins_ms)}
        )
        made = {node.id: beginning_at(node, begins_ms) for node in fresh}
        told = frozenset(spec.told)
        for node in (*made.values(), *(wire.node for wire in kept.values())):
            if isinstance(node, WindowAlarmNode | RowAlarmNode):
                node.tell(told, None if begins_ms == BEGINNING else begins_ms)
        specs = {part.id: part for part in node_specs(spec)}
        self.wires = {
            name: kept[name] if name not in made else Wire(made[name], specs[name], begins_ms) for name in spec.order
        }
        for place, wire in enumerate(self.wires.values()):
            wire.places = [*(wire.places if is_changing else wire.places[-1:]), (begins_ms, place)]
        self._orders.clear()
        self.know_places()

    def _goes_on(self, wire: Wire, at_ms: int) -> bool:
        """Whether a node that the rules still want may go on after a change at E: not with alarms of keys that lie
        elsewhere then."""
        return at_ms not in self.placed or not isinstance(wire.node, WindowAlarmNode | RowAlarmNode)

    def know_places(self) -> None:
        """Keys that have not spoken since they lie where they lie now are not known. Panes of theirs stay: where they
        come from, and what was learnt of them, is still true of those that have not moved."""
        for family in self.families.values():
            family.placed = self.placed
            for known in family.known.values():
                known.placed = self.placed

    def _ask_families(self, spec: StageSpec, begins_ms: int) -> None:
        """Tell families what is asked of them from here on; one that nobody asked for of late begins anew."""
        sent = {family.id for family in spec.sends}
        wanted = {family.id for family in (*spec.families, *spec.sends)}
        for name, asks in asks_of_families(self.asks).items():
            known = self.families.get(name)
            if known is not None and name in wanted and known.until_ms < begins_ms:
                aside = self._free_name(name, begins_ms, self.families)
                self.families[aside] = self.families.pop(name)
                known = None
            if known is not None:
                known.ask(asks, begins_ms, anew=name in wanted)
            elif name in wanted:
                newest = asks[-1].spec
                space = self.space(newest.keys, newest.max_keys, len(newest.admits))
                self.families[name] = Family(
                    newest, space, self._evaluator, begins_ms, name in sent, flood=self._flood(space, name)
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
                say = self._outbox.unless_shadow("kpi", self._outbox.kpi, in_shadow(part.members))
                rows = KpiRows(part, self._evaluator, say, self._rows.push, self._rows.is_read)
                return (SessionNode if part.session_ms else KpiNode)(part, self.families, roots, rows)
            case JoinSpec():
                return JoinNode(part, roots, self._rows.push)
            case ScoreSpec():
                shadows = frozenset([part.name] if part.shadow else ())
                say = self._outbox.unless_shadow("anomaly", self._outbox.anomaly, shadows)
                return ScoreNode(part, roots, self._evaluator, self._rows.push, say)
            case WindowAlarmSpec():
                return self._window_alarm(part, roots)
            case RowAlarmSpec():
                space = self.space(part.shape.keys, part.max_keys)
                flood = self._flood(space, part.id)
                telling = Telling(part.shape.keys, self._rows.push)
                kind = RowAlarmNode if part.sequence is None else SequenceNode
                self._know_states(part.mute)
                say = self._say_alert(part)
                return kind(part, space, roots, self._evaluator, say, flood, telling, self.states)
        assert_never(part)

    def _say_alert(self, part: WindowAlarmSpec | RowAlarmSpec) -> Say:
        return self._outbox.unless_shadow("rule", self._outbox.alert, in_shadow(part.members))

    def _window_alarm(self, part: WindowAlarmSpec, roots: frozenset[str]) -> WindowAlarmNode:
        expected = None
        if part.expect is not None:
            space = self.families[part.family].space
            expected = Expected(part.expect, space, self._evaluator, self._owns)
        muting = None
        self._know_states(part.mute)
        if part.mute is not None:
            muting = Muting(part.mute, self._evaluator, self.states)
        telling = Telling(part.shape.keys, self._rows.push)
        emit = self._say_alert(part)
        node = WindowAlarmNode(part, self.families, roots, self._evaluator, emit, expected, muting, telling)
        node.begun = lambda: self._progress.begun_of(roots)
        return node

    def _know_states(self, mute: MuteSpec | None) -> None:
        for leaf, feed in mute.firings if mute is not None else ():
            self.states.setdefault(feed, FiringStates(leaf.keys))

    # change

    def gaps(self, at_ms: int, spec: StageSpec, sessions: Collection[str]) -> dict[str, Gap]:
        """By family what would be lacking of the time before E, if `spec` held from there on.

        `sessions` are the families of KPIs whose windows are sessions, of all stages.
        """
        asks = asks_of_families(asked_anew(self.asks, at_ms, spec))
        found: dict[str, Gap] = {}
        for family in fillable(spec, sessions):
            known = self.families.get(family.id)
            if family.route is not None:
                if (sent := gap_of_sent(family, known, at_ms)) is not None:
                    found[family.id] = sent
                continue
            judged_ms = BEGINNING if known is None else self._progress.of_readers(known.spec)
            gap = gap_of(asks[family.id], known, at_ms, judged_ms)
            if gap:
                found[family.id] = gap
        return found

    def switch(
        self, at_ms: int, spec: StageSpec, living: frozenset[str], filling: Filling | None = None, *,
        placed_anew: bool = False,
    ) -> None:  # fmt: skip
        """From the instant E on by `spec`: what is new begins there, what is gone ends there, the rest goes on.

        `living` are the alarms that the new rules have, here or elsewhere; `filling` says which gaps will be filled.
        `placed_anew`: from E on keys lie in other partitions.
        """
        if placed_anew:
            self.placed = (*self.placed, at_ms)
        before = self.wires
        feeds = {feed.name for feed in spec.feeds}
        for feed in self.feeds:
            if feed.spec.name not in feeds:
                feed.until_ms = min(feed.until_ms, at_ms)
        running = {feed.spec.name for feed in self.feeds if feed.until_ms == FOREVER}
        self.feeds += [FeedWire(feed, at_ms) for feed in spec.feeds if feed.name not in running]
        self.asks = asked_anew(self.asks, at_ms, spec)
        left = Left(renamed(self.spec, spec), living, placed_anew)
        self.spec = spec
        self._add(spec, at_ms, filling)
        ending = {name: wire for name, wire in before.items() if wire.until_ms < FOREVER}
        self.wires |= ending
        for name, wire in before.items():
            if name not in ending and self.wires.get(name) is not wire:
                self._end(self._free_name(f"{name}@{at_ms}", at_ms, self.wires), wire, at_ms, left)

    def _end(self, name: str, wire: Wire, at_ms: int, left: Left) -> None:
        """Keep a node that the new rules lack until it has judged up to E, under a name that nothing else will have."""
        self.wires[name] = wire
        wire.until_ms = at_ms
        wire.left = left
        for heir in self.wires.values():
            if heir.until_ms == FOREVER and share_rules(wire.node, heir.node, left.renamed):
                heir.after.append(name)

    def retire(self, following: Turn) -> bool:
        """Nodes that have judged up to their end hand their state over, or resolve their alarms, and go. Gives whether
        any did.

        One that reads what a KPI gives out has not, as long as anything is due up to there: `following` is the first
        turn of any node.
        """
        has_gone = False
        while done := [name for name, wire in self.wires.items() if self._is_done(wire, following)]:
            has_gone = True
            for name in done:
                self.hand_over(name, self.wires.pop(name))
            following = min(self.dues().values(), default=NO_TURN)
        return has_gone

    def order_at(self, instant_ms: int) -> list[str]:
        """All nodes in the order in which they judge at an instant: one that is about to end does before those that
        read it, by the rules that are in force then.

        What was found holds as long as there are as many: between two changes nodes go and none comes.
        """
        changes = {since for wire in self.wires.values() for since, _ in wire.places if since < instant_ms}
        found = self._orders.get(len(changes))
        if found is None or len(found) != len(self.wires):
            found = sorted(self.wires, key=lambda name: self.wires[name].place_at(instant_ms))
            self._orders[len(changes)] = found
        return found

    def dues(self, names: Iterable[str] | None = None) -> dict[str, Turn]:
        """When each node, or each of these, judges next; `NO_TURN` where it doesn't for now."""
        asked = self.wires if names is None else names
        return {name: self._turn_of(self.wires[name]) for name in asked}

    def _turn_of(self, wire: Wire) -> Turn:
        return turn_of(self.due(wire), self._progress.pace_of(wire.node))

    def shrink(self) -> bool:
        """Let go what no version asks for any more, once all that came before its end has been judged, and sent on.

        Gives whether there may have been any such.
        """
        if len(self.asks) == 1 and all(feed.until_ms == FOREVER for feed in self.feeds):
            return False
        in_use = {id(f) for wire in self.wires.values() if wire.until_ms < FOREVER for f in families_of(wire.node)}
        said = not self._outbox.waits
        for name, family in list(self.families.items()):
            limit = self._progress.passed(family)
            if id(family) in in_use or (family.is_sent and not said):
                continue
            family.shrink(limit)
            if family.until_ms < limit:
                del self.families[name]
        if said:
            sent = self._progress.sent
            self.feeds = [feed for feed in self.feeds if sent.get(feed.spec.stream, BEGINNING) <= feed.until_ms]
            if not in_use:
                self._forget_asks()
        return True

    def _forget_asks(self) -> None:
        least = min(
            [*self._progress.limits.values(), *map(self._progress.passed, self.families.values())], default=FOREVER
        )
        kept = [ask for ask in self.asks if ask.until_ms >= least]
        if len(kept) == len(self.asks):
            return
        self.asks = kept
        inputs = {stream for ask in kept for stream in ask.spec.inputs}
        self._progress.limits = {stream: limit for stream, limit in self._progress.limits.items() if stream in inputs}
        self._progress.roots = {name: roots for ask in kept for name, roots in ask.spec.roots.items()}
        self._progress.paces = paces_of(kept)
        self.targets = {name: stage for ask in kept for name, stage in ask.spec.targets.items()}

    def _is_done(self, wire: Wire, following: Turn) -> bool:
        waits = any(name in self.wires for name in wire.after)
        last = turn_of(wire.until_ms, self._progress.pace_of(wire.node))
        return wire.until_ms < self._progress.of_node(wire.node) and last < following and not waits

    def due(self, wire: Wire) -> int | None:
        """The next instant at which a node judges, as far as everything has come for it."""
        limit = min(self._progress.of_node(wire.node), wire.until_ms)
        if limit == BEGINNING or any(name in self.wires for name in wire.after):
            return None
        return wire.node.due(limit)

    def hand_over(self, name: str, wire: Wire) -> list[str]:
        """Let heirs go on; gives those that wait for nobody else."""
        node, freed = wire.node, []
        if isinstance(node, RowAlarmNode):
            node.say_rest(wire.until_ms)
        for other_name, other in self.wires.items():
            if name in other.after:
                other.after.remove(name)
                if isinstance(other.node, SessionNode | ScoreNode):
                    other.node.adopt(node)  # type: ignore[arg-type]
                elif wire.left.placed_anew:
                    if isinstance(other.node, WindowAlarmNode):
                        other.node.learn_from(node, wire.left.renamed)  # type: ignore[arg-type]
                else:
                    other.node.adopt(node, wire.left.renamed, wire.until_ms)  # type: ignore[attr-defined]
                if not other.after:
                    freed.append(other_name)
        if isinstance(node, WindowAlarmNode | RowAlarmNode):
            node.resolve_rest(wire.until_ms, wire.left)
        return freed

    # spaces and outbox

    def space(self, keys: tuple[KeyColumn, ...], max_keys: int, lifted: int = 0) -> KeySpace:
        """One key space per set of key names, bounded by the most that one of its readers allows (0: says nothing).

        The first `lifted` keys are constants of rules.
        """
        names = tuple(key.name for key in keys)
        bound = max_keys or NO_BOUND
        known = self.spaces.get(names)
        if known is None:
            known = self.spaces[names] = KeySpace(names, bound)
            known.lift(lifted)
            return known
        known.lift(lifted)
        if max_keys:
            known.bound = bound if known.bound == NO_BOUND else max(bound, known.bound)
        return known

    def _flood(self, space: KeySpace, name: str) -> Flood:
        return Flood(space, lambda: self.speakers.get(name), self._outbox.alert)

    def overflowed(self) -> int:
        """Events of keys beyond `max_keys`, since the state began."""
        floods = [family.flood for family in self.families.values()]
        floods += [wire.node.flood for wire in self.wires.values() if isinstance(wire.node, RowAlarmNode)]
        return sum(flood.total for flood in floods if flood is not None)

    # what later stages are told

    def stages_of(self, stream: str) -> set[int]:
        """The later stages that hear of a stream's watermark."""
        names = [family.spec.id for family in sending(self.families.values()) if family.spec.stream == stream]
        names += [feed.spec.name for feed in self.feeds if feed.spec.stream == stream]
        return {self.targets[name] for name in names}

    def fed_by(self, family_id: str, since_ms: int, index: int) -> Family | None:
        """Who takes in a partial of a feeder's family that began then: one that ended may be beside one that came."""
        known = [self.families[family_id]] if family_id in self.families else []
        named = known if len(self.asks) == 1 else [f for f in self.families.values() if f.spec.id == family_id]
        mine = [f for f in named if f.since_ms <= max(since_ms, index * f.finest.width_ms)]
        return max(mine, key=lambda family: family.since_ms, default=None)

    def promised(
        self, family_id: str, since_ms: int, feeder: str, from_ms: int, feeders: Mapping[str, frozenset[str]]
    ) -> None:
        """One of those who feed a family that began at E sends all that lies between an instant and E."""
        for family in self.families.values():
            if family.spec.id == family_id and family.since_ms == since_ms:
                family.promises[feeder] = from_ms
                if family.promises.keys() >= feeders[family.spec.stream]:
                    self.fill(family, max(family.promises.values()))

    def fill(self, family: Family, from_ms: int) -> None:
        """All who feed a family that has just begun send what lies between an instant and its beginning."""
        keep(family, from_ms)
        for wire in self.wires.values():
            recount(wire.node, family)

    # snapshots

    def drop_gone(self, families: Container[str], nodes: Container[str]) -> None:
        """Of what is about to end: keep only what a snapshot knows; the rest was gone already when it was taken."""
        ended = [name for name, family in self.families.items() if family.until_ms < FOREVER]
        for name in ended:
            if name not in families:
                del self.families[name]
        for name in [name for name, wire in self.wires.items() if wire.until_ms < FOREVER]:
            if name not in nodes:
                del self.wires[name]


def in_shadow(members: Iterable[Member | KpiMember]) -> frozenset[str]:
    """The names of rules whose documents go to the shadow topic."""
    return frozenset(member.name for member in members if member.shadow)
