"""Keys that are expected: rows of a dimension table, known from the later of the row's and the rule's taking effect.

Who is expected at T is what the tables in force just before T say; it is looked up when one of them is new.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.aggregates.accumulator import grown
from streamwatchd.batch import TRUE, Column, Dictionary, Frame, Strings, Times
from streamwatchd.lang.typed import TableColumn, walk
from streamwatchd.operators.evaluate import KEY, Evaluator
from streamwatchd.operators.keyspace import KeySpace, KeyTuple
from streamwatchd.operators.known import UNKNOWN
from streamwatchd.operators.spec import ExpectSpec

Mask = npt.NDArray[np.bool_]
Owns = Callable[[KeyTuple], bool]
"""Whether rows with these key values come to this task."""


def owns_all(_: KeyTuple) -> bool:
    """A task that is alone at its stage."""
    return True


class Expected:
    """`since` has one entry a key id: since when the key is expected, `UNKNOWN` for those that are not."""

    def __init__(self, spec: ExpectSpec, space: KeySpace, evaluator: Evaluator, owns: Owns) -> None:
        self.spec, self._space, self._evaluator, self._owns = spec, space, evaluator, owns
        named = walk(spec.where) if spec.where is not None else ()
        others = {node.table for node in named if isinstance(node, TableColumn)}
        self.tables = tuple(sorted({spec.table, *others}))
        self.since: Times = np.zeros(0, np.int64)
        self.seen: dict[str, str] = {}
        """The digests of the tables that were looked up last."""

    def at(self, judged_ms: int, begins_ms: int) -> Mask:
        """Look up who is expected at T, by a rule in force from an instant on; which keys are no more."""
        self.since = grown(self.since, len(self._space), UNKNOWN)
        dimensions = self._evaluator.dimensions
        now = {name: dimensions.at(name, judged_ms - 1).digest for name in self.tables}
        gone: Mask = np.zeros(len(self._space), bool)
        if now == self.seen:
            return gone
        fresh = [name for name in self.tables if now[name] != self.seen.get(name)]
        started = max(dimensions.started(name, judged_ms - 1) for name in fresh)
        self.seen = now
        members = self._members(judged_ms)
        self.since = grown(self.since, len(self._space), UNKNOWN)
        wanted = np.zeros(len(self._space), bool)
        wanted[members] = True
        gone = (self.since != UNKNOWN) & ~wanted
        self.since[gone] = UNKNOWN
        self.since[wanted & (self.since == UNKNOWN)] = max(started, begins_ms)
        return gone

    def _members(self, judged_ms: int) -> npt.NDArray[np.intp]:
        """The ids of the rows that are keys of this task."""
        rows = self._evaluator.dimensions.at(self.spec.table, judged_ms - 1).rows
        names = [name for name in rows if self._is_mine(name)]
        frame = Frame(np.full(len(names), judged_ms - 1, np.int64), {KEY + self.spec.key.name: self._column(names)})
        if self.spec.where is not None and names:
            chosen = np.flatnonzero(self._evaluator.truths(self.spec.where, frame) == TRUE).tolist()
            names = [names[place] for place in chosen]
        return np.array([self._space.id_of((self._value(name),)) for name in names], np.intp)

    def _is_mine(self, name: str) -> bool:
        try:
            key = (self._value(name),)
        except ValueError:
            return False  # no number, so no event can have it
        return self._owns(tuple(key[place] for place in self.spec.route))

    def _value(self, name: str) -> float | str:
        return float(name) if self.spec.key.kind == "number" else name

    def _column(self, names: list[str]) -> Column:
        if self.spec.key.kind == "number":
            return np.array([float(name) for name in names], np.float64)
        dictionary = Dictionary()
        return Strings(dictionary.encode(names), dictionary)

    def next_change(self, done_ms: int) -> int | None:
        """The instant of the next tables after a judgement at T, as far as they are known."""
        return self._evaluator.dimensions.next_change(self.tables, done_ms)

    # snapshots and switches

    def snapshot(self) -> list[Any]:
        ids = np.flatnonzero(self.since != UNKNOWN)
        return [dict(self.seen), [list(self._space.keys[id]) for id in ids.tolist()], self.since[ids]]

    def restore(self, state: Any) -> None:
        self.seen, keys, since = state
        ids = [self._space.id_of(tuple(key)) for key in keys]
        self.since = grown(self.since, len(self._space), UNKNOWN)
        self.since[np.array(ids, np.intp)] = since

    def adopt(self, old: Expected) -> None:
        """Another version of the rule: whoever was expected from the same table has been since then."""
        if old.spec.table == self.spec.table and old.spec.key.kind == self.spec.key.kind:
            _, keys, since = old.snapshot()
            self.restore([{}, keys, since])
            # whoever the new rule expects beside them is known from its own beginning on
            self.seen = dict.fromkeys(self.tables, "")
