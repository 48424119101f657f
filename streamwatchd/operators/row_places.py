"""The alarms of a node that judges rows, by number: a *place* is a member (rule) and a key."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import Column, Frame, Strings
from streamwatchd.lang.typed import NUMBER
from streamwatchd.operators.document import Document, plain
from streamwatchd.operators.evaluate import KEY, Evaluator, NullFrame, Param
from streamwatchd.operators.judging import fill_values
from streamwatchd.operators.keyspace import KeySpace
from streamwatchd.operators.spec import RowAlarmSpec
from streamwatchd.operators.storm import Name

Pair = tuple[int, int]
"""The number of a member, and the id of a key."""


class RowPlaces:
    """`places` gives the number of a pair, `pairs` the pair of a number; a number that was let go is given again."""

    def __init__(self, spec: RowAlarmSpec, space: KeySpace, evaluator: Evaluator) -> None:
        self._spec, self._space, self._evaluator = spec, space, evaluator
        self.places: dict[Pair, int] = {}
        self.pairs: list[Pair] = []
        self._free: list[int] = []

    def place(self, pair: Pair) -> int:
        place = self.places.get(pair)
        if place is None:
            if self._free:
                place = self._free.pop()
                self.pairs[place] = pair
            else:
                place = len(self.pairs)
                self.pairs.append(pair)
            self.places[pair] = place
        return place

    def let_go(self, place: int) -> bool:
        """Whether the number was in use."""
        if self.places.pop(self.pairs[place], None) is None:
            return False
        self._free.append(place)
        return True

    # who that is

    def whose(self, place: int) -> Name:
        number, key = self.pairs[place]
        return number, self._space.keys[key]

    def rule(self, place: int) -> str:
        return self._spec.members[self.pairs[place][0]].name

    def key(self, place: int) -> Document:
        return self.key_of(self.pairs[place][1])

    def key_of(self, key_id: int) -> Document:
        columns, values = self._spec.shape.keys, self._space.keys[key_id]
        return {column.name: plain(value) for column, value in zip(columns, values, strict=True)}

    def name(self, place: int) -> list[object]:
        """Rule and key: what names an alarm under other numbers."""
        return [self.rule(place), *self.whose(place)[1]]

    def by_name(self) -> dict[tuple[object, ...], int]:
        return {tuple(self.name(place)): place for place in self.places.values()}

    # what there is to say without a row

    def bare(self, pairs: Sequence[Pair], times: Sequence[int]) -> Frame:
        """Rows that have nothing but a member and a key: values and fields are null."""
        member, index = np.array(pairs, np.intp).reshape(-1, 2).T
        columns: dict[str, Column] = {}
        for position, key in enumerate(self._spec.shape.keys):
            column = self._space.column(position, key.kind)
            columns[KEY + key.name] = column.take(index) if isinstance(column, Strings) else column[index]
        frame = NullFrame(np.array(times, np.int64), columns)
        self.put_params(frame, member)
        fill_values(frame, self._spec.shape.values, self._evaluator)
        return frame

    def bare_at(self, places: Sequence[int], at_ms: int) -> Frame:
        return self.bare([self.pairs[place] for place in places], [at_ms] * len(places))

    def put_params(self, wide: Frame, member: npt.NDArray[np.intp]) -> None:
        for number in range(len(self._spec.members[0].params)):
            constants = np.array([m.params[number] for m in self._spec.members])
            self._evaluator.put(wide, Param(number, NUMBER), constants[member])
