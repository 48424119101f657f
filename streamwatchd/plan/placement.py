"""Where a rule stands in a plan: its node, its stage, and the pane tables that it reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from streamwatchd.operators.spec import FamilySpec, KpiSpec, Reading, RowAlarmSpec, WindowAlarmSpec
from streamwatchd.operators.stage_spec import LogicalPlan, StageSpec

OWN_ROWS = " rows"
"""What follows the name of an anomaly rule in that of the KPI of its own windows."""

Node = KpiSpec | WindowAlarmSpec | RowAlarmSpec


@dataclass(frozen=True, slots=True)
class Placement:
    """`families` are those that it reads, its own first; `source` is the one whose tasks it runs in (stage 1)."""

    node: Node
    stage: StageSpec
    source: str
    families: tuple[FamilySpec, ...]


def stages(plan: LogicalPlan) -> Iterator[tuple[str, StageSpec]]:
    """Every stage, those of the first with the name of their source."""
    yield from plan.first.items()
    yield from (("", stage) for stage in plan.later)


def nodes(stage: StageSpec) -> Iterator[Node]:
    yield from stage.kpis
    yield from stage.window_alarms
    yield from stage.row_alarms


def rule_names(node: Node) -> tuple[str, ...]:
    """The rules that a node runs; those of one shape are judged together."""
    return tuple(member.name for member in node.members)


def placement(plan: LogicalPlan, rule: str) -> Placement:
    """Raises KeyError for a rule that is not in the plan."""
    for source, stage in stages(plan):
        for node in nodes(stage):
            if rule in rule_names(node):
                return Placement(node, stage, source, tuple(_families(stage, node)))
    raise KeyError(rule)


def readers(plan: LogicalPlan, family: str) -> list[str]:
    """The rules that read a family, in order of name."""
    found = {
        name
        for _, stage in stages(plan)
        for node in nodes(stage)
        if family in _family_ids(node)
        for name in rule_names(node)
    }
    return sorted({name.removesuffix(OWN_ROWS) for name in found})


def readings(node: Node) -> tuple[Reading, ...]:
    return () if isinstance(node, RowAlarmSpec) else node.readings


def _family_ids(node: Node) -> list[str]:
    if isinstance(node, RowAlarmSpec):
        return []
    return list(dict.fromkeys([node.family, *(reading.family for reading in node.readings)]))


def _families(stage: StageSpec, node: Node) -> Iterator[FamilySpec]:
    known = {family.id: family for family in stage.families}
    yield from (known[name] for name in _family_ids(node) if name in known)
