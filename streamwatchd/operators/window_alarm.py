"""Alarms judged at multiples of `every` on windows of their keys: a whole family of rules of one shape at once.

A *pair* is a member (rule) and a key. Where members differ by an equality filter, the filter's value is part of the
key and chooses the members; where they differ by constants, these are columns over the pairs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import NULL, TRUE, Frame, Times, Truths
from streamwatchd.lang.typed import BASELINE_REACH_MS, NUMBER, Expr, Time, walk
from streamwatchd.operators.asking import BEGINNING
from streamwatchd.operators.baseline import Baselines
from streamwatchd.operators.document import Details, Document, alarm_id, lifecycle_event, plain
from streamwatchd.operators.evaluate import Evaluator, Param
from streamwatchd.operators.expected import Expected
from streamwatchd.operators.family import Family
from streamwatchd.operators.firing import Telling
from streamwatchd.operators.flapping import Flaps
from streamwatchd.operators.judging import Reader, fill_values, key_frame
from streamwatchd.operators.known import UNKNOWN
from streamwatchd.operators.late import Amending, View
from streamwatchd.operators.left import Left
from streamwatchd.operators.lifecycle import SEVERITIES, Holds, Lifecycle, Transition, same_levels
from streamwatchd.operators.muting import Muting
from streamwatchd.operators.node import EmitAlert, first_multiple_above, first_multiple_from, least
from streamwatchd.operators.notices import Notices
from streamwatchd.operators.pairs import Pairs
from streamwatchd.operators.pausing import Pauses
from streamwatchd.operators.promotion import names_now, promoted
from streamwatchd.operators.spec import AlarmShape, LearningAlarmSpec, Reading, Window, WindowAlarmSpec
from streamwatchd.operators.storm import STORM, Name, Storms

Index = npt.NDArray[np.intp]


def _unknown() -> int | None:
    return None


def holds_of(shape: AlarmShape) -> list[Holds]:
    return [
        Holds(SEVERITIES.index(level.severity), level.for_ms, level.until_for_ms, level.until is not None)
        for level in shape.levels
    ]


def _expressions(shape: AlarmShape) -> list[Expr]:
    levels = [expr for level in shape.levels for expr in (level.when, level.until) if expr is not None]
    return [*levels, *(value.expr for value in shape.values)]


def _at(frame: Frame, places: Sequence[int]) -> Frame:
    return frame.take(np.array(places, np.intp))


class WindowAlarmNode:
    def __init__(
        self,
        spec: WindowAlarmSpec,
        families: Mapping[str, Family],
        roots: frozenset[str],
        evaluator: Evaluator,
        emit: EmitAlert,
        expected: Expected | None = None,
        muting: Muting | None = None,
        telling: Telling | None = None,
    ) -> None:
        self.id, self.spec, self.roots = spec.id, spec, roots
        self.expected = expected
        self.telling = telling or Telling(spec.shape.keys, lambda stream, frame: None)
        self.begun: Callable[[], int | None] = _unknown
        """Where time began for what the node reads."""
        self.family = families[spec.family]
        self.known = self.family.known[spec.forget_ms, spec.every_ms]
        self.reader = Reader(
            spec.readings if spec.silence is None else (*spec.readings, spec.silence), families, self.family, evaluator
        )
        self.evaluator, self.emit = evaluator, emit
        self.pairs = Pairs(spec)
        self.life = Lifecycle(holds_of(spec.shape))
        self.storms = Storms(spec.members, self._whose)
        self.ids: dict[int, str] = {}
        self.done_ms: int | None = None
        self.begins_ms: int | None = None
        self._quiet = False
        self._warm_up = False
        """The next judgement may say something else though nothing comes: a window warms up, or silence began here."""
        self._heirs: dict[int, int] = {}
        self._timeless = not any(isinstance(node, Time) for expr in _expressions(spec.shape) for node in walk(expr))
        self.baselines: Baselines | None = None
        if isinstance(spec, LearningAlarmSpec):
            names = [member.name for member in spec.members]
            self.baselines = Baselines(spec.baselines, names, spec.every_ms, evaluator)
        rules = frozenset(member.name for member in spec.members)
        flaps = Flaps(spec.flaps, spec.members, spec.shape, self._whose, emit)
        self.notices = Notices(evaluator, self.life, rules, self._rule_of, muting, spec.repeats, flaps)
        self._pauses = None if spec.pause is None else Pauses(spec.pause)
        self._sizes = [reading.window.size_ms for reading in spec.readings]

    # when

    def due(self, limit_ms: int) -> int | None:
        instant = self._on_clock(self._next_instant(), limit_ms)
        if instant is None or not self._quiet or self._has_late():
            return instant
        return self._on_clock(self._next_change(instant), limit_ms)

    def _on_clock(self, instant: int | None, limit_ms: int) -> int | None:
        """From there on the first instant at which the rule is judged; None where that is beyond the limit."""
        if instant is None or instant > limit_ms:
            return None
        at = instant if self.spec.clock is None else self.spec.clock.first_from(instant)
        if self._pauses is not None and at <= limit_ms:
            at = self._pauses.first_free(at, self._on_grid)
        return at if at <= limit_ms else None

    def _on_grid(self, time_ms: int) -> int:
        """The first T at or after an instant."""
        clock = self.spec.clock
        return first_multiple_from(time_ms, self.spec.every_ms) if clock is None else clock.first_from(time_ms)

    def _was_paused(self, judged_ms: int) -> bool:
        """Whether the instant before T was one at which the rule would have been judged."""
        if self._pauses is None:
            return False
        clock = self.spec.clock
        return self._pauses.holds(judged_ms - self.spec.every_ms if clock is None else clock.last_before(judged_ms))

    def _next_instant(self) -> int | None:
        """The first T after the last one; where keys are expected, the first T of all needs no event."""
        if self.expected is None or self.done_ms is not None:
            return self.family.next_instant(self.spec.every_ms, self.done_ms, self.begins_ms)
        begins = self._begins()
        return None if begins is None else int(first_multiple_above(begins, self.spec.every_ms))

    def _begins(self) -> int | None:
        return self.begun() if self.begins_ms is None else self.begins_ms

    def _has_late(self) -> bool:
        return self.spec.amend_ms > 0 and any(family.late for family in self._families())

    def _next_change(self, instant: int) -> int | None:
        """After a judgement on empty windows nothing changes until data, a hold or forgetting says so."""
        step = self.spec.every_ms
        assert self.done_ms is not None
        forget = self.known.next_forgotten(self.done_ms)
        hold = self.life.next_deadline(self.done_ms)
        data = [self._next_data(reading) for reading in self.reader.readings]
        data.append(self.family.first_data(instant - step))
        heirs = min(self._heirs.values(), default=None)
        if self.expected is not None:
            forget = self.expected.next_change(self.done_ms)
        learns = None if self.baselines is None else self.baselines.next_ms(self.done_ms)
        hold, heirs, tells = (None if at is None else at - 1 for at in (hold, heirs, self.notices.next_ms()))
        resumes = self._pauses.next_end(self.done_ms) - 1 if self._pauses and len(self.life.active()) else None
        soonest = least(forget, learns, tells, hold, heirs, resumes, *data)
        return None if soonest is None else max(instant, int(first_multiple_above(soonest, step)))

    def _next_data(self, reading: Reading) -> int | None:
        """When the earliest data that no window of this reading has met yet comes within its reach."""
        assert self.done_ms is not None
        data = self.reader.families[reading.family].first_data(reading.window.end(self.done_ms))
        return None if data is None else data + reading.window.ago_ms

    def _families(self) -> list[Family]:
        return [self.family, *(self.reader.families[r.family] for r in self.reader.readings)]

    # judging

    def judge(self, judged_ms: int) -> None:
        self.done_ms = judged_ms
        if self._was_paused(judged_ms):
            self.life.begin_anew(self.life.active())
        for family in self._families():
            family.close(judged_ms)
        since, gone = self._known(judged_ms)
        self.pairs.extend(self.family)
        self.notices.hear(judged_ms)
        view = View(self._amending(), judged_ms) if self._has_late() else None
        frame = self._frame(judged_ms, view)
        ids = None if self.pairs.single else self.pairs.key
        pair_since = since if ids is None else since[ids]
        known = pair_since < judged_ms
        transitions = self.notices.acknowledged(lambda places: _at(frame, places), judged_ms)
        transitions += self._forget(gone, judged_ms)
        transitions += self._disown(pair_since, judged_ms)
        transitions += self._step(frame, known, pair_since, judged_ms)
        transitions += self.notices.later(lambda places: _at(frame, places), transitions, judged_ms)
        is_calm = not transitions and not self._warm_up and self.notices.is_calm
        self._quiet = self._timeless and is_calm and self._windows_empty(judged_ms)
        self._publish(frame, transitions, judged_ms)
        self._announce(judged_ms)
        if self.baselines is not None:
            keys, members = self.pairs.key, self.pairs.member
            during = self.notices.muting is not None and self.notices.muting.is_during(judged_ms)
            left_out = np.arange(len(keys)) if during else self.life.firing()
            self.baselines.learn(frame, judged_ms, keys, members, known, left_out)
        if view is not None:
            self._amend(view, pair_since)

    def _known(self, judged_ms: int) -> tuple[Times, npt.NDArray[np.bool_]]:
        """Since when each key is known, and which are no more."""
        if self.expected is None:
            return self.known.at(judged_ms, len(self.family.space))
        begins = self._begins()
        gone = self.expected.at(judged_ms, BEGINNING if begins is None else begins)
        return self.expected.since, gone

    def _frame(self, judged_ms: int, view: View | None = None) -> Frame:
        ids = None if self.pairs.single else self.pairs.key
        frame = key_frame(self.family.space, self.spec.shape.keys, self.spec.lifted, ids, judged_ms)
        self.reader.fill(frame, judged_ms, ids, once=ids is None, view=view)
        if not self.pairs.single:
            for number in range(len(self.spec.members[0].params)):
                constants = np.array([member.params[number] for member in self.spec.members])
                self.evaluator.put(frame, Param(number, NUMBER), constants[self.pairs.member])
        if self.baselines is not None:
            self.baselines.fill(frame, judged_ms, self.pairs.key, self.pairs.member)
        fill_values(frame, self.spec.shape.values, self.evaluator)
        return frame

    def _step(self, frame: Frame, known: npt.NDArray[np.bool_], since: Any, judged_ms: int) -> list[Transition]:
        raises, clears = self._conditions(frame, since, judged_ms)
        places = np.arange(len(frame))
        wanted = self.life.is_active(places)
        for raised in raises:
            wanted |= raised == TRUE
        silent = self._silent(frame, since, judged_ms)
        if silent is not None:
            changed = self.life.silence_changed(places, silent)
            self._warm_up |= bool((changed & known).any())
            wanted |= changed
        chosen = np.flatnonzero(wanted & known)
        return self.life.step(
            chosen,
            np.full(len(chosen), judged_ms, np.int64),
            [raised[chosen] for raised in raises],
            [cleared[chosen] for cleared in clears],
            None if silent is None else silent[chosen],
            self.spec.silence_action,
        )

    def _conditions(self, frame: Frame, since: Any, judged_ms: int) -> tuple[list[Truths], list[Truths]]:
        raises, clears = [], []
        self._warm_up = False
        for number, (level, windows) in enumerate(zip(self.spec.shape.levels, self.spec.warming, strict=True)):
            raise_windows, clear_windows = windows
            warming = self._warming(raise_windows, since, judged_ms) | self._learning(number, 0, since, judged_ms)
            raised = np.where(warming, NULL, self.evaluator.truths(level.when, frame))
            raises.append(raised)
            if level.until is None:
                clears.append((2 - raised).astype(np.int8))
            else:
                warming = self._warming(clear_windows, since, judged_ms) | self._learning(number, 1, since, judged_ms)
                clears.append(np.where(warming, NULL, self.evaluator.truths(level.until, frame)))
        return raises, clears

    def _warming(self, windows: Any, since: Any, judged_ms: int) -> npt.NDArray[np.bool_]:
        if self.spec.partial or not windows:
            return np.zeros(len(since), bool)
        if not all(self._reaches(window, judged_ms) for window in windows):
            self._warm_up = True
            return np.ones(len(since), bool)
        start = min(window.end(judged_ms) - window.size_ms for window in windows)
        warming: npt.NDArray[np.bool_] = since > start
        if self.spec.min_history_ms is not None:
            warming &= since > judged_ms - self.spec.min_history_ms
        self._warm_up |= bool((warming & (since != UNKNOWN)).any())
        return warming

    def _learning(self, level: int, side: int, since: Any, judged_ms: int) -> npt.NDArray[np.bool_]:
        """Where a condition asks what is usual and too little has been seen: of the key, or by the rule."""
        spec = self.spec
        if not isinstance(spec, LearningAlarmSpec) or not spec.learnt[level][side] or spec.partial:
            return np.zeros(len(since), bool)
        assert self.baselines is not None
        history_ms = BASELINE_REACH_MS if spec.min_history_ms is None else spec.min_history_ms
        if self.begins_ms is not None and self.baselines.is_young(judged_ms, history_ms):
            self._warm_up = True
            return np.ones(len(since), bool)
        learning: npt.NDArray[np.bool_] = since > judged_ms - history_ms
        self._warm_up |= bool((learning & (since != UNKNOWN)).any())
        return learning

    def _reaches(self, window: Window, judged_ms: int) -> bool:
        """Whether what is kept of a window at T is enough to judge: all of it, or as much as `min_history` asks."""
        if self.spec.min_history_ms is not None and self.reader.is_kept(window, judged_ms - self.spec.min_history_ms):
            return True
        return self.reader.is_whole(window, judged_ms)

    def _silent(self, frame: Frame, since: Any, judged_ms: int) -> npt.NDArray[np.bool_] | None:
        if self.spec.silence is None:
            return None
        counts = self.evaluator.column(self.spec.silence.aggregate, frame)
        assert isinstance(counts, np.ndarray)
        silent: npt.NDArray[np.bool_] = counts == 0
        if self.expected is not None:
            heard_out = since <= self.spec.silence.window.end(judged_ms) - self.spec.silence.window.size_ms
            self._warm_up |= bool((silent & ~heard_out & (since != UNKNOWN)).any())
            silent &= heard_out
        return silent & self.reader.is_whole(self.spec.silence.window, judged_ms)

    def _forget(self, forgotten: npt.NDArray[np.bool_], judged_ms: int) -> list[Transition]:
        if not forgotten.any():
            return []
        places = np.flatnonzero(forgotten if self.pairs.single else forgotten[self.pairs.key])
        return self.life.end(places, judged_ms, "forgotten" if self.expected is None else "retired")

    def _disown(self, since: Any, judged_ms: int) -> list[Transition]:
        """Alarms taken over for keys of which the new windows hear nothing end once these would be full."""
        if not self._heirs:
            return []
        self._heirs = {place: at for place, at in self._heirs.items() if since[place] == UNKNOWN}
        gone = sorted(place for place, at in self._heirs.items() if at <= judged_ms)
        self._heirs = {place: at for place, at in self._heirs.items() if at > judged_ms}
        return self.life.end(np.array(gone, np.intp), judged_ms, "rule_changed")

    # who is told

    def _muted_by(self, transition: Transition, label: str) -> str:
        """Why nobody is notified; what is muted in itself counts for no storm."""
        return self.notices.take(transition, label) or (STORM if self.storms.take(transition) else "")

    def _rule_of(self, place: int) -> str:
        return self.spec.members[int(self.pairs.member[place])].name

    def _announce(self, judged_ms: int) -> None:
        """Tell others of what changed, and, where they have come since, of all that is up."""
        if self.telling.since_ms is not None and judged_ms > self.telling.since_ms:
            for place in self.life.firing().tolist():
                number, key = self._whose(place)
                self.telling.note(self.spec.members[number].name, key, judged_ms - 1, fires=True)
            self.telling.since_ms = None
        self.telling.flush()

    def tell(self, names: frozenset[str], at_ms: int | None) -> None:
        """Others want to know of these rules from an instant on."""
        self.telling.begin(names & {member.name for member in self.spec.members if not member.shadow}, at_ms)
        self._quiet &= self.telling.since_ms is None

    # what came late

    def _amending(self) -> Amending:
        begins_ms = -(2**62) if self.begins_ms is None else self.begins_ms
        return Amending(self.spec.every_ms, self.spec.amend_ms, begins_ms, pauses=self._pauses)

    def _amend(self, view: View, since: Any) -> None:
        """Judge windows again that ended before T and hold what is new at T: one event an alarm, of the newest window
        that says another level now. Holds and lives stay as they are."""
        step, amending = self.spec.every_ms, view.amending
        fresh = [start for taken, start in self.reader.takings(amending) if taken == view.at_ms]
        told: dict[int, tuple[int, int, int]] = {}
        frames: dict[int, Frame] = {}
        warm_up = self._warm_up
        for end in range(first_multiple_above(min(fresh), step), view.at_ms, step) if fresh else ():
            if self._pauses is not None and self._pauses.holds(end):
                continue
            touched = self.reader.touched(end, View(amending, view.at_ms, only=True))
            touched = touched if self.pairs.single else touched[self.pairs.key]
            places = np.flatnonzero(touched & (since < end) & (end > amending.begins_ms))
            if len(places):
                before = self._verdicts(self._frame(end, View(amending, view.at_ms - step)), since, end)
                frames[end] = self._frame(end, view)
                after = self._verdicts(frames[end], since, end)
                changed = (p for p in places.tolist() if before[p] != after[p])
                told |= {place: (end, int(before[place]), int(after[place])) for place in changed}
        self._warm_up = warm_up
        for place, (end, was, now_is) in sorted(told.items()):
            reason = "would_fire" if was < 0 else "would_not_fire" if now_is < 0 else "other_severity"
            severity = was if now_is < 0 else now_is
            transition = self.life.amend(place, view.at_ms, end, severity, reason)
            self._publish(frames[end], [transition], end)

    def _verdicts(self, frame: Frame, since: Any, judged_ms: int) -> Index:
        """Per pair the rank of the most severe level that is true, whatever its hold; -1 for none."""
        raises, _ = self._conditions(frame, since, judged_ms)
        found = np.full(len(frame), -1, np.intp)
        for level, raised in reversed(list(zip(self.life.levels, raises, strict=True))):
            found[raised == TRUE] = level.severity
        return found

    def _windows_empty(self, judged_ms: int) -> bool:
        for reading in self.reader.readings:
            family = self.reader.families[reading.family]
            end = reading.window.end(judged_ms)
            data = family.first_data(end - reading.window.size_ms)
            if data is not None and data < end:
                return False
        return True

    # what comes out

    def _publish(self, frame: Frame, transitions: list[Transition], judged_ms: int) -> None:
        if not transitions:
            return
        members = Counter(int(self.pairs.member[transition.place]) for transition in transitions)
        if self.storms.is_near(members):
            transitions = sorted(transitions, key=lambda transition: self._whose(transition.place)[1])
        details = Details(self.evaluator, frame, [transition.place for transition in transitions])
        span = (judged_ms - max(self._sizes, default=0), judged_ms)
        labels = self.notices.labels(lambda places: _at(frame, places), transitions)
        for i, transition in enumerate(transitions):
            member = self.spec.members[int(self.pairs.member[transition.place])]
            key = self._key(int(self.pairs.key[transition.place]))
            if transition.opens:
                apart = (transition.at_ms,) if transition.event == "amended" else None
                self.ids[transition.place] = alarm_id(member.name, key, transition.starts_at_ms, apart)
            identity = self.ids[transition.place]
            if transition.closes:
                del self.ids[transition.place]
            muted_by = self._muted_by(transition, labels[i])
            self.emit(
                lifecycle_event(member, self.spec.shape, transition, identity, key, details, i, span, None, muted_by)
            )
            if transition.event != "amended":
                values = self._whose(transition.place)[1]
                self.telling.note(member.name, values, judged_ms - 1, fires=transition.state == "firing")
        for document in self.storms.tell(sorted(members), judged_ms):
            self.emit(document)

    def _whose(self, place: int) -> Name:
        key = self.family.space.keys[int(self.pairs.key[place])]
        return int(self.pairs.member[place]), key[self.spec.lifted :]

    def _key(self, key: int) -> Document:
        values = self.family.space.keys[key][self.spec.lifted :]
        return {column.name: plain(value) for column, value in zip(self.spec.shape.keys, values, strict=True)}

    # snapshots and switches

    def snapshot(self) -> Any:
        """Alarms are named by rule and key, so that they find their place under other numbers."""
        state = self.life.snapshot()
        names = [self._name(place) for place in state["place"].tolist()]
        silent = [self._name(place) for place in state.pop("silent").tolist()]
        ids = [self.ids.get(place, "") for place in state["place"].tolist()]
        heirs = [[self._name(place), at] for place, at in self._heirs.items()]
        storms = self.storms.snapshot()
        readings = self.reader.snapshot()
        return [self.done_ms, self.begins_ms, state, names, silent, ids, storms, heirs, readings, *self._more()]

    def _more(self) -> list[Any]:
        """What only some rules have."""
        expected = None if self.expected is None else self.expected.snapshot()
        more = {"expected": expected, "telling": self.telling.since_ms, **self.notices.snapshot(self._name)}
        more["learnt"] = None if self.baselines is None else self.baselines.snapshot()
        found = {name: each for name, each in more.items() if each is not None}
        return [found] if found else []

    def _name(self, place: int) -> list[object]:
        member = self.spec.members[int(self.pairs.member[place])]
        return [member.name, *self.family.space.keys[int(self.pairs.key[place])][self.spec.lifted :]]

    def restore(self, state: Any) -> None:
        self.done_ms, self.begins_ms, rows, names, silent, ids, storms, heirs, readings, *more = state
        self.reader.restore(readings)
        self._restore_more(more[0] if more else {})
        self._take(rows, names, silent, ids, None)
        self.storms.restore(storms, self.notices.notifying())
        places = self._places() if heirs else {}
        self._heirs = {places[tuple(name)]: at for name, at in heirs if tuple(name) in places}

    def _restore_more(self, more: Mapping[str, Any]) -> None:
        if self.expected is not None and "expected" in more:
            self.expected.restore(more["expected"])
        if self.baselines is not None and "learnt" in more:
            self.baselines.restore(more["learnt"], len(self.family.space))
        self.telling.since_ms = more.get("telling")
        self.notices.restore(more, self._places)

    def _places(self) -> dict[tuple[object, ...], int]:
        self.pairs.extend(self.family)
        if not self.pairs.single:
            spare = set(self.family.space.spare_ids().tolist())
            keys = self.pairs.key.tolist()
            return {tuple(self._name(place)): place for place, key in enumerate(keys) if key not in spare}
        name = self.spec.members[0].name
        return {(name, *key): place for place, key in self.family.space.living_keys()}

    def _take(self, rows: Any, names: Any, silent: Any, ids: Any, levels: list[int | None] | None) -> Index:
        """Alarms by name find their places here (-1: none)."""
        places = self._places() if names or silent else {}
        found = np.array([places.get(tuple(name), -1) for name in names], np.intp)
        self.life.restore(rows | {"silent": np.zeros(0, np.int64)}, found, levels)
        self.life.hush(np.array([places[tuple(name)] for name in silent if tuple(name) in places], np.intp))
        named = zip(found.tolist(), ids, strict=True)
        self.ids |= {place: identity for place, identity in named if identity and place >= 0}
        return found

    def adopt(self, old: WindowAlarmNode, renamed: Mapping[str, str], at_ms: int) -> None:
        """Take over the alarms of rules that go on here from E; they leave the old node."""
        constants = {member.name: member.constants for member in self.spec.members}
        self.learn_from(old, renamed)
        _, _, rows, names, silent, ids, storms, *_ = old.snapshot()
        now = names_now(old.spec.members, self.spec.members, renamed)
        names = [[now(name), *key] for name, *key in names]
        silent = [[now(name), *key] for name, *key in silent]
        for name, *key in (*names, *silent):
            if name in constants:
                self.family.space.id_of((*constants[name], *key))
        found = self._take(rows, names, silent, ids, same_levels(old.life.levels, self.life.levels))
        if self.expected is not None and old.expected is not None:
            self.expected.adopt(old.expected)
        self._inherit(found[found >= 0].tolist(), at_ms)
        gone = [place for place, here in zip(rows["place"].tolist(), found.tolist(), strict=True) if here >= 0]
        named = {place: old._name(place) for place in old.life.active().tolist()}
        known = self._places() if named else {}
        heirs = {place: (now(str(name[0])), *name[1:]) for place, name in named.items()}
        self.notices.adopt(old.notices, {place: known[name] for place, name in heirs.items() if name in known}, at_ms)
        self.notices.flaps.adopt(old.notices.flaps, now, at_ms)
        self.notices.tell_again(promoted(old.spec.members, self.spec.members, renamed))
        self.storms.restore(storms, self.notices.notifying(), now)
        moved = [member.name for member in old.spec.members if now(member.name) in constants]
        old.storms.leave(gone, moved)
        old.life.end(np.array(gone, np.intp), 0, "")
        for place in gone:
            old.ids.pop(place, None)

    def learn_from(self, old: WindowAlarmNode, renamed: Mapping[str, str]) -> None:
        """Take over what rules that go on here have learnt of keys."""
        if self.baselines is not None and old.baselines is not None and self.family is old.family:
            self.baselines.adopt(old.baselines, renamed)

    def _inherit(self, places: list[int], at_ms: int) -> None:
        """Judge from E on, whether or not there are events; see `_disown`."""
        if not places:
            return
        self.done_ms = at_ms if self.done_ms is None else self.done_ms
        self._heirs |= dict.fromkeys(places, at_ms + self.reach_ms)

    @property
    def reach_ms(self) -> int:
        """How long after an event a window may still hold it."""
        reaches = [w.size_ms + w.ago_ms + w.step_ms for w in (r.window for r in self.reader.readings)]
        return max([self.spec.every_ms, *reaches])

    def resolve_rest(self, at_ms: int, left: Left) -> None:
        """What nobody took over ends at E."""
        self.notices.flaps.close(at_ms, left)
        places = self.life.active()
        if not len(places):
            return
        frame = self._frame(at_ms)
        names = [self.spec.members[int(self.pairs.member[place])].name for place in places.tolist()]
        for name in dict.fromkeys(names):
            mine = np.array([p for p, n in zip(places.tolist(), names, strict=True) if n == name], np.intp)
            self._publish(frame, self.life.end(mine, at_ms, left.reason(name)), at_ms)
        self.telling.flush()
