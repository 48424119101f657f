"""The life of alarms: levels with holds, vectorised over many alarms at once.

A *place* is one alarm (rule and key), numbered by whoever judges. Only alarms that are pending, firing or holding own
a row of state.

Per level, at a judgement T: the level wants to change when its raise condition (or, while it is up, its clear
condition) is true. The change happens at the first T where the wish was true at T and at T − hold or before, and false
at no judgement between. A null judgement is skipped, but a run of nulls longer than the hold makes the next
true judgement start it anew. While `until` is true the level does not raise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.aggregates.accumulator import grown
from streamwatchd.batch import NULL, TRUE, Times, Truths

SEVERITIES = ("critical", "major", "minor", "warning", "info")
NO_DATA_SEVERITY = SEVERITIES.index("warning")

_NONE = np.iinfo(np.int64).min
_QUIET = -1
_INACTIVE, _PENDING, _FIRING = 0, 1, 2
_STATES = ("resolved", "pending", "firing")

Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Holds:
    """The timing of one level: its severity's rank and its hold times in ms; `has_until` if it clears on its own."""

    severity: int
    for_ms: int
    until_for_ms: int
    has_until: bool


@dataclass(frozen=True, slots=True)
class Transition:
    """One step in the life of an alarm. `index` is its position in the arrays of the judgement (-1: none).

    `opens` is true when the alarm leaves inactive, `closes` when it returns to it. `seq` counts from 1. Severities are
    ranks in `SEVERITIES`; `previous` is that of the life's previous event, -1 on the first.
    """

    place: int
    index: int
    at_ms: int
    event: str
    state: str
    severity: int
    previous: int
    starts_at_ms: int
    seq: int
    opens: bool
    closes: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """An alarm that is not at rest. Per level: whether it is up, and since when its wish to change holds."""

    state: str
    severity: int
    starts_at_ms: int
    no_data: bool
    up: tuple[bool, ...]
    hold_ms: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class _Where:
    row: int
    place: int
    index: int
    at_ms: int


