"""Where keys lie, as a part of what is in force: among how many partitions, and whether they are on their way."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from streamwatchd.operators.stage_spec import LogicalPlan, StageSpec


@dataclass(frozen=True, slots=True)
class Places:
    """`placed` is as in `LogicalPlan`. Of topics that are `settling` some producers write keys to where they lay
    before: who is silent in a partition may speak in another one, so no silence is told there."""

    placed: Mapping[str, int] = field(default_factory=dict)
    settling: tuple[str, ...] = ()

    def of(self, topics: Collection[str]) -> Places:
        """As far as these are concerned, in order."""
        placed = {topic: count for topic, count in sorted(self.placed.items()) if topic in topics}
        return Places(placed, tuple(sorted({*self.settling} & {*topics})))

    def __bool__(self) -> bool:
        return bool(self.placed or self.settling)

    def put_into(self, plan: LogicalPlan) -> LogicalPlan:
        first = {
            name: _without_silence(stage) if plan.sources[name].topic in self.settling else stage
            for name, stage in plan.first.items()
        }
        return replace(plan, first=first, placed=self.placed)


NOWHERE_ELSE = Places()
"""Keys lie where they lay at first."""


def _without_silence(stage: StageSpec) -> StageSpec:
    """As if its alarms had `no_data: keep`."""
    windows = tuple(replace(each, silence=None, silence_action="keep") for each in stage.window_alarms)
    rows = tuple(replace(each, silence_ms=0, silence_action="keep") for each in stage.row_alarms)
    return replace(stage, window_alarms=windows, row_alarms=rows)
