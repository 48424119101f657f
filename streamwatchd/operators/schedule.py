"""Which nodes of a flow are due when: none is asked before what it waits for has passed an instant of its own.

Nodes that wait for the same streams and judge at multiples of the same step are one group, so the cost of looking goes
with the groups, and the cost of asking with what is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush

from streamwatchd.operators.asking import BEGINNING
from streamwatchd.operators.kpi import KpiNode
from streamwatchd.operators.node import Node
from streamwatchd.operators.turn import NO_TURN, Turn, at_pace, turn_of
from streamwatchd.operators.window_alarm import WindowAlarmNode

LimitOf = Callable[[frozenset[str]], int]
"""Up to where everything has come of the streams that are named; `BEGINNING` before all time."""


@dataclass(slots=True)
class Group:
    """Nodes, by their places in the order, that may judge up to `limit_ms`."""

    roots: frozenset[str]
    pace_ms: int
    step_ms: int
    places: list[int] = field(default_factory=list)
    limit_ms: int = BEGINNING

    def goes_on(self, limit_of: LimitOf) -> bool:
        """Take up the limit of now; whether it has passed an instant at which these nodes can be due."""
        before, limit = self.limit_ms, limit_of(self.roots)
        if limit == BEGINNING:
            return False
        self.limit_ms = at_pace(limit, self.pace_ms)
        return self.limit_ms // self.step_ms > before // self.step_ms


def step_of(node: Node) -> int:
    """The node judges at multiples of this, in ms."""
    return node.spec.every_ms if isinstance(node, KpiNode | WindowAlarmNode) else 1


class Schedule:
    """All nodes of a flow in the order in which they judge at one instant, none of them about to end.

    What comes in between two rounds is later than the limits of the first, so it makes nothing due up to these; what
    comes in during a round, from nodes that judge, does: then who heard of it is asked again.
    """

    def __init__(self, nodes: Mapping[str, Node], paces: Mapping[str, int]) -> None:
        self._names, self._nodes = list(nodes), list(nodes.values())
        self._places = dict(zip(self._names, range(len(self._names)), strict=True))
        groups: dict[tuple[frozenset[str], int, int], Group] = {}
        self._group_of: list[Group] = []
        for place, node in enumerate(self._nodes):
            key = (node.roots, paces.get(node.id, 0), step_of(node))
            group = groups.setdefault(key, Group(*key))
            group.places.append(place)
            self._group_of.append(group)
        self._groups = list(groups.values())
        self._due: dict[int, Turn] = {}
        self._queue: list[tuple[Turn, int]] = []

    def begin(self, limit_of: LimitOf) -> None:
        """A round: ask whoever may be due up to the limits that hold now."""
        for group in self._groups:
            if group.goes_on(limit_of):
                for place in group.places:
                    self._ask(place)

    def ask(self, names: Iterable[str]) -> None:
        """Ask nodes that have judged, or heard something."""
        for name in names:
            self._ask(self._places[name])

    def _ask(self, place: int) -> None:
        group = self._group_of[place]
        instant = None if group.limit_ms == BEGINNING else self._nodes[place].due(group.limit_ms)
        turn = turn_of(instant, group.pace_ms)
        if turn is NO_TURN:
            self._due.pop(place, None)
        elif self._due.get(place) != turn:
            self._due[place] = turn
            heappush(self._queue, (turn, place))

    def pop(self) -> tuple[int, str] | None:
        """The instant at which a node is due whose turn is next, and of those that are the first in order; None: none
        is."""
        while self._queue:
            turn, place = heappop(self._queue)
            if self._due.get(place) == turn:
                del self._due[place]
                return turn[-1], self._names[place]
        return None
