"""Pane tables that rules share: one family per stream, key set, filter and place."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import gcd

from streamwatchd.aggregates.shelf import aggregate
from streamwatchd.lang.typed import Aggregate, Expr
from streamwatchd.operators.spec import Accumulation, FamilySpec, KeyColumn, TableSpec, Window
from streamwatchd.plan.identity import identity
from streamwatchd.plan.windows import retention_of

ROWS = Accumulation("count", "rows", None, None)


def accumulations_of(node: Aggregate) -> tuple[Accumulation, ...]:
    """What an aggregate keeps per pane."""
    found = []
    for need in aggregate(node.function).needs:
        reads = "rows" if node.arg is None else need.reads
        found.append(Accumulation(need.accumulator, reads, node.arg, node.where))
    return tuple(found)


@dataclass(slots=True)
class FamilyDraft:
    """A family while rules add their needs. `stage` is where it is read; `crosses` if it comes over the exchange."""

    stream: str
    keys: tuple[KeyColumn, ...]
    where: Expr | None
    lifted: int
    stage: int
    route: tuple[int, ...] | None
    session: bool
    meaning: str
    widths: dict[int, dict[Accumulation, int]] = field(default_factory=dict)
    admits: list[set[str]] = field(default_factory=list)
    track_times: bool = False
    forgets: set[tuple[int, int]] = field(default_factory=set)
    max_keys: int = 0

    @property
    def id(self) -> str:
        keys = tuple((key.name, key.expr) for key in self.keys)
        return identity(
            "family", self.stream, keys, self.where, self.lifted, self.stage, self.route, self.session,
            self.meaning,
        )  # fmt: skip

    def need(self, window: Window, accumulations: tuple[Accumulation, ...]) -> None:
        """A reader of `window` needs these accumulations."""
        table = self.widths.setdefault(window.width_ms, {})
        for accumulation in accumulations:
            table[accumulation] = max(table.get(accumulation, 0), retention_of(window))

    def admit(self, constants: tuple[str, ...]) -> None:
        if not self.admits:
            self.admits = [set() for _ in constants]
        for values, constant in zip(self.admits, constants, strict=True):
            values.add(constant)

    def spec(self) -> FamilySpec:
        return FamilySpec(
            id=self.id,
            stream=self.stream,
            keys=self.keys,
            where=self.where,
            admits=tuple(frozenset(values) for values in self.admits),
            tables=self._tables(),
            track_times=self.track_times or bool(self.forgets),
            forgets=tuple(sorted(self.forgets)),
            route=self.route,
            max_keys=self.max_keys,
        )

    def _tables(self) -> tuple[TableSpec, ...]:
        """Finest first. Behind the exchange only the finest is fed, so its width divides all."""
        widths = {width: dict(needs) for width, needs in self.widths.items()}
        if self.route is not None:
            widths.setdefault(gcd(*widths), {})
        order = sorted(widths)
        parents = {width: self._parent(width, order) for width in order}
        for width in reversed(order):
            if parents[width]:
                below = widths[parents[width]]
                for accumulation in widths[width]:
                    below.setdefault(accumulation, 0)
        return tuple(
            TableSpec(width, parents[width], max(widths[width].values(), default=0) + width, tuple(widths[width]))
            for width in order
        )

    @staticmethod
    def _parent(width: int, order: list[int]) -> int:
        """Roll-ups come from the finest table; a width that it does not divide is fed by rows."""
        finest = order[0]
        return finest if width != finest and width % finest == 0 else 0
