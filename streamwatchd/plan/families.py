"""Pane tables that rules share: one family per stream, key set, filter and place."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamwatchd.aggregates.shelf import aggregate
from streamwatchd.lang.typed import Aggregate, Expr, Stepwise
from streamwatchd.operators.spec import Accumulation, FamilySpec, KeyColumn, StepAccumulation, TableSpec, Window
from streamwatchd.plan.identity import identity
from streamwatchd.plan.windows import retention_of

ROWS = Accumulation("count", "rows", None, None)


def accumulations_of(node: Aggregate) -> tuple[Accumulation, ...]:
    """What an aggregate keeps per pane."""
    found: list[Accumulation] = []
    for need in aggregate(node.function).needs:
        reads = "rows" if node.arg is None else need.reads
        if isinstance(node, Stepwise):
            found.append(
                StepAccumulation(need.accumulator, reads, node.arg, node.where, node.series, node.gap_ms, node.bits)
            )
        else:
            found.append(Accumulation(need.accumulator, reads, node.arg, node.where))
    return tuple(found)


@dataclass(slots=True)
class FamilyDraft:
    """A family while rules add their needs. `stage` is where it is read, `route` says that it crosses the exchange.

    `width_ms` is that of its finest panes, which are fed and roll up into all others. It is part of what the family
    is: a rule that comes or goes changes nothing about the panes of the others.
    """

    stream: str
    keys: tuple[KeyColumn, ...]
    where: Expr | None
    lifted: int
    stage: int
    route: tuple[int, ...] | None
    session: bool
    meaning: str
    width_ms: int
    widths: dict[int, dict[Accumulation, int]] = field(default_factory=dict)
    admits: list[set[str]] = field(default_factory=list)
    track_times: bool = False
    forgets: set[tuple[int, int]] = field(default_factory=set)
    max_keys: int = 0
    amend_ms: int = 0

    @property
    def id(self) -> str:
        keys = tuple((key.name, key.expr) for key in self.keys)
        return identity(
            "family", self.stream, keys, self.where, self.lifted, self.stage, self.route, self.session,
            self.meaning, self.width_ms,
        )  # fmt: skip

    def need(self, window: Window, accumulations: tuple[Accumulation, ...], amend_ms: int = 0) -> None:
        """A reader of `window` needs these accumulations, and for so long after the window has ended."""
        table = self.widths.setdefault(window.width_ms, {})
        for accumulation in accumulations:
            table[accumulation] = max(table.get(accumulation, 0), retention_of(window) + amend_ms)
        self.amend_ms = max(self.amend_ms, amend_ms)

    def admit(self, constants: tuple[str, ...]) -> None:
        if not self.admits:
            self.admits = [set() for _ in constants]
        for values, constant in zip(self.admits, constants, strict=True):
            values.add(constant)

    def spec(self) -> FamilySpec:
        return FamilySpec(
            id=self.id,
            stream=self.stream,
            meaning=self.meaning,
            keys=self.keys,
            where=self.where,
            admits=tuple(frozenset(values) for values in self.admits),
            tables=self._tables(),
            track_times=self.track_times or bool(self.forgets),
            forgets=tuple(sorted(self.forgets)),
            route=self.route,
            max_keys=self.max_keys,
            amend_ms=self.amend_ms,
        )

    def _tables(self) -> tuple[TableSpec, ...]:
        """Finest first; its width divides all, and it keeps what they need until they are rolled up."""
        finest = dict(self.widths.get(self.width_ms, {}))
        for needs in self.widths.values():
            for accumulation in needs:
                finest.setdefault(accumulation, 0)
        widths = self.widths | {self.width_ms: finest}
        return tuple(self._table(width, widths[width]) for width in sorted(widths))

    def _table(self, width: int, needs: dict[Accumulation, int]) -> TableSpec:
        assert width % self.width_ms == 0, (width, self.width_ms)
        parent = 0 if width == self.width_ms else self.width_ms
        return TableSpec(width, parent, max(needs.values(), default=0) + width, tuple(needs))
