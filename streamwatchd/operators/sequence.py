"""Sequences: events of a key that meet conditions one after the other, in order of event time.

When an event meets the last condition, the latest unused earlier events that meet the others in order are taken, each
once, if all lie within `within`. Rows that meet no condition are dropped as columns; only the others are walked.
In a pause events meet no condition and end nothing, and nothing falls due; what must not happen counts there too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import TRUE, Frame
from streamwatchd.operators.document import Details, alarm_id, lifecycle_event
from streamwatchd.operators.evaluate import KEY, VALUE, WINDOW_END, WINDOW_START
from streamwatchd.operators.judging import fill_values
from streamwatchd.operators.keyspace import KeyTuple
from streamwatchd.operators.left import Left
from streamwatchd.operators.lifecycle import SEVERITIES, Standing, Transition
from streamwatchd.operators.occurrences import Place
from streamwatchd.operators.ordering import concatenate, pack_frame, time_order, unpack_frame
from streamwatchd.operators.promotion import GONE, names_now, promoted
from streamwatchd.operators.row_alarm import RowAlarmNode
from streamwatchd.operators.spec import SequenceSpec

MOST_EVENTS = 1_000
"""Unused events that a key keeps; the oldest go."""

Index = npt.NDArray[np.intp]


@dataclass(slots=True)
class Match:
    """Events that met all conditions: the times of the first and the last; what the last one says, packed.

    It counts at `at_ms`, if nothing that must not happen happens before.
    """

    first_ms: int
    last_ms: int
    at_ms: int
    row: Any = None


@dataclass(frozen=True, slots=True)
class _Told:
    """An event to be written."""

    transition: Transition
    identity: str
    key: int
    details: Details
    span: tuple[int, int] | None


@dataclass(slots=True)
class Track:
    """What is known of one key: unused events as (time, conditions met), and matches that wait.

    `up` is the alarm that lasts: its id, when it began, its last `seq`, and the last row. `told` says how many there
    were at the instant of the last.
    """

    events: list[tuple[int, int]] = field(default_factory=list)
    waiting: list[Match] = field(default_factory=list)
    up: list[Any] | None = None
    told: tuple[int, int] = (0, 0)

    @property
    def is_idle(self) -> bool:
        return not self.events and not self.waiting and self.up is None


def matched(events: list[tuple[int, int]], steps: int, time_ms: int, within_ms: int) -> list[int] | None:
    """The places of the latest events that meet the conditions 0 … steps − 1 in order, all within; None without."""
    found: list[int] = []
    wanted = steps - 1
    for place in range(len(events) - 1, -1, -1):
        if wanted < 0:
            break
        at_ms, met = events[place]
        if time_ms - at_ms > within_ms:
            return None
        if met >> wanted & 1:
            found.append(place)
            wanted -= 1
    return found if wanted < 0 else None


class SequenceNode(RowAlarmNode):
    """An alarm on rows whose condition spans several of them. It has one member."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        assert self.spec.sequence is not None
        self.sequence: SequenceSpec = self.spec.sequence
        self.tracks: dict[int, Track] = {}
        self._told: list[_Told] = []
        self._now = Frame(np.zeros(0, np.int64), {})

    # rows

    def take(self, frame: Frame, origin: Place | None) -> None:
        # of several streams some are KPIs, whose rows have windows; that of a sequence is from first to last
        left_out = (WINDOW_START, WINDOW_END) if self.sequence.also else ()
        fields = {
            name: column
            for name, column in frame.columns.items()
            if not name.startswith(VALUE) and name not in left_out
        }
        rows = Frame(frame.time, fields)
        relevant = self._relevant_rows(rows)
        if len(relevant):
            self.waiting.append(rows.take(relevant))

    def takes(self, frame: Frame) -> npt.NDArray[np.bool_]:
        mask = np.zeros(len(frame), bool)
        mask[self._relevant_rows(frame)] = True
        return mask

    def _relevant_rows(self, frame: Frame) -> Index:
        """Those that meet any condition, or end something."""
        mask = np.zeros(len(frame), bool)
        for expr in (*self.sequence.steps, self.sequence.never, self.sequence.until):
            if expr is not None:
                mask |= self.evaluator.truths(expr, frame) == TRUE
        if self.spec.where is not None:
            mask &= self.evaluator.truths(self.spec.where, frame) == TRUE
        return np.flatnonzero(mask)

    # judging

    def _next_without_row(self) -> int | None:
        deadlines = (match.at_ms + 1 for track in self.tracks.values() for match in track.waiting)
        return min(deadlines, default=None)

    def judge(self, judged_ms: int) -> None:
        self.notices.begin(self._up)
        ready = [frame.take(frame.time < judged_ms) for frame in self.waiting]
        rest = [frame.take(frame.time >= judged_ms) for frame in self.waiting]
        ready, self.waiting = [f for f in ready if len(f)], [f for f in rest if len(f)]
        if ready:
            self._walk(concatenate(ready))
        self._mature(self.tracks, judged_ms)
        self._write_told(judged_ms)
        self.tracks = {key: track for key, track in self.tracks.items() if not track.is_idle}
        self._announce(judged_ms)

    def _walk(self, frame: Frame) -> None:
        frame = frame.take(time_order(frame, self.spec.tie_breakers, self.evaluator))
        fill_values(frame, self.spec.shape.values, self.evaluator)
        self._now = frame
        ids = self._known_ids(frame, np.ones(len(frame), bool))
        met = np.zeros(len(frame), np.int64)
        for number, step in enumerate(self.sequence.steps):
            met |= (self.evaluator.truths(step, frame) == TRUE).astype(np.int64) << number
        never, until = (self._truths(expr, frame) for expr in (self.sequence.never, self.sequence.until))
        times = frame.time
        if self._pauses is not None and (paused := self._pauses.paused(times)).any():
            met[paused], until = 0, until & ~paused
        for row in np.flatnonzero(ids >= 0).tolist():
            key, at_ms = int(ids[row]), int(times[row])
            track = self.tracks.setdefault(key, Track())
            self._mature({key: track}, at_ms)
            if track.up is not None and until[row]:
                self._end(key, track, at_ms, "cleared", row)
            if never[row]:
                track.waiting = []
            self._meet(key, track, at_ms, int(met[row]), row)

    def _truths(self, expr: Any, frame: Frame) -> npt.NDArray[np.bool_]:
        return np.zeros(len(frame), bool) if expr is None else self.evaluator.truths(expr, frame) == TRUE

    def _meet(self, key: int, track: Track, at_ms: int, met: int, row: int) -> None:
        """An event that meets these conditions completes a sequence, or waits for others."""
        last = len(self.sequence.steps) - 1
        while track.events and at_ms - track.events[0][0] > self.sequence.within_ms:
            track.events.pop(0)
        if met >> last & 1:
            places = matched(track.events, last, at_ms, self.sequence.within_ms)
            if places is not None:
                first_ms = track.events[places[-1]][0] if places else at_ms
                for place in places:
                    del track.events[place]
                self._complete(key, track, Match(first_ms, at_ms, at_ms), row)
                return
        if met & ~(1 << last):
            track.events.append((at_ms, met))
            del track.events[:-MOST_EVENTS]

    def _complete(self, key: int, track: Track, match: Match, row: int) -> None:
        if self.sequence.never is None:
            self._fire(key, track, match, self._now, row)
            return
        match.at_ms = match.first_ms + self.sequence.within_ms
        match.row = pack_frame(self._now.take(np.array([row])))
        track.waiting.append(match)

    def _mature(self, tracks: Mapping[int, Track], before_ms: int) -> None:
        """Matches whose time is over before an instant, in order."""
        over = sorted(
            (match.at_ms, match.last_ms, self.space.keys[key], key)
            for key, track in tracks.items()
            for match in track.waiting
            if match.at_ms < before_ms
        )
        for _, _, _, key in over:
            track = tracks[key]
            match = min(track.waiting, key=lambda match: (match.at_ms, match.last_ms))
            track.waiting.remove(match)
            if self.is_paused(match.at_ms):
                continue
            frame = unpack_frame(match.row)
            fill_values(frame, self.spec.shape.values, self.evaluator)
            self._fire(key, track, match, frame, 0)

    def is_paused(self, at_ms: int) -> bool:
        """Whether what falls due at an instant is none."""
        return self._pauses is not None and self._pauses.holds(at_ms)

    # what comes out

    def _fire(self, key: int, track: Track, match: Match, frame: Frame, row: int) -> None:
        if track.up is not None:
            return  # it is up already
        at_ms = match.at_ms
        count = track.told[1] + 1 if track.told[0] == at_ms else 0
        track.told = (at_ms, count)
        member, values = self.spec.members[0], self.space.keys[key]
        identity = alarm_id(member.name, self.alarms.key_of(key), at_ms, (count,) if count else None)
        transition = self._transition(key, at_ms, "fired", at_ms, 1, "")
        self._say(transition, identity, key, frame, row, (match.first_ms, match.last_ms))
        if self.sequence.until is not None:
            track.up = [identity, at_ms, 1, pack_frame(frame.take(np.array([row])))]
            self.telling.note(member.name, values, at_ms, fires=True)

    def _transition(self, key: int, at_ms: int, event: str, starts_at_ms: int, seq: int, reason: str) -> Transition:
        severity = SEVERITIES.index(self.spec.shape.levels[0].severity)
        closes = event == "resolved"
        state, previous = ("resolved", severity) if closes else ("firing", -1)
        place = self.alarms.place((0, key))
        return Transition(
            place, -1, at_ms, event, state, severity, previous, starts_at_ms, seq, not closes, closes, reason
        )

    def _end(self, key: int, track: Track, at_ms: int, reason: str, row: int | None) -> None:
        """The alarm is over; what it says is of the event that ended it, else of the one that began it."""
        assert track.up is not None
        identity, starts_at_ms, seq, packed = track.up
        frame, place = (self._now, row) if row is not None else (unpack_frame(packed), 0)
        if row is None:
            fill_values(frame, self.spec.shape.values, self.evaluator)
        transition = self._transition(key, at_ms, "resolved", starts_at_ms, seq + 1, reason)
        self._say(transition, identity, key, frame, place, None)
        self.telling.note(self.rule, self.space.keys[key], at_ms, fires=False)
        track.up = None

    def _say(
        self, transition: Transition, identity: str, key: int, frame: Frame, row: int, span: tuple[int, int] | None
    ) -> None:
        named = {KEY + each.name: each for each in self.spec.shape.keys if KEY + each.name not in frame.columns}
        for name, each in named.items():
            frame.columns[name] = self.evaluator.column(each.expr, frame)
        self._told.append(_Told(transition, identity, key, Details(self.evaluator, frame, [row]), span))

    def _write_told(self, judged_ms: int | None) -> None:
        """What came of the tracks, in order of time, and between what needs no event."""
        for each in sorted(self._told, key=lambda each: each.transition.at_ms):
            transition, label = each.transition, ""
            if self.notices.is_on:
                self._notes(transition.at_ms)
                (label,) = self.notices.labels([transition], self.alarms.bare_at)
                if self.sequence.until is not None:
                    transition, label = self.notices.take(transition, label, transition.at_ms)
            self.ids[transition.place] = each.identity
            self._emit(transition, label, each.identity, each.key, each.details, each.span)
        self._told = []
        if judged_ms is not None and self.notices.is_on:
            self._notes(judged_ms)
        for place, more in self.notices.written.more.items():
            up = self.tracks[self.alarms.pairs[place][1]].up
            assert up is not None
            up[2] += more
        self.notices.written.more.clear()
        for (_, key), place in list(self.alarms.places.items()):
            if key not in self.tracks or self.tracks[key].up is None:
                self.alarms.let_go(place)
                self.ids.pop(place, None)

    def _notes(self, limit_ms: int) -> None:
        for said in self.notices.until(limit_ms, self.alarms.bare_at):
            for note, label in said:
                number, key = self.alarms.pairs[note.place]
                details = Details(self.evaluator, self.alarms.bare([(number, key)], [note.at_ms]), [0])
                self._emit(note, label, self.ids[note.place], key, details, None)

    def _emit(
        self, transition: Transition, label: str, identity: str, key: int, details: Details,
        span: tuple[int, int] | None,
    ) -> None:  # fmt: skip
        member, shape = self.spec.members[0], self.spec.shape
        named = self.alarms.key_of(key)
        self.emit(lifecycle_event(member, shape, transition, identity, named, details, 0, span, None, label or None))

    def _up(self) -> Iterator[tuple[int, Standing, int]]:
        severity = SEVERITIES.index(self.spec.shape.levels[0].severity)
        for key, track in self.tracks.items():
            if track.up is not None:
                _, starts_at_ms, seq, _ = track.up
                standing = Standing("firing", severity, starts_at_ms, False, (True,), (None,))
                yield self.alarms.place((0, key)), standing, seq

    # snapshots and switches

    def snapshot(self) -> Any:
        tracks = [
            [
                list(self.space.keys[key]),
                [list(event) for event in track.events],
                [[match.first_ms, match.last_ms, match.at_ms, match.row] for match in track.waiting],
                None if track.up is None else list(track.up),
                list(track.told),
            ]
            for key, track in self.tracks.items()
        ]
        flood = None if self.flood is None else self.flood.pack()
        notices = self.notices.snapshot(self.alarms.name)
        more = [] if notices is None else [notices]
        return [tracks, [pack_frame(frame) for frame in self.waiting], flood, self.telling.since_ms, *more]

    def restore(self, state: Any) -> None:
        tracks, waiting, flood, self.telling.since_ms, *more = state
        if self.flood is not None and flood is not None:
            self.flood.unpack(flood)
        self.waiting = [unpack_frame(packed) for packed in waiting]
        self._take_tracks(tracks)
        self.notices.restore(more[0] if more else None, self.alarms.by_name)

    def _take_tracks(self, tracks: Iterable[Any]) -> None:
        for key, events, matches, up, told in tracks:
            here = self.space.id_of(tuple(key))
            self.tracks[here] = Track(
                [(at, met) for at, met in events], [Match(*match) for match in matches], up, (told[0], told[1])
            )
            if up is not None:
                self.ids[self.alarms.place((0, here))] = str(up[0])

    def adopt(self, old: RowAlarmNode, renamed: Mapping[str, str], at_ms: int) -> None:
        """The rule goes on here from E: what is under way too, if it means the same; else only alarms that are up."""
        if not isinstance(old, SequenceNode):
            return
        tracks, *_ = old.snapshot()
        if _meaning(old) != _meaning(self):
            tracks = [[key, [], [], up, told] for key, _, _, up, told in tracks]
        was_up = list(old._up())
        if self.sequence.until is None or names_now(old.spec.members, self.spec.members, renamed)(old.rule) == GONE:
            tracks = [[key, events, matches, None, told] for key, events, matches, _, told in tracks]
            old_tracks = old.tracks
            old.tracks = {key: Track(up=track.up) for key, track in old_tracks.items() if track.up is not None}
        else:
            old.tracks = {}
        self._take_tracks(tracks)
        known = {name[1:]: place for name, place in self.alarms.by_name().items()}
        names = {place: old.alarms.whose(place)[1] for place, *_ in was_up}
        here = {place: known[key] for place, key in names.items() if key in known}
        self.notices.adopt(old.notices, was_up, here, at_ms)
        self.notices.flaps.adopt(old.notices.flaps, names_now(old.spec.members, self.spec.members, renamed), at_ms)
        live = promoted(old.spec.members, self.spec.members, renamed)
        self.notices.flaps.untell(live)
        if live:
            self._tell_anew(at_ms)

    def _tell_anew(self, at_ms: int) -> None:
        """Of alarms of which nobody was told as the rule was in shadow."""
        for key, track in sorted(self.tracks.items(), key=lambda item: _order(self.space.keys[item[0]])):
            if track.up is not None:
                track.up[2] += 1
                identity, starts_at_ms, seq, packed = track.up
                frame = unpack_frame(packed)
                fill_values(frame, self.spec.shape.values, self.evaluator)
                again = self._transition(key, at_ms, "unmuted", starts_at_ms, seq, "")
                self._say(again, identity, key, frame, 0, None)
        self.notices.begin(self._up)
        self._write_told(None)

    @property
    def rule(self) -> str:
        return self.spec.members[0].name

    def say_rest(self, at_ms: int) -> None:
        self.notices.begin(self._up)
        if self.notices.is_on:
            self._notes(at_ms - 1)
            self._write_told(None)

    def resolve_rest(self, at_ms: int, left: Left) -> None:
        self.notices.begin(self._up)
        self.notices.flaps.close(at_ms, left)
        for key, track in sorted(self.tracks.items(), key=lambda item: _order(self.space.keys[item[0]])):
            if track.up is not None:
                self._end(key, track, at_ms, left.reason(self.rule), None)
        self._write_told(None)
        self.tracks = {}
        self.telling.flush()

    def _announce(self, judged_ms: int) -> None:
        if self.telling.since_ms is not None and judged_ms >= self.telling.since_ms:
            for key, track in self.tracks.items():
                if track.up is not None:
                    values = self.space.keys[key]
                    self.telling.note(self.rule, values, self.telling.since_ms - 1, fires=True)
            self.telling.since_ms = None
        self.telling.flush()


def _meaning(node: SequenceNode) -> tuple[object, ...]:
    """What makes events part of a sequence. Those of several sources say by their streams what they meet."""
    sequence = node.sequence
    streams = (node.spec.stream, *sequence.also) if sequence.also else ()
    return sequence.steps, sequence.never, streams


def _order(key: KeyTuple) -> list[str]:
    return [str(value) for value in key]
