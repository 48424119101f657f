"""What a source partition still holds of the time before a change of rules, for panes that would begin empty.

A second task of the same partition reads the old records once more. It has families of the new rules and no more: it
judges nothing, says nothing and counts nothing, and knows nothing of the task at work. When it has come to where that
one stands, its panes are taken over, at the change and at no other time. So it does not matter in which pieces, how
long before the change, or how often the old records are read.

What made an event late or incredible then was the watermark and the clock of that time. The watermark is made again
from the records. For the clock stands the record's own timestamp: an event stamped more than `max_future` after it is
left out. Watermarks that went on without a record (idleness) are not made again: what was late by these alone counts.
Rows meet the tables that were in force at their time, as far as that is known (`enrichment.table_history`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from streamwatchd.batch import Frame, RawBatch
from streamwatchd.enrichment.table import TableData
from streamwatchd.enrichment.table_history import TableHistory
from streamwatchd.operators.asking import FOREVER
from streamwatchd.operators.dimension import Dimensions
from streamwatchd.operators.gap import Filling, Gap, fill, muted
from streamwatchd.operators.stage_spec import LogicalPlan, SourceSpec, StageSpec
from streamwatchd.shard.stretch import PastLike
from streamwatchd.shard.task import SourceTask

_ANY_TIME = 2**61


class Past:
    """The past of one task. `reach_ms`: so far before the change its panes reach; `tables_ms`: from there on it is
    known what rows of tables were."""

    def __init__(
        self,
        task: SourceTask,
        source: SourceSpec,
        gaps: Mapping[str, Gap],
        history: TableHistory,
        coming: Mapping[str, TableData],
        plan: LogicalPlan,
        max_future_ms: int,
        tables_ms: int | None = None,
    ) -> None:
        """`coming` are the tables of the new rules; before `tables_ms` those in force now count as unchanged."""
        self.tables_ms = history.since_ms if tables_ms is None else tables_ms
        self.gaps = dict(gaps)
        self.reach_ms = max(gap.reach_ms for gap in gaps.values())
        families = task.flow.families
        self._closable = {name: FOREVER if gap.is_new else families[name].closed_ms for name, gap in gaps.items()}
        silent = replace(source, enriched=(), drops_late=True)
        stage = StageSpec(1, (source.name,), (), {}, families=tuple(muted(gap.spec) for gap in gaps.values()))
        dimensions = Dimensions({**coming, **history.past(tables_ms)}, plan.defaults)
        dimensions.switch(_ANY_TIME, coming, plan.defaults)
        self._tables = {name: [each.digest for _, each in found] for name, found in dimensions.versions.items()}
        self._listener = _Listener(task.id, silent, stage, dimensions, 1)
        self._listener.max_future_ms = max_future_ms

    def step(self, raw: RawBatch) -> None:
        """Take in records, in the order of the log."""
        listener = self._listener
        listener.step(raw, _ANY_TIME, 0)
        listener.times.clear()
        listener.take_letters()
        limit_ms = listener.watermark + 1
        for name, family in listener.flow.families.items():
            family.close(min(limit_ms, self._closable[name]))
            family.drop_before(limit_ms)

    def renew(self, newer: PastLike) -> bool:
        """Serve in the place of another one, made since, if that asks for the same: what is lacking is as it says."""
        if not isinstance(newer, Past) or newer.gaps.keys() != self.gaps.keys() or newer._tables != self._tables:
            return False
        if not all(gap.asks_like(newer.gaps[name]) for name, gap in self.gaps.items()):
            return False
        self.gaps = newer.gaps
        return True

    def filling(self, from_ms: int) -> Filling:
        """What is promised to those who will read the panes: rows from `from_ms` on."""
        return Filling(self.gaps, from_ms)

    def fill(self, task: SourceTask, from_ms: int) -> None:
        """Give the panes to the task, which has just been told of the change."""
        for name, gap in self.gaps.items():
            mine, family = self._listener.flow.families[name], task.flow.families[name]
            if not gap.is_new:
                mine.close(family.closed_ms)
            mine.drop_before(self._listener.watermark + 1)
            fill(family, gap, mine, from_ms)
            if gap.is_sent:
                task.flow.outbox.promises.append((family, from_ms))


class _Listener(SourceTask):
    max_future_ms = 0

    def _believed(self, frame: Frame, raw: RawBatch) -> Frame:
        assert frame.position is not None
        stamps = np.asarray(raw.timestamps, np.int64)[frame.position]
        believed = (stamps <= 0) | (frame.time <= stamps + self.max_future_ms)
        return frame if believed.all() else frame.take(believed)