class Lifecycle:
    """The rows of alarms that are not at rest."""

    def __init__(self, levels: Sequence[Holds]) -> None:
        self.levels = tuple(levels)
        self._row_of = np.zeros(0, np.int32)
        self._silent = np.zeros(0, bool)
        self._free: list[int] = []
        self.place = np.zeros(0, np.intp)
        self.up = [np.zeros(0, bool) for _ in levels]
        self.hold = [np.zeros(0, np.int64) for _ in levels]
        self.nulls = [np.zeros(0, np.int64) for _ in levels]
        self.state = np.zeros(0, np.int8)
        self.severity = np.zeros(0, np.int8)
        self.no_data = np.zeros(0, bool)
        self.starts_at = np.zeros(0, np.int64)
        self.seq = np.zeros(0, np.int64)

    def active(self) -> Places:
        """The places that own a row."""
        return np.sort(self.place[self.place >= 0])

    def firing(self) -> Places:
        """The places whose alarms fire."""
        return np.sort(self.place[(self.place >= 0) & (self.state == _FIRING)])

    def is_active(self, places: Places) -> npt.NDArray[np.bool_]:
        self._reach(places)
        return self._row_of[places] >= 0

    # one judgement of many alarms

    def step(
        self,
        places: Places,
        at: Times,
        raises: Sequence[Truths],
        clears: Sequence[Truths],
        silent: npt.NDArray[np.bool_] | None = None,
        silence_action: str = "keep",
    ) -> list[Transition]:
        """Judge `places` (each once) at the times `at`; per level the raise and clear conditions.

        `clears` of a level without `until` is the negation of its raise condition. `silent` says which keys have had
        no event for as long as `no_data` waits; a silence that begins is the only thing that happens at its T. Places
        at rest whose raise conditions are all not true, and whose silence does not change, need not be given.
        """
        if not len(places):
            return []
        rows = self._rows(places)
        judged = np.zeros(len(places), bool)
        for number, level in enumerate(self.levels):
            judged |= (raises[number] != NULL) | (level.has_until & (clears[number] != NULL))
            self._advance(number, level, rows, at, raises[number], clears[number])
        began = np.zeros(len(places), bool)
        if silent is not None:
            began = silent & ~self._silent[places]
            self._silent[places] = silent
        result = self._transitions(rows, places, at, judged, began, silence_action)
        self._release(rows)
        return result

    def silence_changed(self, places: Places, silent: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Where silence is not what it was at the last judgement."""
        changed: npt.NDArray[np.bool_] = self.is_silent(places) != silent
        return changed

    def _advance(self, number: int, level: Holds, rows: Places, at: Times, raised: Truths, cleared: Truths) -> None:
        up, hold, nulls = self.up[number][rows], self.hold[number][rows], self.nulls[number][rows]
        wish = np.where(up, cleared, raised)
        need = np.where(up, level.until_for_ms, level.for_ms)
        null, true = wish == NULL, wish == TRUE
        anew = (hold == _NONE) | ((nulls != _NONE) & (at - nulls > need))
        hold = np.where(true, np.where(anew, at, hold), np.where(null, hold, _NONE))
        nulls = np.where(null & (hold != _NONE), np.where(nulls == _NONE, at, nulls), _NONE)
        flip = true & (at - hold >= need)
        if level.has_until:
            flip &= up | (cleared != TRUE)
        self.up[number][rows] = up ^ flip
        self.hold[number][rows] = np.where(flip, _NONE, hold)
        self.nulls[number][rows] = np.where(flip, _NONE, nulls)

    def _transitions(
        self,
        rows: Places,
        places: Places,
        at: Times,
        judged: npt.NDArray[np.bool_],
        began: npt.NDArray[np.bool_],
        silence_action: str,
    ) -> list[Transition]:
        top, holding = self._tops(rows)
        standing = self.no_data[rows] & ~judged & ~began
        self.no_data[rows] &= standing | began
        state = self.state[rows]
        firing = (top != _QUIET) & ((state != _FIRING) | (top != self.severity[rows]))
        ending = (top == _QUIET) & ((state == _FIRING) | ((state == _PENDING) & (holding == _QUIET)))
        opening = (top == _QUIET) & (holding != _QUIET) & (state != _PENDING)
        changed = np.flatnonzero(((firing | ending | opening) & ~standing) | began)
        result: list[Transition] = []
        for i in changed[np.argsort(places[changed], kind="stable")].tolist():
            where = _Where(int(rows[i]), int(places[i]), i, int(at[i]))
            if began[i]:
                self._go_silent(result, where, int(top[i]), silence_action)
            else:
                self._settle(result, where, int(top[i]), int(holding[i]))
        return result

    def _tops(self, rows: Places) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
        """Per row the severity of the most severe level that is up, and of the most severe that holds."""
        top = np.full(len(rows), _QUIET, np.int8)
        holding = np.full(len(rows), _QUIET, np.int8)
        for number in reversed(range(len(self.levels))):
            level = self.levels[number]
            up = self.up[number][rows]
            top[up] = level.severity
            if level.for_ms:
                holding[~up & (self.hold[number][rows] != _NONE)] = level.severity
        return top, holding

    def _settle(self, result: list[Transition], where: _Where, top: int, holding: int) -> None:
        state, severity = int(self.state[where.row]), int(self.severity[where.row])
        if top != _QUIET:
            event = "fired" if state != _FIRING else "escalated" if top < severity else "relaxed"
            self._emit(result, where, event, _FIRING, top)
            return
        if state == _FIRING:
            self._emit(result, where, "resolved", _INACTIVE, severity, "cleared")
        if holding != _QUIET and state != _PENDING:
            self._emit(result, where, "pending", _PENDING, holding)
        elif holding == _QUIET and state == _PENDING:
            self._emit(result, where, "resolved", _INACTIVE, severity, "not_held")

    def _go_silent(self, result: list[Transition], where: _Where, top: int, action: str) -> None:
        if action == "alert":
            self._emit(result, where, "no_data", _FIRING, NO_DATA_SEVERITY if top == _QUIET else top)
            self.no_data[where.row] = True
        else:
            self._end_row(result, where, "no_data")

    def _emit(
        self, result: list[Transition], where: _Where, event: str, state: int, severity: int, reason: str = ""
    ) -> None:
        row = where.row
        opens = self.state[row] == _INACTIVE
        previous = _QUIET if opens else int(self.severity[row])
        if opens:
            self.starts_at[row], self.seq[row] = where.at_ms, 0
        self.seq[row] += 1
        self.state[row], self.severity[row] = state, severity
        result.append(
            Transition(
                place=where.place,
                index=where.index,
                at_ms=where.at_ms,
                event=event,
                state=_STATES[state],
                severity=severity,
                previous=previous,
                starts_at_ms=int(self.starts_at[row]),
                seq=int(self.seq[row]),
                opens=bool(opens),
                closes=state == _INACTIVE,
                reason=reason,
            )
        )

    def fall_silent(self, places: Places, at: Times, action: str) -> list[Transition]:
        """Silence that begins between judgements; `places` are not silent yet."""
        rows = self._rows(places)
        self._silent[places] = True
        top, _ = self._tops(rows)
        result: list[Transition] = []
        for i, place in enumerate(places.tolist()):
            where = _Where(int(rows[i]), place, i, int(at[i]))
            self._go_silent(result, where, int(top[i]), action)
        self._release(rows)
        return result

    def is_silent(self, places: Places) -> npt.NDArray[np.bool_]:
        self._reach(places)
        return self._silent[places]

    def end(self, places: Places, at_ms: int, reason: str) -> list[Transition]:
        """Resolve and clear whatever these places are."""
        self._reach(places)
        self._silent[places] = False
        result: list[Transition] = []
        for place in places[self._row_of[places] >= 0].tolist():
            row = int(self._row_of[place])
            self._end_row(result, _Where(row, place, -1, at_ms), reason)
            self._release(np.array([row], np.intp))
        return result

    def _end_row(self, result: list[Transition], where: _Where, reason: str) -> None:
        row = where.row
        if self.state[row] != _INACTIVE:
            self._emit(result, where, "resolved", _INACTIVE, int(self.severity[row]), reason)
        self.no_data[row] = False
        for number in range(len(self.levels)):
            self.up[number][row], self.hold[number][row], self.nulls[number][row] = False, _NONE, _NONE

    def begin_anew(self, places: Places) -> None:
        """Holds that run start again with the next judgement, if their wish is true then; what is up stays up."""
        self._reach(places)
        rows = self._row_of[places]
        rows = rows[rows >= 0]
        for hold, nulls in zip(self.hold, self.nulls, strict=True):
            hold[rows], nulls[rows] = _NONE, _NONE

    def amend(self, place: int, at_ms: int, end_ms: int, severity: int, reason: str) -> Transition:
        """Note at T that a window that ended before says something else now; the life goes on as it was.

        An alarm at rest has no life to note it in: the event stands for itself, with the severity given.
        """
        row = int(self._row_of[place]) if place < len(self._row_of) else -1
        if row < 0 or self.state[row] == _INACTIVE:
            return Transition(
                place, -1, at_ms, "amended", _STATES[_INACTIVE], severity, _QUIET, end_ms, 1, True, True, reason
            )
        self.seq[row] += 1
        mine = int(self.severity[row])
        state, starts_at_ms = _STATES[int(self.state[row])], int(self.starts_at[row])
        return Transition(
            place, -1, at_ms, "amended", state, mine, mine, starts_at_ms, int(self.seq[row]), False, False, reason
        )

    def standing(self, place: int) -> Standing | None:
        """How an alarm stands; None at rest."""
        row = int(self._row_of[place]) if place < len(self._row_of) else -1
        if row < 0:
            return None
        return Standing(
            state=_STATES[int(self.state[row])],
            severity=int(self.severity[row]),
            starts_at_ms=int(self.starts_at[row]),
            no_data=bool(self.no_data[row]),
            up=tuple(bool(each[row]) for each in self.up),
            hold_ms=tuple(None if each[row] == _NONE else int(each[row]) for each in self.hold),
        )

    def severity_of(self, place: int) -> int:
        """The rank of an alarm that is up."""
        return int(self.severity[self._row_of[place]])

    def note(self, place: int, at_ms: int, event: str, reason: str = "") -> Transition:
        """Something about an alarm that is up which changes nothing in it."""
        row = int(self._row_of[place])
        self.seq[row] += 1
        severity = int(self.severity[row])
        state, starts_at_ms = _STATES[int(self.state[row])], int(self.starts_at[row])
        seq = int(self.seq[row])
        return Transition(place, -1, at_ms, event, state, severity, severity, starts_at_ms, seq, False, False, reason)

    def seq_of(self, place: int) -> int:
        """The number of the last event of an alarm that is up."""
        return int(self.seq[self._row_of[place]])

    def count(self, notes: Mapping[int, int]) -> None:
        """So many events more were written of these alarms; those at rest by now have none."""
        for place, more in notes.items():
            if 0 <= place < len(self._row_of) and self._row_of[place] >= 0:
                self.seq[self._row_of[place]] += more

    def next_deadline(self, after_ms: int) -> int | None:
        """The earliest instant at which a running hold can end by time alone."""
        rows = np.flatnonzero(self.place >= 0)
        ends: list[int] = []
        for number, level in enumerate(self.levels):
            hold = self.hold[number][rows]
            need = np.where(self.up[number][rows], level.until_for_ms, level.for_ms)
            ends.extend((hold + need)[hold != _NONE].tolist())
        return min((end for end in ends if end > after_ms), default=None)

    # rows

    def _reach(self, places: Places) -> None:
        size = int(places.max(initial=-1)) + 1
        if size > len(self._row_of):
            size = max(size, 2 * len(self._row_of))
            self._row_of = grown(self._row_of, size, -1)
            self._silent = grown(self._silent, size, False)

    def _rows(self, places: Places) -> Places:
        self._reach(places)
        rows = self._row_of[places].astype(np.intp)
        missing = np.flatnonzero(rows < 0)
        if len(missing):
            if len(self._free) < len(missing):
                self._grow(len(missing))
            fresh = np.array([self._free.pop() for _ in range(len(missing))], np.intp)
            rows[missing] = fresh
            self._row_of[places[missing]] = fresh
            self.place[fresh] = places[missing]
        return rows

    def _grow(self, extra: int) -> None:
        old = len(self.place)
        size = max(64, 2 * old, old + extra)
        self._free.extend(range(size - 1, old - 1, -1))
        self.place = grown(self.place, size, -1)
        self.up = [grown(a, size, False) for a in self.up]
        self.hold = [grown(a, size, _NONE) for a in self.hold]
        self.nulls = [grown(a, size, _NONE) for a in self.nulls]
        self.state, self.severity = grown(self.state, size, _INACTIVE), grown(self.severity, size, _QUIET)
        self.no_data = grown(self.no_data, size, False)
        self.starts_at, self.seq = grown(self.starts_at, size, 0), grown(self.seq, size, 0)

    def _release(self, rows: Places) -> None:
        busy = self.state[rows] != _INACTIVE
        for number in range(len(self.levels)):
            busy |= self.up[number][rows] | (self.hold[number][rows] != _NONE)
        idle = rows[~busy]
        for number in range(len(self.levels)):
            self.nulls[number][idle] = _NONE
        self._row_of[self.place[idle]] = -1
        self.place[idle] = -1
        self._free.extend(idle.tolist())

    # snapshots

    def snapshot(self) -> dict[str, Any]:
        """Rows in use, as packable arrays."""
        rows = np.flatnonzero(self.place >= 0)
        return {
            "place": self.place[rows].astype(np.int64),
            "up": [a[rows] for a in self.up],
            "hold": [a[rows] for a in self.hold],
            "nulls": [a[rows] for a in self.nulls],
            "state": self.state[rows],
            "severity": self.severity[rows],
            "no_data": self.no_data[rows],
            "starts_at": self.starts_at[rows],
            "seq": self.seq[rows],
            "silent": np.flatnonzero(self._silent).astype(np.int64),
        }

    def restore(
        self, state: dict[str, Any], places: Places | None = None, levels: Sequence[int | None] | None = None
    ) -> None:
        """The inverse; `places` renumbers the rows (-1 drops one), `levels` says which old level each level was."""
        if levels is not None:
            state = state | {name: _levels(state[name], levels, state["state"]) for name in ("up", "hold", "nulls")}
        target = state["place"].astype(np.intp) if places is None else places
        keep = target >= 0
        rows = self._rows(target[keep])
        for mine, theirs in zip((*self.up, *self.hold, *self.nulls), (*state["up"], *state["hold"], *state["nulls"])):
            mine[rows] = theirs[keep]
        for name in ("state", "severity", "no_data", "starts_at", "seq"):
            getattr(self, name)[rows] = state[name][keep]
        if places is None:
            self.hush(state["silent"].astype(np.intp))

    def hush(self, places: Places) -> None:
        """Note that these places are silent already."""
        self._reach(places)
        self._silent[places] = True


def same_levels(old: Sequence[Holds], new: Sequence[Holds]) -> list[int | None]:
    """Which old level each new one goes on from: the one of its severity, else in order of what is left."""
    severities = [level.severity for level in old]
    found: list[int | None] = [severities.index(each.severity) if each.severity in severities else None for each in new]
    rest = [number for number in range(len(old)) if number not in found]
    return [number if number is not None or not rest else rest.pop(0) for number in found]


def _levels(old: Sequence[Any], levels: Sequence[int | None], rows: Any) -> list[Any]:
    """Per new level the rows of the old one; a level that nothing was starts at rest."""
    rest = {"b": False}.get(old[0].dtype.kind, _NONE)
    return [np.full(len(rows), rest, old[0].dtype) if number is None else old[number] for number in levels]
