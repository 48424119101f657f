"""Which members of a family of row alarms judge which rows, by the constants that their filters ask for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import Frame, Strings
from streamwatchd.operators.document import picked
from streamwatchd.operators.evaluate import Evaluator
from streamwatchd.operators.spec import RowAlarmSpec

Index = npt.NDArray[np.intp]


class Chooser:
    """Members by the lifted constants that they ask for: one look-up per dictionary entry."""

    def __init__(self, spec: RowAlarmSpec) -> None:
        self.lifted = spec.lifted
        self.members: dict[tuple[str, ...], list[int]] = {}
        for number, member in enumerate(spec.members):
            self.members.setdefault(member.constants, []).append(number)

    def choose(self, frame: Frame, evaluator: Evaluator) -> tuple[Index, Index]:
        columns = [evaluator.column(expr, frame) for expr in self.lifted]
        codes = np.zeros(len(frame), np.int64)
        for column in columns:
            assert isinstance(column, Strings)
            codes = codes * (len(column.dictionary.names) + 1) + column.codes + 1
        _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
        names = zip(*(picked(column, first.tolist()) for column in columns), strict=True)
        groups = [self.members.get(name, []) for name in names]
        sizes = np.array([len(group) for group in groups], np.intp)
        starts = np.concatenate([[0], np.cumsum(sizes)])[:-1]
        flat = np.array([m for group in groups for m in group], np.intp)
        per_row = sizes[inverse]
        rows = np.repeat(np.arange(len(frame)), per_row)
        offset = np.arange(len(rows)) - np.repeat(np.cumsum(per_row) - per_row, per_row)
        return rows, flat[starts[inverse][rows] + offset] if len(rows) else np.zeros(0, np.intp)
