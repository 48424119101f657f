"""A node or a feed at work between two changes, and what of it outlives a change."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamwatchd.operators.family import BEGINNING, FOREVER
from streamwatchd.operators.kpi import KpiNode
from streamwatchd.operators.node import Node
from streamwatchd.operators.row_alarm import RowAlarmNode
from streamwatchd.operators.session import SessionNode
from streamwatchd.operators.spec import JoinSpec, KpiSpec, RowAlarmSpec, RowFeedSpec, StageSpec, WindowAlarmSpec
from streamwatchd.operators.window_alarm import WindowAlarmNode

NodeSpec = KpiSpec | JoinSpec | WindowAlarmSpec | RowAlarmSpec


@dataclass(slots=True)
class Wire:
    """A node at work: it judges instants in (begins, until], and rows from `begins` on and before `until`.

    `after` are the retired nodes whose alarms it takes over before it judges.
    """

    node: Node
    spec: NodeSpec
    begins_ms: int = BEGINNING
    until_ms: int = FOREVER
    after: list[str] = field(default_factory=list)


@dataclass(slots=True)
class FeedWire:
    spec: RowFeedSpec
    begins_ms: int = BEGINNING
    until_ms: int = FOREVER


def beginning_at(node: Node, begins_ms: int) -> Node:
    """Windows are judged at instants above E only."""
    if isinstance(node, KpiNode | WindowAlarmNode) and begins_ms > BEGINNING:
        node.begins_ms = begins_ms
    return node


def node_specs(spec: StageSpec) -> list[NodeSpec]:
    return [*spec.kpis, *spec.joins, *spec.window_alarms, *spec.row_alarms]


def families_of(node: Node) -> set[str]:
    match node:
        case KpiNode() | WindowAlarmNode():
            return {node.family.spec.id, *(reading.family for reading in node.reader.readings)}
        case SessionNode():
            return {node.family.spec.id}
    return set()


def share_rules(old: Node, new: Node) -> bool:
    """Whether alarms of the one can go on as alarms of the other: a rule of the same name, keys and kind."""
    for kind in (WindowAlarmNode, RowAlarmNode):
        if isinstance(old, kind) and isinstance(new, kind):
            names = {member.name for member in old.spec.members}
            keys = [key.name for key in old.spec.shape.keys] == [key.name for key in new.spec.shape.keys]
            return keys and any(member.name in names for member in new.spec.members)
    return False
