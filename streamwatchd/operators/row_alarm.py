"""Alarms judged on rows: occurrences (no key), states judged at once in log order, states judged in order of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.aggregates.accumulator import grown
from streamwatchd.batch import NULL, TRUE, Frame, Times, Truths, take
from streamwatchd.operators.evaluate import VALUE, Evaluator
from streamwatchd.operators.firing import FiringStates, Telling
from streamwatchd.operators.flood import Flood, overflow
from streamwatchd.operators.judging import fill_values
from streamwatchd.operators.keyspace import OVERFLOW, UNKEYED, KeySpace, shared_ids
from streamwatchd.operators.left import Left
from streamwatchd.operators.lifecycle import Lifecycle, Transition, same_levels
from streamwatchd.operators.node import EmitAlert, first_multiple_above, first_multiple_from, least
from streamwatchd.operators.occurrences import Occurrences, Place
from streamwatchd.operators.ordering import concatenate, pack_frame, time_order, unpack_frame
from streamwatchd.operators.pausing import Pauses
from streamwatchd.operators.promotion import names_now, promoted
from streamwatchd.operators.recent_rows import RecentRows
from streamwatchd.operators.row_chooser import Chooser
from streamwatchd.operators.row_places import RowPlaces
from streamwatchd.operators.row_queue import FORGET, NEVER, ROW, SILENCE, Queue, rounds, running_max, tick_queue
from streamwatchd.operators.row_writing import RowWriter, Told
from streamwatchd.operators.spec import RowAlarmSpec
from streamwatchd.operators.window_alarm import holds_of

Index = npt.NDArray[np.intp]
_AFTER_ROWS = 2**40
"""The first turn of ticks that no row came after."""


class RowAlarmNode:
    """Rows are judged as they come, or, where `ordered`, wait until the watermark has passed them."""

    def __init__(
        self,
        spec: RowAlarmSpec,
        space: KeySpace,
        roots: frozenset[str],
        evaluator: Evaluator,
        emit: EmitAlert,
        flood: Flood | None = None,
        telling: Telling | None = None,
        states: Mapping[str, FiringStates] = MappingProxyType({}),
    ) -> None:
        """`states` are those of other alarms, by their feeds."""
        self.flood = flood
        self.telling = telling or Telling(spec.shape.keys, lambda stream, frame: None)
        self.id, self.spec, self.roots = spec.id, spec, roots
        self.space, self.evaluator, self.emit = space, evaluator, emit
        self.life = Lifecycle(holds_of(spec.shape))
        self.simple = all(
            level.for_ms == 0 and level.until is None and level.until_for_ms == 0 for level in spec.shape.levels
        )
        self.waiting: list[Frame] = []
        self.alarms = RowPlaces(spec, space, evaluator)
        self.places = self.alarms.places
        self.last = np.zeros(0, np.int64)
        self.writer = RowWriter(spec, self.alarms, self.life, evaluator, emit, self.telling, states)
        self.ids, self.storms, self.notices = self.writer.ids, self.writer.storms, self.writer.notices
        self.occurrences = Occurrences(spec, evaluator, emit, self._mutes)
        self.limits = self.occurrences.limits
        self.begins_ms: int | None = None
        self.recent = RecentRows()
        self._chooser = Chooser(spec) if spec.lifted else None
        self._pauses = None if spec.pause is None else Pauses(spec.pause)

    # rows

    def take(self, frame: Frame, origin: Place | None) -> None:
        """Rows of the stream in the order of the log; `origin` for rows of a source."""
        if self.spec.ordered:
            # others that judge the same rows at once leave their values in them
            fields = {name: column for name, column in frame.columns.items() if not name.startswith(VALUE)}
            self.waiting.append(Frame(frame.time, fields, frame.position, frame.ticks))
        else:
            self.rows(frame, origin)

    def takes(self, frame: Frame) -> npt.NDArray[np.bool_]:
        """Which rows of the stream some member would judge."""
        wide, _ = self._expand(replace(frame, position=np.arange(len(frame)), memo={}))
        assert wide.position is not None
        where, taken = self.spec.where, np.zeros(len(frame), bool)
        taken[wide.position if where is None else wide.position[self.evaluator.truths(where, wide) == TRUE]] = True
        return taken

    def due(self, limit_ms: int) -> int | None:
        if self.telling.since_ms is not None and self.telling.since_ms <= limit_ms:
            return self.telling.since_ms
        if any(int(frame.time.min(initial=limit_ms)) < limit_ms for frame in self.waiting):
            return limit_ms
        instant = least(self._next_without_row(), self.notices.next_ms(), self.notices.flaps.next_ms())
        return instant if instant is not None and instant <= limit_ms else None

    def _next_without_row(self) -> int | None:
        """The first instant at which an alarm may change without a row."""
        places = np.flatnonzero(self.last != NEVER)
        tick = int(self._next_ticks(places, self.last[places]).min()) if len(places) else None
        return least(tick, self.limits.due())

    def judge(self, judged_ms: int) -> None:
        self.writer.begin()
        ready, rest = [], []
        for frame in self.waiting:
            mask = frame.time < judged_ms
            ready.append(frame.take(mask) if not mask.all() else frame)
            if not mask.all():
                rest.append(frame.take(~mask))
        self.waiting = rest
        told: list[Told] = []
        frame = Frame(np.zeros(0, np.int64), {})
        if ready:
            frame = concatenate(ready) if len(ready) > 1 else ready[0]
            frame = frame.take(time_order(frame, self.spec.tie_breakers, self.evaluator))
            # in order of time, all instants up to a row's own are over, not only those that the log had passed
            frame = replace(frame, ticks=None)
            frame, told = self._judged(frame, None)
        told += self._ticks(judged_ms)
        self.writer.in_turn(frame, told, None)
        self.writer.notes(judged_ms)
        for document in self.limits.pass_by(judged_ms):
            self.emit(document)
        self._announce(judged_ms)

    def tell(self, names: frozenset[str], at_ms: int | None) -> None:
        """Others want to know of these rules from an instant on; of alarms judged in order only."""
        mine = {member.name for member in self.spec.members if self.spec.ordered and not member.shadow}
        self.telling.begin(names & mine, at_ms)
        if at_ms is not None:
            self.notices.switched(at_ms)

    def _announce(self, judged_ms: int) -> None:
        """Tell others of what changed, and, where they have come since, of all that is up."""
        if self.telling.since_ms is not None and judged_ms >= self.telling.since_ms:
            for place in self.life.firing().tolist():
                number, key = self.alarms.whose(place)
                self.telling.note(self.spec.members[number].name, key, self.telling.since_ms - 1, fires=True)
            self.telling.since_ms = None
        self.telling.flush()

    def rows(self, frame: Frame, origin: Place | None) -> None:
        """Judge rows in the order in which they stand."""
        self.writer.begin()
        wide, told = self._judged(frame, origin)
        if told:
            limits = wide.time if wide.ticks is None else wide.ticks
            silent = len(self.places) if self.spec.silence_ms else 0
            if self.notices.is_on or self.writer.is_near(told, silent=silent):
                # what is told again, or folded, up to there must know of alarms that end without a row
                told += self._ticks(int(limits.max()))
            self.writer.in_turn(wide, told, origin)

    def _judged(self, frame: Frame, origin: Place | None) -> tuple[Frame, list[Told]]:
        """The rows by members, and what came of them; occurrences are written at once."""
        if self.begins_ms is not None and len(frame):
            frame = frame.take(frame.time >= self.begins_ms)
        if not len(frame):
            return frame, []
        wide, member = self._expand(frame)
        if not len(wide):
            return wide, []
        fill_values(wide, self.spec.shape.values, self.evaluator)
        raises, clears = self._conditions(wide)
        mask = np.ones(len(wide), bool)
        if self.spec.where is not None:
            mask = self.evaluator.truths(self.spec.where, wide) == TRUE
        self.recent.note(wide, None if wide is frame else member, None if self.spec.where is None else mask)
        if self.spec.occurrence:
            self.occurrences.take(wide, member, raises, mask, origin)
            return wide, []
        return wide, self._states(wide, member, raises, clears, mask)

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
        self.alarms.put_params(wide, member)
        return wide, member

    def _conditions(self, wide: Frame) -> tuple[list[Truths], list[Truths]]:
        """What rows say of each level; in a pause nothing, which neither raises nor clears."""
        raises, clears = [], []
        for level in self.spec.shape.levels:
            raised = self.evaluator.truths(level.when, wide)
            raises.append(raised)
            clears.append(
                (2 - raised).astype(np.int8) if level.until is None else self.evaluator.truths(level.until, wide)
            )
        if self._pauses is not None and (paused := self._pauses.paused(wide.time)).any():
            raises = [np.where(paused, NULL, each) for each in raises]
            clears = [np.where(paused, NULL, each) for each in clears]
        return raises, clears

    def _ids(self, frame: Frame) -> Index:
        keys = self.spec.shape.keys
        handle = self.evaluator.handle(keys)
        return shared_ids(
            ("ids", handle), self.space, lambda: [self.evaluator.column(k.expr, frame) for k in keys], frame
        )

    def _known_ids(self, wide: Frame, mask: npt.NDArray[np.bool_]) -> Index:
        """With what overflows told."""
        keys, rows = self.spec.shape.keys, np.flatnonzero(mask)
        if self.space.is_scarce:
            ids = np.full(len(wide), UNKEYED, np.intp)
            ids[rows] = self.space.ids([take(self.evaluator.column(k.expr, wide), rows) for k in keys], len(rows))
        else:
            ids = self._ids(wide)
        beyond = rows[ids[rows] == OVERFLOW] if self.space.living >= self.space.bound else rows[:0]
        if len(beyond) and self.flood is not None:
            frame = replace(wide, ticks=None) if self.spec.ordered else wide
            overflow(self.flood, keys, self.evaluator, frame, beyond)
        keyed = rows[ids[rows] >= 0]
        self.space.note(ids[keyed], wide.time[keyed])
        return ids

    def _mutes(self, number: int, at_ms: int) -> str:
        """Who mutes an occurrence of a member."""
        if not self.notices.is_on:
            return ""
        return self.notices.label_of(self.spec.members[number].name, self.alarms.bare([(number, 0)], [at_ms]), at_ms)

    # states

    def _states(
        self,
        wide: Frame,
        member: Index,
        raises: list[Truths],
        clears: list[Truths],
        mask: npt.NDArray[np.bool_],
    ) -> list[Told]:
        ids = self._known_ids(wide, mask)
        rows, places = self._relevant(ids, member, raises, mask & (ids >= 0))
        if not len(rows):
            return []
        queue = self._with_ticks(wide, rows, places)
        if self.simple:
            queue = self._only_changes(queue, raises)
        told: list[Told] = []
        resumes = self._resumes(wide, rows, places)
        for number, chosen in enumerate(rounds(queue.places)):
            turn = queue.take(chosen)
            steps = turn.take(np.flatnonzero(turn.kinds == ROW))
            if resumes is not None:
                self.life.begin_anew(steps.places[resumes[steps.rows]])
            stepped = self.life.step(
                steps.places,
                steps.at,
                [r[steps.rows] for r in raises],
                [c[steps.rows] for c in clears],
                np.zeros(len(steps.rows), bool),
            )
            told += [(number, _renumbered(transition, steps.rows), False) for transition in stepped]
            told += [(number, transition, True) for transition in self._ticked(turn)]
        self._note_last(queue, wide)
        self._release(np.unique(places))
        return told

    def _resumes(self, wide: Frame, rows: Index, places: Index) -> npt.NDArray[np.bool_] | None:
        """By row, whether it is the first of its alarm after a pause; None where no hold can ask."""
        if self._pauses is None or self.simple:
            return None
        times = wide.time[rows]
        before = running_max(times, places, self.last[places])
        found = np.zeros(len(wide), bool)
        found[rows] = self._pauses.ended(np.where(before == NEVER, times, before), times)
        return found

    def _ticked(self, turn: Queue) -> list[Transition]:
        silent = turn.take(np.flatnonzero(turn.kinds == SILENCE))
        gone = turn.take(np.flatnonzero(turn.kinds == FORGET))
        found = self.life.fall_silent(silent.places, silent.at, self.spec.silence_action) if len(silent.rows) else []
        for i, place in enumerate(gone.places.tolist()):
            found += self.life.end(np.array([place]), int(gone.at[i]), "forgotten")
        return found

    def _with_ticks(self, wide: Frame, rows: Index, places: Index) -> Queue:
        """The rows, and before a row the silence and forgetting that came due for its alarm."""
        times = wide.time[rows]
        queue = Queue(rows, places, times, np.full(len(rows), ROW, np.int8))
        self._reach(places)
        before = running_max(times, places, self.last[places])
        limits = times if wide.ticks is None else wide.ticks[rows]
        heard = before != NEVER
        forget = heard & (first_multiple_above(before + self.spec.forget_ms, self.spec.every_ms) <= limits)
        silence = np.zeros(len(rows), bool)
        if self.spec.silence_ms:
            first = np.r_[True, places[1:] != places[:-1]]
            silent = self._falls_silent(before)
            silence = heard & (silent <= limits)
            silence &= ~(first & self.life.is_silent(places))
        where = np.sort(np.concatenate([np.flatnonzero(silence), np.flatnonzero(forget)]))
        if not len(where):
            return queue
        # of two that come before the same row, silence is first
        second = np.r_[False, where[1:] == where[:-1]]
        kinds = np.where(silence[where] & ~second, SILENCE, FORGET).astype(np.int8)
        at = first_multiple_above(before[where] + self.spec.forget_ms, self.spec.every_ms)
        if self.spec.silence_ms:
            at = np.where(kinds == SILENCE, silent[where], at)
        return queue.insert(where, kinds, at)

    def _falls_silent(self, last: Times) -> Times:
        """When keys without an event since then are silent; in a pause none falls silent."""
        every_ms = self.spec.every_ms
        at: Times = first_multiple_above(last + self.spec.silence_ms, every_ms)
        if self._pauses is not None:
            heard = last != NEVER
            at[heard] = self._pauses.all_free(at[heard], lambda free_ms: first_multiple_from(free_ms, every_ms))
        return at

    def _next_ticks(self, places: Index, last: Any) -> Any:
        forget = first_multiple_above(last + self.spec.forget_ms, self.spec.every_ms)
        if not self.spec.silence_ms:
            return forget
        silence = self._falls_silent(last)
        return np.where(self.life.is_silent(places), forget, np.minimum(silence, forget))

    def _ticks(self, judged_ms: int) -> list[Told]:
        """Silence and forgetting that come due by T without a row, each at its own instant."""
        found: list[Transition] = []
        places = np.flatnonzero(self.last != NEVER)
        if self.spec.silence_ms and len(places):
            at = self._falls_silent(self.last[places])
            due = (at <= judged_ms) & ~self.life.is_silent(places)
            found += self._ticked(tick_queue(places[due], at[due], SILENCE))
        at = first_multiple_above(self.last[places] + self.spec.forget_ms, self.spec.every_ms)
        due = at <= judged_ms
        gone = places[due]
        if len(gone):
            found += self._ticked(tick_queue(gone, at[due], FORGET))
            self.last[gone] = NEVER
            self._release(gone)
        return [(_AFTER_ROWS + number, transition, True) for number, transition in enumerate(found)]

    def _relevant(
        self, ids: Index, member: Index, raises: list[Truths], mask: npt.NDArray[np.bool_]
    ) -> tuple[Index, Index]:
        """Rows that may change something, by place and then in order; their places."""
        true = np.zeros(len(ids), bool)
        for raised in raises:
            true |= raised == TRUE
        if self.spec.silence_ms:
            # every key that speaks can fall silent
            true = np.ones(len(ids), bool)
        touched = {*self.places, *zip(member[true & mask].tolist(), ids[true & mask].tolist(), strict=True)}
        if not touched:
            return np.zeros(0, np.intp), np.zeros(0, np.intp)
        codes = member * len(self.space) + ids
        wanted = np.array([m * len(self.space) + k for m, k in touched], np.intp)
        rows = np.flatnonzero(mask & np.isin(codes, wanted))
        unique, inverse = np.unique(codes[rows], return_inverse=True)
        numbers = [self.alarms.place(divmod(code, len(self.space))) for code in unique.tolist()]
        places = np.array(numbers, np.intp)[inverse]
        order = np.argsort(places, kind="stable")
        return rows[order], places[order]

    def _only_changes(self, queue: Queue, raises: list[Truths]) -> Queue:
        """Without holds, a row that says what the one before said of the same alarm changes nothing."""
        verdict = np.zeros(len(queue.rows), np.int64)
        for raised in raises:
            verdict = verdict * 3 + raised[queue.rows]
        verdict[queue.kinds != ROW] = -1
        keep = np.ones(len(verdict), bool)
        places = queue.places
        keep[1:] = (verdict[1:] != verdict[:-1]) | (places[1:] != places[:-1]) | (verdict[1:] < 0)
        return replace(queue, heard=queue.latest).take(np.flatnonzero(keep))

    def _note_last(self, queue: Queue, wide: Frame) -> None:
        """Since when keys are silent; rows that change nothing count too."""
        rows, places = queue.latest
        self._reach(places)
        np.maximum.at(self.last, places, wide.time[rows])

    def _reach(self, places: Index) -> None:
        self.last = grown(self.last, int(places.max(initial=-1)) + 1, NEVER)

    def _release(self, places: Index) -> None:
        """Forget alarms at rest; where silence counts, a key keeps its place until it is forgotten."""
        self._reach(places)
        rest = ~self.life.is_active(places)
        if self.spec.silence_ms:
            rest &= self.last[places] == NEVER
        for place in places[rest].tolist():
            if self.alarms.let_go(place):
                self.last[place] = NEVER

    # snapshots

    def snapshot(self) -> Any:
        state = self.life.snapshot()
        places = sorted({*state["place"].tolist(), *np.flatnonzero(self.last != NEVER).tolist()})
        names = [self.alarms.name(place) for place in places]
        ids = [self.ids.get(place, "") for place in places]
        self._reach(np.array(places, np.intp))
        last = self.last[np.array(places, np.intp)]
        silent = self.life.is_silent(np.array(places, np.intp))
        waiting = [pack_frame(frame) for frame in self.waiting]
        flood = None if self.flood is None else self.flood.pack()
        notices = self.notices.snapshot(self.alarms.name)
        more: list[Any] = [] if self.telling.since_ms is None and notices is None else [self.telling.since_ms]
        more += [] if notices is None else [notices]
        budgets = [self.storms.snapshot(), self.limits.snapshot(), flood, *more]
        return [state, places, names, ids, last, silent, budgets, waiting, self.begins_ms]

    def restore(self, state: Any) -> None:
        *alarms, (storms, limits, flood, *more), waiting, self.begins_ms = state
        self.telling.since_ms = more[0] if more else None
        if self.flood is not None and flood is not None:
            self.flood.unpack(flood)
        self._take(alarms, None)
        self.writer.restore(storms, more[1] if len(more) > 1 else None)
        self.limits.restore(limits)
        self.waiting = [unpack_frame(packed) for packed in waiting]

    def _take(self, alarms: Any, levels: list[int | None] | None) -> None:
        rows, old, names, ids, last, silent = alarms
        members = {member.name: number for number, member in enumerate(self.spec.members)}
        renumbered: dict[int, int] = {}
        for place, name in zip(old, names, strict=True):
            if name[0] in members:
                renumbered[place] = self.alarms.place((members[name[0]], self.space.id_of(tuple(name[1:]))))
        found = np.array([renumbered.get(place, -1) for place in rows["place"].tolist()], np.intp)
        self.life.restore(rows | {"silent": np.zeros(0, np.int64)}, found, levels)
        self._reach(np.array(list(renumbered.values()), np.intp))
        for i, place in enumerate(old):
            if place in renumbered:
                here = renumbered[place]
                self.last[here] = last[i]
                if ids[i]:
                    self.ids[here] = ids[i]
                if silent[i]:
                    self.life.hush(np.array([here], np.intp))

    def adopt(self, old: RowAlarmNode, renamed: Mapping[str, str], at_ms: int) -> None:
        """Take over the alarms of rules that go on here from E; they leave the old node."""
        rows, places, names, *rest = old.snapshot()
        storms, limits, *_ = rest[3]
        now = names_now(old.spec.members, self.spec.members, renamed)
        names = [[now(name), *key] for name, *key in names]
        self._take([rows, places, names, *rest[:3]], same_levels(old.life.levels, self.life.levels))
        self.writer.adopt(old.writer, storms, now, at_ms)
        self.limits.restore(limits, now)
        mine = {member.name for member in self.spec.members}
        was = [member.name for member in old.spec.members]
        gone = [place for (m, _), place in old.places.items() if now(was[m]) in mine]
        moved = [name for name in was if now(name) in mine]
        old.storms.leave(gone, moved)
        old.limits.leave(moved)
        old.life.end(np.array(gone, np.intp), 0, "")
        for place in gone:
            old.ids.pop(place, None)
        live = promoted(old.spec.members, self.spec.members, renamed)
        self.notices.flaps.untell(live)
        self._tell_again(live, at_ms)

    def _tell_again(self, names: frozenset[str], at_ms: int) -> None:
        """Of alarms of which nobody was told as the rule was in shadow; their last events are not known any more."""
        places = [place for place in self.life.firing().tolist() if self.alarms.rule(place) in names]
        told: list[Told] = [(_AFTER_ROWS, self.life.note(place, at_ms, "unmuted"), True) for place in places]
        self.writer.without_rows(told)

    def say_rest(self, at_ms: int) -> None:
        """What is due without an event before E is said before others take the alarms over: while keys flap."""
        self.writer.begin()
        self.writer.notes(at_ms - 1)

    def resolve_rest(self, at_ms: int, left: Left) -> None:
        """What nobody took over ends at E."""
        self.notices.flaps.close(at_ms, left)
        self.writer.begin()
        told: list[Told] = []
        for place in self.life.active().tolist():
            ended = self.life.end(np.array([place]), at_ms, left.reason(self.alarms.rule(place)))
            told += [(_AFTER_ROWS, replace(transition, at_ms=at_ms), True) for transition in ended]
        self.writer.without_rows(told)
        for document in self.limits.end(at_ms):
            self.emit(document)
        self.telling.flush()


def _renumbered(transition: Transition, rows: Index) -> Transition:
    return _moved(transition, int(rows[transition.index]))


def _moved(transition: Transition, index: int) -> Transition:
    return replace(transition, index=index)
