"""Whose the late events of a source are: the rules that would have read them, had they come in time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import TRUE, Frame
from streamwatchd.lang.typed import Expr
from streamwatchd.operators.flow import Flow
from streamwatchd.operators.row_alarm import RowAlarmNode

Mask = npt.NDArray[np.bool_]


def late_readers(flow: Flow, stream: str, frame: Frame) -> Iterator[tuple[str, Mask]]:
    """Panes, alarms on rows, models and rows that travel, by their ids, and which of the rows each would have read."""
    spec = flow.spec
    for family in {each.id: each for each in (*spec.families, *spec.sends)}.values():
        if family.stream == stream and not family.meaning and family.id in flow.families:
            yield family.id, flow.families[family.id].takes(frame)
    for alarm in spec.row_alarms:
        node = flow.nodes.get(alarm.id)
        if alarm.stream == stream and isinstance(node, RowAlarmNode):
            yield alarm.id, node.takes(frame)
    for score in spec.scores:
        if score.stream == stream:
            yield score.id, _where(flow, score.where, frame)
    for feed in spec.feeds:
        if feed.stream == stream:
            yield feed.name, _where(flow, feed.where, frame)


def _where(flow: Flow, where: Expr | None, frame: Frame) -> Mask:
    return np.ones(len(frame), bool) if where is None else flow.evaluator.truths(where, frame) == TRUE
