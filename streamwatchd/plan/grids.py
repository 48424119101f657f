"""At which instants of what it sends a stage must tell later ones of its watermark.

A watermark goes to every partition of the exchange, so it is sent only where somebody may be due: at the ends of panes,
which senders know, and at the instants of these grids. Whoever waits for a derived stream waits for what it is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from streamwatchd.operators.grid import Grid, holds, moved
from streamwatchd.operators.spec import Flap, KpiSpec, RowAlarmSpec, WindowAlarmSpec
from streamwatchd.operators.stage_spec import LogicalPlan, StageSpec
from streamwatchd.plan.placement import Node, nodes, stages

EACH_MS: Grid = (1, 0)
_MINUTES: Grid = (60_000, 0)
"""What needs no event is told at full minutes, and storms of keys end there."""
_NEVER_MS = 2**60

RowsAt = Callable[[str], int]
"""By the name of a stream: its rows are at the last ms before multiples of so many ms."""


def with_grids(plan: LogicalPlan) -> LogicalPlan:
    """The plan whose stages know when to tell later ones."""
    rows_at = _rows_at(plan)
    asked: dict[str, set[Grid]] = {}
    """What later stages ask of a stream, by its name there."""
    later: list[StageSpec] = []
    for stage in reversed(plan.later):
        stage = _with(stage, asked, rows_at)
        later.insert(0, stage)
        for stream in stage.inputs:
            asked.setdefault(stream, set()).update(_asked_of(stage, stream, rows_at))
    return replace(
        plan, first={name: _with(stage, asked, rows_at) for name, stage in plan.first.items()}, later=tuple(later)
    )


def _with(stage: StageSpec, asked: dict[str, set[Grid]], rows_at: RowsAt) -> StageSpec:
    sent = {feed.stream for feed in stage.feeds} | {family.stream for family in stage.sends}
    return replace(stage, grids={stream: _fewest({_MINUTES, *asked.get(stream, ())}) for stream in sorted(sent)})


def _fewest(grids: Iterable[Grid]) -> tuple[Grid, ...]:
    """Without those of whose instants another one has all."""
    found: list[Grid] = []
    for grid in sorted(set(grids)):
        if not any(holds(other, grid) for other in found):
            found.append(grid)
    return tuple(found)


def _rows_at(plan: LogicalPlan) -> RowsAt:
    known: dict[str, int] = {}
    for _, stage in stages(plan):
        known |= {member.name: 1 if k.session_ms else k.every_ms for k in stage.kpis for member in k.members}
    for _, stage in stages(plan):
        known |= {feed.name: known[feed.stream] for feed in stage.feeds if feed.stream in known}
        known |= {each.name: known.get(each.inputs[0][0], 1) for each in stage.joins}
        known |= {each.name: known.get(each.stream, 1) for each in stage.scores}
    return lambda stream: known.get(stream, 1)


# what is asked


def _asked_of(stage: StageSpec, stream: str, rows_at: RowsAt) -> Iterator[Grid]:
    """Of an input: by the nodes that wait for it, and by later stages, which wait for what is made of it here."""
    for node in nodes(stage):
        if stream in stage.roots[node.id]:
            yield from _at_pace(stage, node.id, _instants(node, stage, rows_at))
    for family in stage.sends:
        if stream in stage.roots.get(family.stream, ()):
            yield from _at_pace(stage, family.stream, [(min(table.width_ms for table in family.tables), 0)])
    for feed in stage.feeds:
        if stream in stage.roots.get(feed.stream, ()):
            own = (feed.step_ms if feed.everywhere else rows_at(feed.stream), 0)
            yield from _at_pace(stage, feed.stream, [own, *stage.grids[feed.stream]])


def _at_pace(stage: StageSpec, name: str, grids: Iterable[Grid]) -> Iterable[Grid]:
    """What goes on by multiples of a pace waits for these alone."""
    return [(stage.paces[name], 0)] if name in stage.paces else grids


def _instants(node: Node, stage: StageSpec, rows_at: RowsAt) -> Iterator[Grid]:
    match node:
        case KpiSpec() if node.session_ms:
            family = next(family for family in stage.families if family.id == node.family)
            step_ms = rows_at(family.stream)
            yield (node.session_ms, 0) if family.route is not None else moved((step_ms, -1), node.session_ms)
        case KpiSpec() | WindowAlarmSpec():
            yield node.every_ms, 0
        case RowAlarmSpec():
            yield from _of_rows(node, rows_at(node.stream))


def _of_rows(node: RowAlarmSpec, step_ms: int) -> Iterator[Grid]:
    """When rows are judged, and what comes without one: of rows of KPIs, whose times are known."""
    rows, judged = (step_ms, -1 % step_ms), (step_ms, 0)
    ticks = [] if node.every_ms == 1 else [(node.every_ms, 0)]
    if node.every_ms == 1:
        ticks += [moved(judged, wait) for wait in (node.silence_ms, node.forget_ms) if 0 < wait < _NEVER_MS]
    also = () if node.sequence is None else node.sequence.also
    if also or step_ms == 1:
        yield EACH_MS
        return
    yield from (judged, _MINUTES, *ticks)
    if node.sequence is not None:
        yield moved(judged, node.sequence.within_ms)
        rows_too = moved(rows, node.sequence.within_ms)
        yield from _calm((rows, rows_too, *ticks), node.flaps)
    else:
        yield from _calm((rows, *ticks), node.flaps)


def _calm(changes: Iterable[Grid], flaps: Iterable[Flap]) -> Iterator[Grid]:
    """When keys can flap no more: changes are that far back."""
    return (moved(each, flap.window_ms) for each in changes for flap in flaps)
