"""What KPIs and alarms on windows share: aggregates read at T become columns of a frame, one row a key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from streamwatchd.aggregates.base import Span
from streamwatchd.aggregates.shelf import aggregate
from streamwatchd.batch import Column, Frame, Strings
from streamwatchd.operators.evaluate import KEY, VALUE, Evaluator
from streamwatchd.operators.family import Family
from streamwatchd.operators.keyspace import KeyNumbers, KeySpace, KeyTuple
from streamwatchd.operators.late import Amending, View
from streamwatchd.operators.spec import KeyColumn, Reading, ValueSpec, Window

Index = npt.NDArray[np.intp]

SILENCE = -1.0
"""The quantile of the count that says whether a key is silent; no other aggregate has it."""


class Reader:
    """Reads the aggregates of one rule, from what the families have when the rule takes effect.

    Per reading, `counts_from` is the instant from which panes have what it reads: what lies before is not read, however
    much of it happens to be there. A window is whole if it begins at or after `whole_from`.
    """

    def __init__(
        self, readings: Sequence[Reading], families: Mapping[str, Family], base: Family, evaluator: Evaluator
    ) -> None:
        self.readings = tuple(readings)
        self.families = {reading.family: families[reading.family] for reading in readings}
        self.counts_from = [self._counts_from(reading) for reading in readings]
        self.whole_from = [self._whole_from(reading) for reading in readings]
        self.base = base
        self._evaluator = evaluator
        self._projections: dict[tuple[int, ...], KeyNumbers] = {}

    def _counts_from(self, reading: Reading) -> int:
        return self.families[reading.family].counts_from(reading.window.width_ms, reading.accumulations)

    def _whole_from(self, reading: Reading) -> int:
        return max(self._counts_from(reading), self.families[reading.family].begins_ms)

    def recount(self, family: Family) -> None:
        """Of one of the families more is there than there was."""
        for number, reading in enumerate(self.readings):
            if self.families[reading.family] is family:
                self.counts_from[number] = self._counts_from(reading)
                self.whole_from[number] = self._whole_from(reading)

    def fill(self, frame: Frame, judged_ms: int, ids: Index | None, *, once: bool, view: View | None = None) -> None:
        """Put every aggregate at T into the frame, for the base family's keys `ids` (None: all, in order).

        `once` says that no key stands twice in `ids`: then nothing is read for other keys. A `view` adds what came
        late, but not to what says whether a key is silent.
        """
        for reading, from_ms in zip(self.readings, self.counts_from, strict=True):
            seen = None if reading.aggregate.quantile == SILENCE else view
            if reading.project is None and once:
                column = self._column(reading, judged_ms, ids, from_ms, seen)
            else:
                index = self._index(reading, ids)
                column = self._column(reading, judged_ms, None, from_ms, seen)
                column = column if index is None else _padded_take(column, index)
            self._evaluator.put(frame, reading.aggregate, column)

    def peek(self, frame: Frame, judged_ms: int, key: int) -> bool:
        """As `fill` for one key at a T that was judged, changing nothing; False where the key has not been read yet."""
        for reading, from_ms in zip(self.readings, self.counts_from, strict=True):
            mine = key
            if reading.project is not None:
                numbers = self._projections.get(reading.project)
                if numbers is None or key >= len(numbers.known):
                    return False
                mine = int(numbers.known[key])
            column = self._column(reading, judged_ms, np.array([mine], np.intp), from_ms, None)
            self._evaluator.put(frame, reading.aggregate, column)
        return True

    def is_whole(self, window: Window, judged_ms: int) -> bool:
        """Whether all of a window at T has been kept for each aggregate that reads it."""
        start = window.start(judged_ms)
        return all(
            start >= since for since, r in zip(self.whole_from, self.readings, strict=True) if r.window == window
        )

    def is_kept(self, window: Window, since_ms: int) -> bool:
        """Whether all that a window reads has been kept since an instant."""
        return all(
            since_ms >= since for since, r in zip(self.whole_from, self.readings, strict=True) if r.window == window
        )

    def snapshot(self) -> list[list[int]]:
        return [self.counts_from, self.whole_from]

    def restore(self, state: list[list[int]]) -> None:
        self.counts_from, self.whole_from = state

    def touched(self, judged_ms: int, view: View) -> npt.NDArray[np.bool_]:
        """The base family's keys of which a window at T holds something that a view has of what came late."""
        touched = np.zeros(len(self.base.space), bool)
        for reading, from_ms in zip(self.readings, self.counts_from, strict=True):
            family = self.families[reading.family]
            if family.late and reading.aggregate.quantile != SILENCE:
                here = family.late_counts(reading.window, judged_ms, from_ms, view) > 0
                touched |= here if reading.project is None else _padded(here, self._projection(reading))
        return touched

    def takings(self, amending: Amending) -> Iterator[tuple[int, int]]:
        """(First T that reads it, start of its pane) of all that came late and is taken in."""
        for family in dict.fromkeys([self.base.spec.id, *self.families]):
            late = self.base.late if family == self.base.spec.id else self.families[family].late
            if late:
                yield from late.takings(amending)

    def _column(self, reading: Reading, judged_ms: int, keys: Index | None, from_ms: int, view: View | None) -> Column:
        """The aggregate for `keys` of its own family, each once (None: all)."""
        family = self.families[reading.family]
        states = [family.read(a, reading.window, judged_ms, keys, from_ms, view) for a in reading.accumulations]
        size = len(family.space) if keys is None else len(keys)
        end = reading.window.end(judged_ms)
        span = Span(end - reading.window.start(judged_ms), end)
        return aggregate(reading.function).finish(states, size, reading.aggregate, span)

    def _index(self, reading: Reading, ids: Index | None) -> Index | None:
        if reading.project is None:
            return ids
        mapped = self._projection(reading)
        return mapped if ids is None else mapped[ids]

    def _projection(self, reading: Reading) -> Index:
        project = reading.project
        assert project is not None
        if project not in self._projections:
            source, target = self.base.space, self.families[reading.family].space

            def there(key: KeyTuple) -> int:
                """A key that is forgotten leads nowhere: it must not call another into being."""
                return 0 if source.find(key) is None else target.id_of(tuple(key[i] for i in project))

            self._projections[project] = KeyNumbers(self.base.space, there)
        return self._projections[project].follow()

    def projected(self) -> Iterator[tuple[KeySpace, Index]]:
        """Ids of other spaces to which keys of the base family lead."""
        spare = self.base.space.spare_ids() if self._projections else np.zeros(0, np.intp)
        for reading in self.readings:
            if reading.project in self._projections:
                known = self._projections[reading.project].known
                there = np.ones(len(known), bool)
                there[spare[spare < len(known)]] = False
                yield self.families[reading.family].space, np.unique(known[there])


