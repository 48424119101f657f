"""How far a task has come: up to where everything has come of each stream, and up to where it has said so."""

from __future__ import annotations

from collections.abc import Mapping

from streamwatchd.operators.asking import BEGINNING
from streamwatchd.operators.family import Family
from streamwatchd.operators.node import Node
from streamwatchd.operators.spec import FamilySpec
from streamwatchd.operators.turn import at_pace


class Progress:
    """`limits` are, per input stream, the instants up to which everything has arrived (watermark + 1).

    `begun` are the same instants as the first watermark left them. `roots` say on which inputs a stream of this task
    rests, `paces` by multiples of how many ms it goes on, where it does not with every one.
    """

    def __init__(self) -> None:
        self.limits: dict[str, int] = {}
        self.begun: dict[str, int] = {}
        self.wanted: frozenset[str] = frozenset()
        """The streams of which later stages want to know where time began."""
        self.sent: dict[str, int] = {}
        self.roots: dict[str, frozenset[str]] = {}
        self.paces: Mapping[str, int] = {}

    def go_on(self, limits: Mapping[str, int]) -> None:
        for stream, limit in limits.items():
            if stream in self.limits:
                self.limits[stream] = max(self.limits[stream], limit)

    def begin(self, stream: str, limit: int) -> None:
        """The first watermark of an input, or of one of those who feed it: the least counts."""
        self.begun[stream] = min(limit, self.begun.get(stream, limit))

    def begun_of(self, roots: frozenset[str]) -> int | None:
        """Where time began for what rests on these inputs; None if that is not known."""
        return min((self.begun[stream] for stream in roots if stream in self.begun), default=None)

    def of_roots(self, roots: frozenset[str]) -> int:
        return min((self.limits[stream] for stream in roots), default=BEGINNING)

    def of_node(self, node: Node) -> int:
        return at_pace(self.of_roots(node.roots), self.pace_of(node))

    def pace_of(self, node: Node) -> int:
        """By multiples of how many ms a node goes on; 0: by every one."""
        return self.paces.get(node.id, 0)

    def of_stream(self, stream: str) -> int:
        """Up to where all rows of a stream have come."""
        if stream in self.limits:
            return self.limits[stream]
        return at_pace(self.of_roots(self.roots[stream]), self.paces.get(stream, 0))

    def of_readers(self, spec: FamilySpec) -> int:
        """Up to where every reader of the family has judged."""
        return min([self.of_stream(spec.stream), *self.limits.values()])

    def passed(self, family: Family) -> int:
        """Up to where all is done for which a family is kept."""
        if family.is_sent:
            return self.sent.get(family.spec.stream, BEGINNING)
        return self.of_readers(family.spec)

    def restore(self, limits: Mapping[str, int], sent: Mapping[str, int], begun: Mapping[str, int]) -> None:
        """Of a snapshot; streams that there are no more are left out."""
        self.limits |= {stream: limit for stream, limit in limits.items() if stream in self.limits}
        self.sent, self.begun = dict(sent), dict(begun)
