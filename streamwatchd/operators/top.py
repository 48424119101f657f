"""The keys of a KPI with the greatest value: who comes in, who stays in a little lower, and at which rank."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import Frame, to_values
from streamwatchd.operators.evaluate import KEY, VALUE
from streamwatchd.operators.keyspace import KeyTuple, KeyValue
from streamwatchd.operators.spec import TopKpiSpec

Rows = npt.NDArray[np.intp]


class Top:
    """Who is in, per group of KPIs that share their rows, by the constants that they share."""

    def __init__(self, spec: TopKpiSpec) -> None:
        self._spec = spec
        self.inside: dict[tuple[str, ...], frozenset[KeyTuple]] = {}

    def chosen(self, frame: Frame, rows: Rows, constants: tuple[str, ...]) -> dict[int, int]:
        """Of these rows of one window those that are written, with their ranks: row → 1, 2, …

        Greatest first, of equal values the first key; null has no rank.
        """
        values = to_values(frame.columns[VALUE + self._spec.value])
        keys = self._keys(frame)
        ranked = sorted((row for row in rows.tolist() if values[row] is not None), key=lambda r: (-values[r], keys[r]))  # type: ignore[operator]
        before = self.inside.get(constants, frozenset())
        found = {
            row: rank
            for rank, row in enumerate(ranked[: self._spec.until], 1)
            if rank <= self._spec.most or keys[row] in before
        }
        self.inside[constants] = frozenset(keys[row] for row in found)
        return found

    def _keys(self, frame: Frame) -> list[KeyTuple]:
        columns = [to_values(frame.columns[KEY + key.name]) for key in self._spec.keys]
        return [tuple(_known(value) for value in key) for key in zip(*columns, strict=True)]

    def snapshot(self) -> list[object]:
        return [[list(constants), [list(key) for key in sorted(keys)]] for constants, keys in self.inside.items()]

    def restore(self, state: Any) -> None:
        self.inside = {tuple(constants): frozenset(tuple(key) for key in keys) for constants, keys in state}


def _known(value: KeyValue | None) -> KeyValue:
    assert value is not None
    return value
