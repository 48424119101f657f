"""A node or a feed at work between two changes, and what of it outlives a change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from streamwatchd.batch import Frame
from streamwatchd.operators.asking import BEGINNING, FOREVER
from streamwatchd.operators.family import Family
from streamwatchd.operators.join import JoinNode
from streamwatchd.operators.kpi import KpiNode
from streamwatchd.operators.left import Left
from streamwatchd.operators.node import Node
from streamwatchd.operators.row_alarm import RowAlarmNode
from streamwatchd.operators.score import ScoreNode
from streamwatchd.operators.session import SessionNode
from streamwatchd.operators.spec import JoinSpec, KpiSpec, RowAlarmSpec, RowFeedSpec, ScoreSpec, WindowAlarmSpec
from streamwatchd.operators.stage_spec import StageSpec
from streamwatchd.operators.window_alarm import WindowAlarmNode

NodeSpec = KpiSpec | JoinSpec | ScoreSpec | WindowAlarmSpec | RowAlarmSpec


@dataclass(slots=True)
class Wire:
    """A node at work: it judges instants in (begins, until], and rows from `begins` on and before `until`.

    `after` are the retired nodes whose alarms it takes over before it judges; `left` says what becomes
    of its alarms when it ends. `places` say where it stands among the nodes that judge one instant, by the instants
    from which on an order of the rules holds.
    """

    node: Node
    spec: NodeSpec
    begins_ms: int = BEGINNING
    until_ms: int = FOREVER
    after: list[str] = field(default_factory=list)
    left: Left = field(default_factory=lambda: Left({}, frozenset()))
    places: list[tuple[int, int]] = field(default_factory=list)

    def place_at(self, instant_ms: int) -> int:
        """In the order of the rules that are in force then; of a node that begins later, in its first one."""
        known = [place for since, place in self.places if since < instant_ms]
        return known[-1] if known else self.places[0][1]


@dataclass(slots=True)
class FeedWire:
    spec: RowFeedSpec
    begins_ms: int = BEGINNING
    until_ms: int = FOREVER


def beginning_at(node: Node, begins_ms: int) -> Node:
    """Windows are judged at instants above E only, sessions on panes that end above it."""
    if isinstance(node, KpiNode | WindowAlarmNode) and begins_ms > BEGINNING:
        node.begins_ms = begins_ms
        if isinstance(node, WindowAlarmNode):
            # keys may be known that are silent, and have no pane any more
            node.done_ms = begins_ms
    elif isinstance(node, SessionNode):
        node.done_ms = max(node.done_ms, begins_ms)
    return node


def node_specs(spec: StageSpec) -> list[NodeSpec]:
    return [*spec.kpis, *spec.joins, *spec.scores, *spec.window_alarms, *spec.row_alarms]


def families_of(node: Node) -> list[Family]:
    match node:
        case KpiNode() | WindowAlarmNode():
            return [node.family, *node.reader.families.values()]
        case SessionNode():
            return [node.family]
    return []


def recount(node: Node, family: Family) -> None:
    """More of a family is there than when the node was made; nothing above E has been judged yet."""
    if isinstance(node, KpiNode | WindowAlarmNode) and any(each is family for each in families_of(node)):
        node.reader.recount(family)
        if isinstance(node, KpiNode):
            node.counts_from = node.family.counts_from(node.spec.window.width_ms, ())


def offer(wire: Wire, stream: str, frame: Frame, meaning: str) -> None:
    """Rows for a node that joins or scores them, those between its beginning and its end."""
    mask = (frame.time >= wire.begins_ms) & (frame.time < wire.until_ms)
    if not mask.any():
        return
    rows = frame if mask.all() else frame.take(mask)
    if isinstance(wire.node, JoinNode):
        wire.node.add(stream, rows)
    elif isinstance(wire.node, ScoreNode) and wire.node.spec.input_meaning == meaning:
        wire.node.add(rows)


def heard_by(node: Node) -> set[str]:
    """The streams whose rows a node takes in, through its families or itself."""
    match node:
        case RowAlarmNode():
            return {node.spec.stream, *(() if node.spec.sequence is None else node.spec.sequence.also)}
        case JoinNode():
            return set(node.names)
        case ScoreNode():
            return {node.spec.stream}
    return {family.spec.stream for family in families_of(node)}


def rules_of(node: Node) -> set[str]:
    """The rules that a node judges."""
    match node:
        case KpiNode() | SessionNode() | WindowAlarmNode() | RowAlarmNode():
            return {member.name for member in node.spec.members}
    return set()


def names_of(node: Node) -> set[str]:
    """The alarms that a node judges."""
    return set() if isinstance(node, KpiNode | SessionNode) else rules_of(node)


def share_rules(old: Node, new: Node, renamed: Mapping[str, str] = MappingProxyType({})) -> bool:
    """Whether state of the one can go on in the other.

    Alarms do in a rule of the same name (or of the name that it has now), keys and kind; open sessions in a KPI of the
    same name on the same panes; what a model keeps of keys where the vectors are the same. One that is judged at once
    can't wait for one that lags behind by the watermark, or reads other rows: rows of its neighbours would have to wait
    with it.
    """
    if isinstance(old, RowAlarmNode) and isinstance(new, RowAlarmNode) and _would_wait(old, new):
        return False
    for kind in (WindowAlarmNode, RowAlarmNode):
        if isinstance(old, kind) and isinstance(new, kind):
            names = {renamed.get(name, name) for name in names_of(old)}
            if type(old) is not type(new):
                return False
            keys = [key.name for key in old.spec.shape.keys] == [key.name for key in new.spec.shape.keys]
            return keys and not names.isdisjoint(names_of(new))
    if isinstance(old, SessionNode) and isinstance(new, SessionNode):
        return rules_of(old) == rules_of(new) and old.family is new.family
    if isinstance(old, ScoreNode) and isinstance(new, ScoreNode):
        return old.spec.meaning == new.spec.meaning
    return False


def _would_wait(old: RowAlarmNode, new: RowAlarmNode) -> bool:
    return not new.spec.ordered and (old.spec.ordered or old.spec.stream != new.spec.stream)


def renamed(old: StageSpec, new: StageSpec) -> dict[str, str]:
    """Alarms that have another name and the same meaning: a name that is gone → the one that came for it."""
    before, after = _alarms(old), _alarms(new)
    gone: dict[str, list[str]] = {}
    for name in sorted(before.keys() - after.keys()):
        gone.setdefault(before[name], []).append(name)
    found: dict[str, str] = {}
    for name in sorted(after.keys() - before.keys()):
        same = gone.get(after[name])
        if same:
            found[same.pop(0)] = name
    return found


def _alarms(spec: StageSpec) -> dict[str, str]:
    """Name → meaning."""
    members = [m for alarm in spec.window_alarms for m in alarm.members]
    members += [m for alarm in spec.row_alarms for m in alarm.members]
    return {member.name: member.meaning for member in members}