def _padded(mask: npt.NDArray[np.bool_], index: Index) -> npt.NDArray[np.bool_]:
    """mask[index], false for keys that the projection has just made."""
    grown = np.zeros(max(len(mask), int(index.max(initial=-1)) + 1), bool)
    grown[: len(mask)] = mask
    return grown[index]


def _padded_take(column: Column, index: Index) -> Column:
    """Like take, for keys that the projection has just made and the column does not have yet."""
    size = int(index.max(initial=-1)) + 1
    if len(column) >= size:
        return column.take(index) if isinstance(column, Strings) else column[index]
    if isinstance(column, Strings):
        codes = np.full(size, -1, np.int32)
        codes[: len(column)] = column.codes
        return Strings(codes[index], column.dictionary)
    padded = np.full(size, 1 if column.dtype == np.int8 else np.nan, column.dtype)
    padded[: len(column)] = column
    return padded[index]


def key_frame(space: KeySpace, keys: Sequence[KeyColumn], skip: int, ids: Index | None, time_ms: int) -> Frame:
    """A frame with one row a key and the key values as columns; `skip` leading keys of the space are not the rule's."""
    size = len(space) if ids is None else len(ids)
    columns: dict[str, Column] = {}
    for position, key in enumerate(keys):
        column = space.column(position + skip, key.kind)
        columns[KEY + key.name] = column if ids is None else _padded_take(column, ids)
    return Frame(np.full(size, time_ms, np.int64), columns)


def fill_values(frame: Frame, values: Sequence[ValueSpec], evaluator: Evaluator) -> None:
    """Evaluate `values:` in order; later ones may read earlier ones."""
    evaluator.forget_values(frame)
    for value in values:
        frame.columns[VALUE + value.name] = evaluator.column(value.expr, frame)
