"""Alarms judged on rows: occurrences (no key), states judged at once in log order, and states judged in order of time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import TRUE, Column, Frame, Strings, Truths
from streamwatchd.lang.typed import NUMBER
from streamwatchd.operators.document import Details, Document, Origin, alarm_id, lifecycle_event, plain
from streamwatchd.operators.evaluate import KEY, WINDOW_END, WINDOW_START, Evaluator, NullFrame, Param
from streamwatchd.operators.family import shared_ids
from streamwatchd.operators.judging import fill_values
from streamwatchd.operators.keyspace import UNKEYED, KeySpace
from streamwatchd.operators.lifecycle import SEVERITIES, Lifecycle, Transition
from streamwatchd.operators.node import EmitAlert, first_multiple_above
from streamwatchd.operators.ordering import concatenate, pack_frame, time_order, unpack_frame
from streamwatchd.operators.spec import RowAlarmSpec
from streamwatchd.operators.window_alarm import holds_of

Index = npt.NDArray[np.intp]
Place = Callable[[int], Origin]
"""Where the row of a position of the batch came from."""

_NEVER = np.iinfo(np.int64).min


class RowAlarmNode:
    """Rows are judged as they come, or, where `ordered`, wait until the watermark has passed them."""

    def __init__(
        self, spec: RowAlarmSpec, space: KeySpace, roots: frozenset[str], evaluator: Evaluator, emit: EmitAlert
    ) -> None:
        self.id, self.spec, self.roots = spec.id, spec, roots
        self.space, self.evaluator, self.emit = space, evaluator, emit
        self.life = Lifecycle(holds_of(spec.shape))
        self.simple = all(
            level.for_ms == 0 and level.until is None and level.until_for_ms == 0 for level in spec.shape.levels
        )
        self.waiting: list[Frame] = []
        self.places: dict[tuple[int, int], int] = {}
        self.pairs: list[tuple[int, int]] = []
        self.free: list[int] = []
        self.last: dict[int, int] = {}
        self.ids: dict[int, str] = {}
        self.begins_ms: int | None = None
        self._chooser = _Chooser(spec) if spec.lifted else None

    # rows

    def take(self, frame: Frame, origin: Place | None) -> None:
        """Rows of the stream in the order of the log; `origin` for rows of a source."""
        if self.spec.ordered:
            self.waiting.append(frame)
        else:
            self.rows(frame, origin)

    def due(self, limit_ms: int) -> int | None:
        if any(int(frame.time.min(initial=limit_ms)) < limit_ms for frame in self.waiting):
            return limit_ms
        if self.last:
            instant = first_multiple_above(min(self.last.values()) + self.spec.forget_ms, self.spec.every_ms)
            return instant if instant <= limit_ms else None
        return None

    def judge(self, judged_ms: int) -> None:
        ready, rest = [], []
        for frame in self.waiting:
            mask = frame.time < judged_ms
            ready.append(frame.take(mask) if not mask.all() else frame)
            if not mask.all():
                rest.append(frame.take(~mask))
        self.waiting = rest
        if ready:
            frame = concatenate(ready) if len(ready) > 1 else ready[0]
            self.rows(frame.take(time_order(frame, self.spec.tie_breakers, self.evaluator)), None)
        self._forget(judged_ms)

    def rows(self, frame: Frame, origin: Place | None) -> None:
        """Judge rows in the order in which they stand."""
        if self.begins_ms is not None and len(frame):
            frame = frame.take(frame.time >= self.begins_ms)
        if not len(frame):
            return
        wide, member = self._expand(frame)
        if not len(wide):
            return
        fill_values(wide, self.spec.shape.values, self.evaluator)
        raises, clears = self._conditions(wide)
        mask = np.ones(len(wide), bool)
        if self.spec.where is not None:
            mask = self.evaluator.truths(self.spec.where, wide) == TRUE
        if self.spec.occurrence:
            self._occurrences(wide, member, raises, mask, origin)
        else:
            self._states(wide, member, raises, clears, mask, origin)

    def _expand(self, frame: Frame) -> tuple[Frame, Index]:
        """Rows × members: who judges what."""
        if len(self.spec.members) == 1 and self._chooser is None:
            return frame, np.zeros(len(frame), np.intp)
        if self._chooser is None:
            rows = np.repeat(np.arange(len(frame)), len(self.spec.members))
            member = np.tile(np.arange(len(self.spec.members)), len(frame))
        else:
            rows, member = self._chooser.choose(frame, self.evaluator)
        wide = frame.take(rows)
        for number in range(len(self.spec.members[0].params)):
            constants = np.array([m.params[number] for m in self.spec.members])
            wide.memo[Param(number, NUMBER)] = constants[member]
        return wide, member

    def _conditions(self, wide: Frame) -> tuple[list[Truths], list[Truths]]:
        raises, clears = [], []
        for level in self.spec.shape.levels:
            raised = self.evaluator.truths(level.when, wide)
            raises.append(raised)
            clears.append(
                (2 - raised).astype(np.int8) if level.until is None else self.evaluator.truths(level.until, wide)
            )
        return raises, clears

    def _ids(self, frame: Frame) -> Index:
        keys = self.spec.shape.keys
        handle = ("ids", self.space.names, tuple(key.expr for key in keys))
        return shared_ids(handle, self.space, lambda: [self.evaluator.column(k.expr, frame) for k in keys], frame)

    # occurrences

    def _occurrences(
        self, wide: Frame, member: Index, raises: list[Truths], mask: npt.NDArray[np.bool_], origin: Place | None
    ) -> None:
        level = np.full(len(wide), -1, np.int8)
        for number in reversed(range(len(raises))):
            level[raises[number] == TRUE] = number
        hits = np.flatnonzero(mask & (level >= 0))
        transitions = [
            Transition(
                place=int(row),
                index=int(row),
                at_ms=int(wide.time[row]),
                event="fired",
                state="firing",
                severity=SEVERITIES.index(self.spec.shape.levels[int(level[row])].severity),
                previous=-1,
                starts_at_ms=int(wide.time[row]),
                seq=1,
                opens=True,
                closes=False,
                reason="",
            )
            for row in hits.tolist()
        ]
        details = Details(self.evaluator, wide, hits.tolist())
        for i, transition in enumerate(transitions):
            who = self.spec.members[int(member[transition.index])]
            place = _origin(wide, transition.index, origin)
            identity = alarm_id(who.name, {}, transition.starts_at_ms, place)
            span = _window(wide, transition.index)
            self.emit(lifecycle_event(who, self.spec.shape, transition, identity, {}, details, i, span, place))

    # states

    def _states(
        self,
        wide: Frame,
        member: Index,
        raises: list[Truths],
        clears: list[Truths],
        mask: npt.NDArray[np.bool_],
        origin: Place | None,
    ) -> None:
        ids = self._ids(wide)
        mask = mask & (ids != UNKEYED)
        rows, places = self._relevant(ids, member, raises, mask)
        if not len(rows):
            return
        self._note_last(ids, wide, mask)
        if self.simple:
            rows, places = self._only_changes(rows, places, raises)
        transitions: list[Transition] = []
        for chosen in _rounds(places):
            here = rows[chosen]
            stepped = self.life.step(
                places[chosen], wide.time[here], [r[here] for r in raises], [c[here] for c in clears]
            )
            transitions.extend(_renumbered(transition, here) for transition in stepped)
        transitions.sort(key=lambda transition: transition.index)
        self._publish(wide, transitions, origin)
        self._release(np.unique(places))

    def _relevant(
        self, ids: Index, member: Index, raises: list[Truths], mask: npt.NDArray[np.bool_]
    ) -> tuple[Index, Index]:
        """Rows that may change something, by place and then in order; their places."""
        true = np.zeros(len(ids), bool)
        for raised in raises:
            true |= raised == TRUE
        touched = {*self.places, *zip(member[true & mask].tolist(), ids[true & mask].tolist(), strict=True)}
        if not touched:
            return np.zeros(0, np.intp), np.zeros(0, np.intp)
        codes = member * len(self.space) + ids
        wanted = np.array([m * len(self.space) + k for m, k in touched], np.intp)
        rows = np.flatnonzero(mask & np.isin(codes, wanted))
        unique, inverse = np.unique(codes[rows], return_inverse=True)
        numbers = [self._place(divmod(code, len(self.space))) for code in unique.tolist()]
        places = np.array(numbers, np.intp)[inverse]
        order = np.argsort(places, kind="stable")
        return rows[order], places[order]

    def _place(self, pair: tuple[int, int]) -> int:
        place = self.places.get(pair)
        if place is None:
            if self.free:
                place = self.free.pop()
                self.pairs[place] = pair
            else:
                place = len(self.pairs)
                self.pairs.append(pair)
            self.places[pair] = place
        return place

    def _only_changes(self, rows: Index, places: Index, raises: list[Truths]) -> tuple[Index, Index]:
        """Without holds, a row that says what the one before said of the same alarm changes nothing."""
        verdict = np.zeros(len(rows), np.int64)
        for raised in raises:
            verdict = verdict * 3 + raised[rows]
        keep = np.ones(len(rows), bool)
        keep[1:] = (verdict[1:] != verdict[:-1]) | (places[1:] != places[:-1])
        return rows[keep], places[keep]

    def _note_last(self, ids: Index, wide: Frame, mask: npt.NDArray[np.bool_]) -> None:
        """Since when the keys of living alarms have been silent."""
        latest = np.full(len(self.space), _NEVER)
        np.maximum.at(latest, ids[mask], wide.time[mask])
        for pair, place in self.places.items():
            seen = int(latest[pair[1]])
            if seen != _NEVER:
                self.last[place] = max(seen, self.last.get(place, seen))

    def _forget(self, judged_ms: int) -> None:
        limit = judged_ms - self.spec.forget_ms
        gone = [place for place, last in self.last.items() if last < limit]
        if not gone:
            return
        pairs = {place: self.pairs[place] for place in gone}
        transitions = self.life.end(np.array(sorted(gone), np.intp), judged_ms, "forgotten")
        frame = self._bare_frame([pairs[transition.place][1] for transition in transitions], judged_ms)
        fill_values(frame, self.spec.shape.values, self.evaluator)
        self._publish(frame, [_moved(t, i) for i, t in enumerate(transitions)], None)
        self._release(np.array(gone, np.intp))

    def _bare_frame(self, keys: list[int], time_ms: int) -> Frame:
        """Rows that have nothing but a key: values and fields are null."""
        index = np.array(keys, np.intp)
        columns: dict[str, Column] = {}
        for position, key in enumerate(self.spec.shape.keys):
            column = self.space.column(position, key.kind)
            columns[key.name] = column.take(index) if isinstance(column, Strings) else column[index]
        return NullFrame(np.full(len(keys), time_ms, np.int64), columns)

    def _release(self, places: Index) -> None:
        for place in places[~self.life.is_active(places)].tolist():
            del self.places[self.pairs[place]]
            self.last.pop(place, None)
            self.free.append(place)

    # what comes out

    def _publish(self, wide: Frame, transitions: list[Transition], origin: Place | None) -> None:
        if not transitions:
            return
        for position, key in enumerate(self.spec.shape.keys):
            if KEY + key.name not in wide.columns:
                wide.columns[KEY + key.name] = self.evaluator.column(key.expr, wide)
        details = Details(self.evaluator, wide, [transition.index for transition in transitions])
        for i, transition in enumerate(transitions):
            number, key_id = self.pairs[transition.place]
            who, key = self.spec.members[number], self._key(key_id)
            place = _origin(wide, transition.index, origin)
            if transition.opens:
                self.ids[transition.place] = alarm_id(who.name, key, transition.starts_at_ms, place)
            identity = self.ids[transition.place]
            if transition.closes:
                del self.ids[transition.place]
            span = _window(wide, transition.index)
            self.emit(lifecycle_event(who, self.spec.shape, transition, identity, key, details, i, span, place))

    def _key(self, key_id: int) -> Document:
        values = self.space.keys[key_id]
        return {column.name: plain(value) for column, value in zip(self.spec.shape.keys, values, strict=True)}

    # snapshots

    def snapshot(self) -> Any:
        state = self.life.snapshot()
        places = state["place"].tolist()
        names = [[self.spec.members[self.pairs[p][0]].name, *self.space.keys[self.pairs[p][1]]] for p in places]
        ids = [self.ids.get(place, "") for place in places]
        last = [self.last.get(place) for place in places]
        return [state, names, ids, last, [pack_frame(frame) for frame in self.waiting], self.begins_ms]

    def restore(self, state: Any) -> None:
        rows, names, ids, last, waiting, self.begins_ms = state
        members = {member.name: number for number, member in enumerate(self.spec.members)}
        places = [
            self._place((members[name[0]], self.space.id_of(tuple(name[1:])))) if name[0] in members else -1
            for name in names
        ]
        self.life.restore(rows | {"silent": np.zeros(0, np.int64)}, np.array(places, np.intp))
        for place, identity, time in zip(places, ids, last, strict=True):
            if place >= 0:
                if identity:
                    self.ids[place] = identity
                if time is not None:
                    self.last[place] = time
        self.waiting = [unpack_frame(packed) for packed in waiting]


class _Chooser:
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
        unique, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
        names = [[column.dictionary.names[c] if (c := int(column.codes[row])) >= 0 else None for column in columns] for row in first.tolist()]  # type: ignore[union-attr]
        groups = [self.members.get(tuple(name), ()) for name in names]  # type: ignore[arg-type]
        sizes = np.array([len(group) for group in groups], np.intp)
        starts = np.concatenate([[0], np.cumsum(sizes)])[:-1]
        flat = np.array([m for group in groups for m in group], np.intp)
        per_row = sizes[inverse]
        rows = np.repeat(np.arange(len(frame)), per_row)
        offset = np.arange(len(rows)) - np.repeat(np.cumsum(per_row) - per_row, per_row)
        return rows, flat[starts[inverse][rows] + offset] if len(rows) else np.zeros(0, np.intp)


def _rounds(places: Index) -> list[Index]:
    """Positions in which no place repeats: first all first rows, then all second ones, …; `places` is sorted."""
    starts = np.flatnonzero(np.r_[True, places[1:] != places[:-1]])
    rank = np.arange(len(places)) - np.repeat(starts, np.diff(np.r_[starts, len(places)]))
    order = np.argsort(rank, kind="stable")
    cuts = np.flatnonzero(np.diff(rank[order])) + 1
    return list(np.split(order, cuts))


def _renumbered(transition: Transition, rows: Index) -> Transition:
    return _moved(transition, int(rows[transition.index]))


def _moved(transition: Transition, index: int) -> Transition:
    return replace(transition, index=index)


def _origin(frame: Frame, row: int, origin: Place | None) -> Origin | None:
    if origin is None or frame.position is None:
        return None
    return origin(int(frame.position[row]))


def _window(frame: Frame, row: int) -> tuple[int, int] | None:
    starts, ends = frame.columns.get(WINDOW_START), frame.columns.get(WINDOW_END)
    if not isinstance(starts, np.ndarray) or not isinstance(ends, np.ndarray):
        return None
    return int(starts[row]), int(ends[row])
