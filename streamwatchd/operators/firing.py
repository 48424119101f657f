"""Whether alarms are up: what their nodes tell of it, and what others make of that.

An alarm's state is rows of a derived stream: its key, and whether it fires from then on. Rows of a judgement at T have
the time T − 1, as rows of KPIs do, so who judges at T too knows of it once all that came before T has come.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from streamwatchd.batch import FALSE, TRUE, Column, Dictionary, Frame, Strings, to_values
from streamwatchd.operators.keyspace import KeyTuple
from streamwatchd.operators.spec import KeyColumn

FIRES = "fires"
"""The column that says whether the alarm is up; no key has such a name, as keys have prefixes."""

Push = Callable[[str, Frame], None]


def stream_of(rule: str) -> str:
    """The stream of an alarm's states; no source or KPI has a space in its name."""
    return f"firing {rule}"


def column_of(key: str) -> str:
    return f"of {key}"


class Telling:
    """What a node tells of its alarms. `names` are the rules of which others want to know."""

    def __init__(self, keys: Sequence[KeyColumn], push: Push) -> None:
        self._keys, self._push = keys, push
        self.names: frozenset[str] = frozenset()
        self.since_ms: int | None = None
        """The instant from which on somebody wants to know, until all that fires then has been told."""
        self._rows: dict[str, list[tuple[int, KeyTuple, bool]]] = {}

    def begin(self, names: frozenset[str], at_ms: int | None) -> None:
        """`at_ms` is when these rules took effect; None at the first start, when nothing can be up."""
        if at_ms is not None and names - self.names:
            self.since_ms = at_ms
        self.names = names

    def note(self, rule: str, key: KeyTuple, at_ms: int, *, fires: bool) -> None:
        if rule in self.names:
            self._rows.setdefault(rule, []).append((at_ms, key, fires))

    def flush(self) -> None:
        """Tell what was noted."""
        for rule, rows in self._rows.items():
            columns: dict[str, Column] = {FIRES: np.array([TRUE if fires else FALSE for *_, fires in rows], np.int8)}
            for place, key in enumerate(self._keys):
                columns[column_of(key.name)] = _column([values[place] for _, values, _ in rows], key.kind)
            self._push(stream_of(rule), Frame(np.array([at for at, *_ in rows], np.int64), columns))
        self._rows = {}


def _column(values: list[Any], kind: str) -> Column:
    if kind == "string":
        dictionary = Dictionary()
        return Strings(dictionary.encode(values), dictionary)
    if kind == "bool":
        return np.array([TRUE if value else FALSE for value in values], np.int8)
    return np.array(values, np.float64)


class FiringStates:
    """The states of a rule's alarms over time, for those who ask at T; `keys` are the names of the rule's keys."""

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = tuple(keys)
        self._changes: dict[KeyTuple, list[tuple[int, int, bool]]] = {}
        self._by: dict[tuple[str, ...], dict[KeyTuple, set[KeyTuple]]] = {}
        self._count = 0

    def take(self, frame: Frame) -> None:
        """Rows of the stream; of one instant the last counts."""
        fires = to_values(frame.columns[FIRES])
        columns = [to_values(frame.columns[column_of(key)]) for key in self.keys]
        keys = list(zip(*columns, strict=True)) if columns else [()] * len(frame)
        for at_ms, key, up in zip(frame.time.tolist(), keys, fires, strict=True):
            self._count += 1
            if key not in self._changes:
                self._changes[key] = []
                for names, index in self._by.items():
                    index.setdefault(self._part(key, names), set()).add(key)
            insort(self._changes[key], (at_ms, self._count, bool(up)))

    def fires(self, names: tuple[str, ...], values: KeyTuple, judged_ms: int) -> bool:
        """Whether any alarm whose keys `names` have these values is up at T."""
        index = self._by.get(names)
        if index is None:
            index = self._by[names] = {}
            for key in self._changes:
                index.setdefault(self._part(key, names), set()).add(key)
        return any(self._is_up(key, judged_ms) for key in index.get(values, ()))

    def _part(self, key: KeyTuple, names: tuple[str, ...]) -> KeyTuple:
        return tuple(key[self.keys.index(name)] for name in names)

    def _is_up(self, key: KeyTuple, judged_ms: int) -> bool:
        changes = self._changes[key]
        before = bisect_left(changes, (judged_ms,))
        return before > 0 and changes[before - 1][2]

    def forget_before(self, judged_ms: int) -> None:
        """Nobody asks for a T at or before this any more."""
        for key, changes in list(self._changes.items()):
            before = bisect_left(changes, (judged_ms,))
            if before > 1:
                del changes[: before - 1]
            if len(changes) == 1 and before and not changes[0][2]:
                del self._changes[key]
                for names, index in self._by.items():
                    index.get(self._part(key, names), set()).discard(key)

    def snapshot(self) -> list[Any]:
        return [self._count, [[list(key), [list(each) for each in found]] for key, found in self._changes.items()]]

    def restore(self, state: Any) -> None:
        self._count, changes = state
        self._changes = {tuple(key): [(at, n, up) for at, n, up in found] for key, found in changes}
        self._by = {}
