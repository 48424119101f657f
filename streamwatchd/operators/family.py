"""A family: all pane tables of one stream, key set and filter, and since when each key is known.

Rows enter the finest table only; wider tables are rolled up from its closed panes. A family is fed by rows, or behind
the exchange by partials, one final one per feeder and pane.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.aggregates.accumulator import State
from streamwatchd.aggregates.base import ACCUMULATORS
from streamwatchd.batch import TRUE, Frame, Rows, Times, take
from streamwatchd.operators.asking import BEGINNING, FOREVER, Ask, Life, lives, table_of, united
from streamwatchd.operators.evaluate import Evaluator
from streamwatchd.operators.family_state import picture, put_back
from streamwatchd.operators.flood import Flood, overflow
from streamwatchd.operators.keyspace import OVERFLOW, Admission, KeySpace, is_admitted, shared_ids
from streamwatchd.operators.known import UNKNOWN, Instants, Known, last_before
from streamwatchd.operators.late import LateLayer, Partial, View
from streamwatchd.operators.node import first_multiple_above
from streamwatchd.operators.panes import BEFORE_ALL, Feed, Pane, PaneTable
from streamwatchd.operators.spec import Accumulation, FamilySpec, TableSpec, Window


@dataclass(slots=True)
class Family:
    """State per task, final up to `closed_ms`; rows count from `begins_ms` on.

    `spec` is what all `asks` together want. `began` says since when an accumulation is kept in a table, `kept` before
    which instant panes of a table are gone though their readers reach further. `warmed`: of asks, by their first
    instant, since when rows count for them that are filled in from before it. `is_sent`: panes go to a later stage.
    `late` is what came too late, if a rule amends. `since_ms` is when the family began, whatever it is filled with from
    before that; `promises` are what its feeders have said of that, as long as some have not (`gap`). Keys were
    `placed` anew at these instants (`known`).
    """

    spec: FamilySpec
    space: KeySpace
    evaluator: Evaluator
    begins_ms: int = BEGINNING
    is_sent: bool = False
    asks: list[Ask] = field(default_factory=list)
    tables: dict[int, PaneTable] = field(default_factory=dict)
    known: dict[tuple[int, int], Known] = field(default_factory=dict)
    closed_ms: int = BEGINNING
    began: dict[tuple[int, Accumulation], int] = field(default_factory=dict)
    kept: dict[int, int] = field(default_factory=dict)
    first_ms: int = BEGINNING
    since_ms: int = BEGINNING
    promises: dict[str, int] = field(default_factory=dict)
    shrunk_ms: int = BEGINNING
    unkeyed: int = 0
    flood: Flood | None = None
    pending: dict[int, dict[str, Partial]] = field(default_factory=dict)
    late: LateLayer | None = None
    warmed: dict[int, int] = field(default_factory=dict)
    placed: Instants = ()
    _lives: list[Life] = field(default_factory=list)
    old_known: list[Known] = field(default_factory=list)
    _admissions: dict[tuple[str, frozenset[str]], Admission] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.first_ms = self.since_ms = self.begins_ms
        self.asks = [Ask(self.begins_ms, FOREVER, self.spec)]
        self._live()
        for table in self.spec.tables:
            self.tables[table.width_ms] = self._table(table, self.spec)
        self.known = {manner: Known(*manner) for manner in self.spec.forgets}
        self._ask_late()

    def _ask_late(self) -> None:
        """Keep what is late while somebody asks for it."""
        if not self.spec.amend_ms:
            self.late = None
        elif self.late is None:
            self.late = LateLayer(self.finest.width_ms, self.finest.accumulations)
        else:
            self.late.accumulations = self.finest.accumulations

    def _table(self, table: TableSpec, spec: FamilySpec) -> PaneTable:
        times = spec.track_times and table.parent_ms == 0
        return PaneTable(table.width_ms, table.accumulations, track_times=times, is_long=table.is_long)

    @property
    def finest(self) -> PaneTable:
        return self.tables[self.spec.tables[0].width_ms]

    @property
    def known_bytes(self) -> int:
        """What is kept of since when keys are known."""
        return sum(known.since.nbytes + known.last.nbytes for known in (*self.known.values(), *self.old_known))

    @property
    def until_ms(self) -> int:
        """From here on nobody asks for it."""
        return max(ask.until_ms for ask in self.asks)

    # change

    def of_mine(self, asks: Sequence[Ask]) -> list[Ask]:
        """Those that concern it and no older family of the same meaning."""
        return [ask for ask in asks if ask.from_ms >= self.first_ms and ask.until_ms >= self.shrunk_ms]

    def _live(self) -> None:
        asks = [replace(ask, from_ms=min(ask.from_ms, self.warmed.get(ask.from_ms, FOREVER))) for ask in self.asks]
        self._lives, self._admissions = lives(asks), {}

    def warm(self, at_ms: int, from_ms: int) -> None:
        """For what is asked from E on rows count that are so much older; see `gap`."""
        self.warmed[at_ms] = from_ms
        self._live()

    def dropped_before(self, width_ms: int, judged_ms: int) -> int:
        """Panes of a table that start before this instant are gone, as every reader has judged up to `judged_ms`."""
        table = table_of(self.spec, width_ms)
        retention_ms = 0 if table is None else table.retention_ms
        return max(BEGINNING, min(judged_ms - retention_ms, self.closed_ms) // width_ms * width_ms)

    def ask(self, asks: Sequence[Ask], at_ms: int, *, anew: bool) -> None:
        """The asks after a change at E; `anew`: the last one is new. What no running ask covers begins at E.

        Asks from before its own first one were those of an older family of the same meaning; what `shrink` has let go
        is over, also where the flow still knows of it.
        """
        self.asks = self.of_mine(asks)
        self._live()
        if anew:
            newest = self.asks[-1].spec
            covering = [ask.spec for ask in self.asks[:-1] if ask.until_ms >= at_ms]
            for table in newest.tables:
                self._ask_table(table, newest, covering, at_ms)
            self._ask_known(newest, covering, at_ms)
            self._ask_constants(newest, covering)
        self.spec = united(self.asks)
        self._ask_late()

    def _ask_table(self, table: TableSpec, spec: FamilySpec, covering: Sequence[FamilySpec], at_ms: int) -> None:
        width = table.width_ms
        before = [known for each in covering if (known := table_of(each, width)) is not None]
        mine = self.tables.get(width)
        if before:
            reach = max(each.retention_ms for each in before)
            if table.retention_ms > reach:
                self.kept[width] = max(self.kept.get(width, BEGINNING), up(at_ms - reach, width))
            covered = {each for one in before for each in one.accumulations}
            self.began |= {(width, each): at_ms for each in table.accumulations if each not in covered}
        else:
            self._begin_table(table, covering, at_ms)
        if mine is None:
            mine = self.tables[width] = self._table(table, spec)
            self._roll_up(mine)
        else:
            mine.accumulations = tuple(dict.fromkeys((*mine.accumulations, *table.accumulations)))
            mine.track_times |= spec.track_times and table.parent_ms == 0
            mine.is_long |= table.is_long

    def _begin_table(self, table: TableSpec, covering: Sequence[FamilySpec], at_ms: int) -> None:
        width = table.width_ms
        self.kept[width], began = self.beginning_of(table, covering, at_ms)
        self.began |= {(width, each): since for each, since in began.items()}

    def beginning_of(
        self, table: TableSpec, covering: Sequence[FamilySpec], at_ms: int
    ) -> tuple[int, dict[Accumulation, int]]:
        """A wide table that comes at E has what the finest panes still have: from when on, in all and of each."""
        finest = self.finest.width_ms
        sources = [known for each in covering if (known := table_of(each, finest)) is not None]
        reach = max((each.retention_ms for each in sources), default=0)
        kept = up(max(self.kept.get(finest, BEGINNING), at_ms - reach), table.width_ms)
        there = {each for source in sources for each in source.accumulations}
        began = {
            each: self.began.get((finest, each), BEGINNING) if each in there else at_ms for each in table.accumulations
        }
        return kept, began

    def _roll_up(self, table: PaneTable) -> None:
        """Take in the panes that are closed already."""
        finest = self.finest
        for index in finest.panes.within(BEFORE_ALL, self.closed_ms // finest.width_ms):
            start = index * finest.width_ms
            if start >= self.kept[table.width_ms]:
                table.merge_pane(start // table.width_ms, finest.panes[index], None, len(self.space))

    def _ask_known(self, spec: FamilySpec, covering: Sequence[FamilySpec], at_ms: int) -> None:
        covered = {manner for each in covering for manner in each.forgets}
        for manner in spec.forgets:
            if manner not in covered:
                if manner in self.known:
                    self.old_known.append(self.known[manner])
                like = next((self.known[each] for each in sorted(covered)), None)
                self.known[manner] = (
                    Known(*manner, begins_ms=at_ms)
                    if like is None
                    else Known(*manner, like.since.copy(), like.last.copy(), like.begins_ms)
                )

    def _ask_constants(self, spec: FamilySpec, covering: Sequence[FamilySpec]) -> None:
        """Keys of constants that nobody asked for lately were not followed, so they are not known."""
        if not spec.admits or all(each.admits == spec.admits for each in covering):
            return
        gone = [
            number
            for number, key in enumerate(self.space.keys)
            if not any(is_admitted(each.admits, key) for each in covering)
        ]
        for known in self.known.values():
            known.grow(len(self.space))
            known.since[gone] = UNKNOWN

    def shrink(self, limit_ms: int) -> None:
        """Let go what nobody asks for; every reader has judged up to the limit."""
        kept = [ask for ask in self.asks if ask.until_ms >= limit_ms]
        if len(kept) == len(self.asks) or not kept:
            return
        self.asks, self.old_known = kept, []
        self.warmed = {at: since for at, since in self.warmed.items() if any(ask.from_ms == at for ask in kept)}
        self._live()
        self.shrunk_ms = limit_ms
        self.spec = united(kept)
        tables = {table.width_ms: table for table in self.spec.tables}
        self.tables = {width: table for width, table in self.tables.items() if width in tables}
        for width, table in self.tables.items():
            table.keep(tables[width].accumulations)
        self.kept = {width: at for width, at in self.kept.items() if width in tables}
        self.began = {
            (width, each): at
            for (width, each), at in self.began.items()
            if width in tables and each in tables[width].accumulations
        }
        asked = {manner for ask in kept for manner in ask.spec.forgets}
        self.known = {manner: known for manner, known in self.known.items() if manner in asked}
        self._ask_late()

    def counts_from(self, width_ms: int, accumulations: Sequence[Accumulation]) -> int:
        """The first instant from which panes have all of these, a multiple of the width."""
        since = max([BEGINNING, *(self.began.get((width_ms, each), BEGINNING) for each in accumulations)])
        return max(self.kept.get(width_ms, BEGINNING), up(since, width_ms))

    @property
    def _steps_from(self) -> dict[Accumulation, int]:
        """From which instant on samples count for what goes from one to the next."""
        width = self.finest.width_ms
        return {each: self.counts_from(width, (each,)) for w, each in self.began if w == width}

    def follows_from(self, constants: Sequence[str]) -> int:
        """Since when rows with these constants are taken in, without a gap up to now."""
        ways = (life for life in self._lives if is_admitted(life.admits, tuple(constants)))
        return min((life.from_ms for life in ways), default=FOREVER)

    # feeding

    def add_rows(self, frame: Frame) -> None:
        """Rows of the stream, none of them late."""
        feed, beyond, unkeyed = self._feed_of(frame, frame.time)
        self.unkeyed += unkeyed
        if len(beyond) and self.flood is not None:
            overflow(self.flood, self.spec.keys, self.evaluator, frame, beyond)
        if not len(feed.ids):
            return
        self.space.note(feed.ids, feed.time)
        for table in self.spec.tables:
            if table.parent_ms == 0:
                self.tables[table.width_ms].add(feed, len(self.space))

    def add_late(self, frame: Frame, arrivals: Times) -> None:
        """Late rows of the stream, and the first instant that the watermark had not passed when each came.

        Who asks then takes them in: a version that their own times are of may be gone.
        """
        if self.late is None or not len(frame):
            return
        feed, _, _ = self._feed_of(frame, arrivals)
        if len(feed.ids):
            self.space.note(feed.ids, arrivals if feed.rows is None else arrivals[feed.rows])
            self.late.add(feed, arrivals if feed.rows is None else arrivals[feed.rows], len(self.space))

    def _feed_of(self, frame: Frame, at: Times) -> tuple[Feed, npt.NDArray[np.intp], int]:
        """The rows that have a key here, those whose key is one too many, and how many have none."""
        mask = self._passing(frame, at)
        rows = None if mask is None or mask.all() else np.flatnonzero(mask)
        ids = self._ids(frame, rows)
        keyed = ids >= 0
        beyond, unkeyed = np.zeros(0, np.intp), 0
        if not keyed.all():
            beyond = np.flatnonzero(ids == OVERFLOW)
            unkeyed = int(np.count_nonzero(~keyed)) - len(beyond)
            beyond = beyond if rows is None else rows[beyond]
            rows = np.flatnonzero(keyed) if rows is None else rows[keyed]
            ids = ids[keyed]
        return Feed(frame, rows, ids, self.evaluator), beyond, unkeyed

    def _ids(self, frame: Frame, rows: npt.NDArray[np.intp] | None) -> Rows:
        """Key ids of the rows. Where a filter keeps few, only they make keys; else the work is shared with others."""
        if rows is None or (2 * len(rows) > len(frame) and not self.space.is_scarce):
            ids = key_ids(self.spec, self.space, self.evaluator, frame)
            return ids if rows is None else ids[rows]
        columns = [take(self.evaluator.column(key.expr, frame), rows) for key in self.spec.keys]
        return self.space.ids(columns, len(rows))

    def takes(self, frame: Frame) -> npt.NDArray[np.bool_]:
        """Which rows of the stream pass the filter, the constants and the time of the family."""
        mask = self._passing(frame, frame.time)
        return np.ones(len(frame), bool) if mask is None else mask

    def _passing(self, frame: Frame, at: Times) -> npt.NDArray[np.bool_] | None:
        """Which rows pass the filter, the constants and the time of the family; None: all."""
        mask = None if self.spec.where is None else self.evaluator.truths(self.spec.where, frame) == TRUE
        living = self._living(frame, at, 0)
        for number in range(1, len(self._lives)):
            other = self._living(frame, at, number)
            living = None if living is None or other is None else living | other
        if living is None:
            return mask
        return living if mask is None else mask & living

    def _living(self, frame: Frame, at: Times, number: int) -> npt.NDArray[np.bool_] | None:
        """Which rows a stretch takes in, by their time and by the constants that were asked for then; None: all."""
        life = self._lives[number]
        mask: npt.NDArray[np.bool_] | None = None
        if life.from_ms > BEGINNING or life.until_ms < FOREVER:
            mask = (at >= life.from_ms) & (at < life.until_ms)
        for key, values in zip(self.spec.keys, life.admits, strict=False):
            admission = self._admissions.get((key.name, values))
            if admission is None:
                admission = self._admissions[key.name, values] = Admission(values)
            admitted = admission.of(self.evaluator.column(key.expr, frame))
            mask = admitted if mask is None else mask & admitted
        return mask

    def set_partial(self, index: int, feeder: str, said: Partial) -> None:
        """The final word of a feeder on a pane of the finest width; saying it again changes nothing."""
        if (index + 1) * self.finest.width_ms > self.closed_ms:
            self.pending.setdefault(index, {})[feeder] = said

    def set_late(self, slot_ms: int, index: int, feeder: str, said: Partial) -> None:
        """The final word of a feeder on what came late for a pane."""
        if self.late is not None and slot_ms > self.closed_ms:
            self.late.set_partial(slot_ms, index, feeder, said)

    # closing

    def close(self, until_ms: int) -> None:
        """Panes that end at or before `until_ms` are final: merge partials, roll up, note which keys are known."""
        if until_ms <= self.closed_ms:
            return
        finest = self.finest
        self._merge_pending(until_ms)
        if self.late is not None:
            self.late.merge_pending(until_ms, self.space)
        size = len(self.space)
        for index in finest.panes.within(self.closed_ms // finest.width_ms, until_ms // finest.width_ms):
            finest.settle(index, size, self._steps_from)
            pane = finest.panes[index]
            if self.known:
                here = np.flatnonzero(pane.count)
                for known in (*self.known.values(), *self.old_known):
                    if index * finest.width_ms >= known.begins_ms and len(here):
                        known.note(here, pane, size)
            for table in self.spec.tables:
                if table.parent_ms:
                    wide = index * finest.width_ms // table.width_ms
                    self.tables[table.width_ms].merge_pane(wide, pane, None, size)
        self._shrink_closed(until_ms)
        self.closed_ms = until_ms

    def _shrink_closed(self, until_ms: int) -> None:
        """Panes that stay for long and are final now."""
        for width, table in self.tables.items():
            if table.is_long:
                for index in table.panes.within(self.closed_ms // width, until_ms // width):
                    table.shrink(index)

    def _merge_pending(self, until_ms: int) -> None:
        finest = self.finest
        for index in sorted(i for i in self.pending if (i + 1) * finest.width_ms <= until_ms):
            feeders = self.pending.pop(index)
            if not self._counts(index):
                self._note_old(feeders.values())
                continue
            for _, said in sorted(feeders.items()):
                ids = self.space.bounded_ids(said.keys)
                pane = said.pane
                if ids.min(initial=0) < 0:
                    self._overflow(index, said, np.flatnonzero(ids < 0))
                    pane = pane.take(np.flatnonzero(ids >= 0))
                    ids = ids[ids >= 0]
                self.space.note(ids, (index + 1) * finest.width_ms - 1)
                finest.merge_pane(index, pane, ids, len(self.space))

    def _counts(self, index: int) -> bool:
        """Whether a pane is of the family's time; before its beginning it may not be all there."""
        start, end = index * self.finest.width_ms, (index + 1) * self.finest.width_ms
        return start >= self.begins_ms or (end > self.begins_ms and self.begins_ms == self.since_ms)

    def _note_old(self, said: Iterable[Partial]) -> None:
        """A pane that is not all there says still whose events there were, to a family that is filled."""
        if self.begins_ms == self.since_ms:
            return
        pane = Pane.empty()
        for each in said:
            ids = self.space.bounded_ids(each.keys)
            pane.merge(each.pane.take(np.flatnonzero(ids >= 0)), ids[ids >= 0], len(self.space), ())
        here = np.flatnonzero(pane.count)
        for known in self.known.values() if len(here) else ():
            known.note(here, pane, len(self.space))

    def _overflow(self, index: int, said: Partial, beyond: npt.NDArray[np.intp]) -> None:
        """Counts of keys that have no place, as events at the pane's start."""
        if self.flood is not None:
            starts = np.full(len(beyond), index * self.finest.width_ms, np.int64)
            keys = [said.keys[place] for place in beyond.tolist()]
            self.flood.take(starts, starts, keys.__getitem__, said.pane.count[beyond])

    def pass_by(self, limit_ms: int) -> None:
        """Storms of keys end when nothing before that instant can come any more; partials count at a close."""
        if self.flood is None:
            return
        if self.spec.route is not None and not self.is_sent:
            width = self.finest.width_ms
            limit_ms = min(limit_ms // width, *self.pending) * width if self.pending else limit_ms // width * width
        self.flood.pass_by(limit_ms)

    def drop_before(self, judged_ms: int) -> None:
        """Forget what no window judged after `judged_ms` can reach."""
        for table in self.spec.tables:
            self.tables[table.width_ms].drop_before(min(judged_ms - table.retention_ms, self.closed_ms))
        if self.late is not None and len(self.late):
            self.late.drop_before(judged_ms - max(table.retention_ms for table in self.spec.tables))

    # reading

    def read(
        self,
        accumulation: Accumulation,
        window: Window,
        judged_ms: int,
        keys: npt.NDArray[np.intp] | None = None,
        from_ms: int = BEGINNING,
        view: View | None = None,
    ) -> State:
        """The state of a window at T, for all keys or for `keys` in their order; of panes from `from_ms` on.

        With a `view` what came late belongs to it.
        """
        end = window.end(judged_ms)
        size = len(self.space)
        start = min(end, max(window.start(judged_ms), from_ms))
        reader = *window.manner, from_ms
        state = self.tables[window.width_ms].read(accumulation, start, end, size, keys, reader)
        if view is None or not self.late:
            return state
        return self._with_late(accumulation, state, self.late.between(start, end, view), keys)

    def _with_late(
        self, accumulation: Accumulation, state: State, panes: Iterator[Pane], keys: npt.NDArray[np.intp] | None
    ) -> State:
        """A new state where something came late; closed panes stay as they are."""
        accumulator = ACCUMULATORS[accumulation.accumulator]
        size = len(self.space) if keys is None else len(keys)
        mine: State = None
        for pane in panes:
            if accumulation in pane.states:
                if mine is None:
                    mine = accumulator.merge(accumulator.empty(size), state, None, size)
                part = pane.states[accumulation]
                part = part if keys is None else accumulator.take(part, keys)
                mine = accumulator.merge(mine, part, None, size)
        return state if mine is None else mine

    def counts(
        self, window: Window, judged_ms: int, from_ms: int = BEGINNING, view: View | None = None
    ) -> npt.NDArray[np.int64]:
        end = window.end(judged_ms)
        start = min(end, max(window.start(judged_ms), from_ms))
        counts = self.tables[window.width_ms].counts(start, end, len(self.space))
        if view is not None and self.late:
            counts = counts + self.late.counts(start, end, view, len(self.space))
        return counts

    def late_counts(self, window: Window, judged_ms: int, from_ms: int, view: View) -> npt.NDArray[np.int64]:
        """What a view has of a window, without the panes that are closed."""
        end = window.end(judged_ms)
        start = min(end, max(window.start(judged_ms), from_ms))
        if not self.late:
            return np.zeros(len(self.space), np.int64)
        return self.late.counts(start, end, view, len(self.space))

    def has_spoken(self, window: Window, judged_ms: int) -> npt.NDArray[np.bool_] | None:
        """Which keys have panes in the window at T from after keys were last placed anew; None: all that count."""
        placed_ms = last_before(self.placed, judged_ms)
        if placed_ms <= window.start(judged_ms):
            return None
        return self.counts(window, judged_ms, up(placed_ms, window.width_ms)) > 0

    def earliest(self) -> int | None:
        """The start of the earliest pane that holds data, pending ones included."""
        width = self.finest.width_ms
        first = self.finest.panes.first_from(BEFORE_ALL)
        indices = [*(() if first is None else (first,)), *self.pending]
        return min(indices) * width if indices else None

    def next_instant(self, step_ms: int, done_ms: int | None, begins_ms: int | None) -> int | None:
        """The multiple of a step to judge next: after the last one, else the first after data; None without data."""
        earliest = self.earliest() if done_ms is None else done_ms
        if earliest is None:
            return None
        instant: int = first_multiple_above(earliest, step_ms)
        return instant if begins_ms is None else max(instant, first_multiple_above(begins_ms, step_ms))

    def first_data(self, from_ms: int) -> int | None:
        """The start of the earliest pane with data that ends after `from_ms`, of any width, pending ones included."""
        firsts = [table.first_pane_after(from_ms - table.width_ms + 1) for table in self.tables.values()]
        starts = [start for start in firsts if start is not None]
        width = self.finest.width_ms
        starts.extend(index * width for index in self.pending if (index + 1) * width > from_ms)
        return min(starts, default=None)

    # for the exchange

    def final_panes(self, until_ms: int) -> Iterator[tuple[int, Pane]]:
        """Panes that end at or before `until_ms`, in order, each handed out once and then forgotten."""
        finest = self.finest
        for index in finest.panes.within(BEFORE_ALL, until_ms // finest.width_ms):
            yield index, finest.panes.take(index)

    # snapshots

    def snapshot(self) -> Any:
        """Key ids are those of the key space, which the flow keeps."""
        return picture(self)

    def restore(self, state: Any) -> None:
        """The inverse; tables, accumulations and manners of forgetting that are not here are left out."""
        put_back(self, state)
        self._live()


def up(time_ms: int, width_ms: int) -> int:
    """The first multiple of the width at or after an instant; `BEGINNING` stays what it is."""
    return BEGINNING if time_ms <= BEGINNING else -(-time_ms // width_ms) * width_ms


def key_ids(spec: FamilySpec, space: KeySpace, evaluator: Evaluator, frame: Frame) -> Rows:
    """Key ids of the rows, shared by every family and alarm of the same keys."""
    handle = evaluator.handle(spec.keys)
    return shared_ids(("ids", handle), space, lambda: [evaluator.column(key.expr, frame) for key in spec.keys], frame)
