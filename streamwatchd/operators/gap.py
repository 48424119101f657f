"""What panes lack of the time before a change of rules, and how they get it from rows that are read once more.

Panes that nobody asked for begin empty at E, and windows over them wait until they are full. Where the log still holds
the rows of that time, another family of the same meaning takes these in (`shard.past`), and `fill` brings from it what
is lacking and no more: panes that other rules read stay as they are.

    gap_of ─▶ what is lacking ─▶ promise (at the change: from when on it will be there) ─▶ fill

Panes that are merged behind the exchange begin empty at each of those who feed them. Every feeder fills its own part,
says from when on that is whole (`Outbox.promises`), and sends it as it sends all panes. Nothing is judged above E
before all feeders have come that far, and by then all of them have spoken: what the latest of them promises holds for
the whole (`keep`). If one has said nothing, what was sent from before E is left out, and windows wait.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from streamwatchd.operators.asking import BEGINNING, FOREVER, Ask, table_of
from streamwatchd.operators.family import Family, up
from streamwatchd.operators.keyspace import KeyTuple, is_admitted
from streamwatchd.operators.known import UNKNOWN
from streamwatchd.operators.panes import Pane, PaneTable
from streamwatchd.operators.spec import Accumulation, FamilySpec, StepAccumulation, TableSpec
from streamwatchd.operators.stage_spec import StageSpec

Ids = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]
Admits = tuple[frozenset[str], ...]
Manner = tuple[int, int]


@dataclass(frozen=True, slots=True)
class TableGap:
    """Of panes that start before `whole_ms` and are not there all is lacking, of the others these accumulations.

    `is_longer`: readers reach further back than before; a task that lags has all panes still, and waits as others do.
    """

    whole_ms: int
    lacking: tuple[Accumulation, ...]
    is_longer: bool = False

    def __bool__(self) -> bool:
        return self.whole_ms > BEGINNING or self.is_longer or bool(self.lacking)


@dataclass(frozen=True, slots=True)
class Gap:
    """What the newest rules ask of a family and it does not have.

    `heard`: only keys with such constants were followed, of all others everything is lacking (None: all were).
    `forgets` are the manners of forgetting in which no key is known yet. `times`: panes have no first and last times.
    `is_new`: there is no such family yet. `sent_reach_ms`: panes go to a later stage, which reads so far back, and
    `spec` has the finest ones only, however old.
    """

    spec: FamilySpec
    tables: Mapping[int, TableGap]
    heard: tuple[Admits, ...] | None = None
    forgets: tuple[Manner, ...] = ()
    times: bool = False
    is_new: bool = False
    sent_reach_ms: int = 0

    def __bool__(self) -> bool:
        return self.is_new or any(self.tables.values()) or self.heard is not None or bool(self.forgets)

    def asks_like(self, other: Gap) -> bool:
        """Whether both are lacking the same, however far back panes are gone by now."""
        mine, theirs = ({width: lack.lacking for width, lack in each.tables.items()} for each in (self, other))
        return mine == theirs and replace(self, tables={}) == replace(other, tables={})

    @property
    def is_sent(self) -> bool:
        return self.sent_reach_ms > 0

    @property
    def reach_ms(self) -> int:
        """How far before E the rows lie that it is filled with.

        Where an alarm asks since when a key is known, twice as far: what spoke in the window before is no new key.
        """
        if self.is_sent:
            return self.sent_reach_ms
        ask_all = self.heard is not None or bool(self.forgets)
        reaches = [each.retention_ms for each in self.spec.tables if ask_all or self.tables[each.width_ms]]
        return max(reaches) * (2 if self.spec.forgets and (ask_all or self.is_new) else 1)


@dataclass(frozen=True, slots=True)
class Filling:
    """Gaps by family that will be filled with all rows from `from_ms` on."""

    gaps: Mapping[str, Gap]
    from_ms: int


def fillable(stage: StageSpec, sessions: Collection[str]) -> list[FamilySpec]:
    """Families whose rows are those of a source, where they are fed: read there, or sent to a later stage.

    Not those of `sessions`, which may have been open at E, nor of what goes from sample to sample, nor what is made of
    KPI rows.
    """
    here = [family for family in stage.families if family.route is None]
    return [
        family
        for family in (*here, *stage.sends)
        if not family.meaning and family.stream in stage.inputs and family.id not in sessions
        if not any(isinstance(each, StepAccumulation) for table in family.tables for each in table.accumulations)
    ]


def gap_of_sent(newest: FamilySpec, known: Family | None, at_ms: int) -> Gap | None:
    """The same of panes that are merged at a later stage, where they are asked for anew; None for others.

    What has been sent is gone here, so of a family that others read already nothing is filled.
    """
    if known is not None and known.until_ms >= at_ms:
        return None
    finest = newest.tables[0]
    reach_ms = max(table.retention_ms for table in newest.tables) * (2 if newest.forgets else 1)
    spec = replace(newest, tables=(replace(finest, retention_ms=FOREVER),))
    tables = {finest.width_ms: TableGap(FOREVER, ())}
    return Gap(spec, tables, None, newest.forgets, times=True, is_new=True, sent_reach_ms=reach_ms)


def gap_of(asks: Sequence[Ask], known: Family | None, at_ms: int, judged_ms: int) -> Gap:
    """What `known` will lack once these asks hold from E on; every reader has judged up to `judged_ms`."""
    newest = asks[-1].spec
    if known is None or known.until_ms < at_ms:
        tables = {table.width_ms: TableGap(FOREVER, ()) for table in newest.tables}
        return Gap(newest, tables, None, newest.forgets, times=True, is_new=True)
    covering = [ask.spec for ask in known.of_mine(asks)[:-1] if ask.until_ms >= at_ms]
    follows = any(each.forgets for each in covering)
    tables = {table.width_ms: _table_gap(table, known, covering, at_ms, judged_ms) for table in newest.tables}
    return Gap(
        newest, tables, _heard(newest, covering),
        forgets=() if follows else newest.forgets,
        times=newest.track_times and not any(each.track_times for each in covering),
    )  # fmt: skip


def _table_gap(table: TableSpec, known: Family, covering: Sequence[FamilySpec], at_ms: int, judged_ms: int) -> TableGap:
    before = [there for each in covering if (there := table_of(each, table.width_ms)) is not None]
    if not before:
        kept, began = known.beginning_of(table, covering, at_ms)
        return TableGap(kept, tuple(each for each in table.accumulations if began[each] >= at_ms))
    covered = {each for one in before for each in one.accumulations}
    lacking = tuple(each for each in table.accumulations if each not in covered)
    if table.retention_ms <= max(each.retention_ms for each in before):
        return TableGap(BEGINNING, lacking)
    dropped = known.dropped_before(table.width_ms, judged_ms)
    # a family that is younger than its readers reach has a hole that nothing fills
    gone = max(dropped, known.kept.get(table.width_ms, BEGINNING))
    return TableGap(gone if known.begins_ms <= gone else BEGINNING, lacking, is_longer=True)


def _heard(newest: FamilySpec, covering: Sequence[FamilySpec]) -> tuple[Admits, ...] | None:
    heard = tuple(each.admits for each in covering)
    covered = any(all(mine <= theirs for mine, theirs in zip(newest.admits, each, strict=False)) for each in heard)
    return None if covered or not newest.admits else heard


def promise(family: Family, gap: Gap, at_ms: int, from_ms: int) -> None:
    """From when on readers may count on what `fill` will bring. The family has been told of the change at E."""
    # rows of a partition that is far behind come later, and say which keys are known
    family.warm(at_ms, BEGINNING if gap.is_new else from_ms)
    for manner in gap.forgets:
        family.known[manner].begins_ms = BEGINNING
    for width, lack in gap.tables.items():
        for each in lack.lacking:
            family.began[width, each] = min(family.began[width, each], from_ms)
    deeper = {width: lack.whole_ms for width, lack in gap.tables.items() if lack.whole_ms > BEGINNING}
    if gap.is_new:
        family.begins_ms = from_ms
        family.kept |= {width: up(from_ms, width) for width in gap.tables if from_ms > BEGINNING}
        return
    for width, lack in gap.tables.items():
        if width in deeper:
            _promise_table(family, gap, width, from_ms)
        elif lack.is_longer:
            family.kept[width] = min(family.kept[width], up(from_ms, width))
    if deeper and from_ms < family.begins_ms <= min(deeper.values()):
        others = family.tables.keys() - deeper.keys()
        family.kept |= {w: max(family.kept.get(w, BEGINNING), up(family.begins_ms, w)) for w in others}
        family.begins_ms = from_ms


def keep(family: Family, from_ms: int) -> None:
    """All panes from there on have come, or will, from those who feed a family that began at E; see `promise`."""
    (at_ms, spec), *_ = [(ask.from_ms, ask.spec) for ask in family.asks]
    tables = {table.width_ms: TableGap(FOREVER, ()) for table in spec.tables if table.width_ms in family.tables}
    forgets = tuple(manner for manner in spec.forgets if manner in family.known)
    promise(family, Gap(spec, tables, None, forgets, times=True, is_new=True), at_ms, from_ms)
    family.promises = {}


def _promise_table(family: Family, gap: Gap, width: int, from_ms: int) -> None:
    """Accumulations that only older rules ask for are not in the panes that come whole."""
    before = family.kept.get(width, BEGINNING)
    if up(from_ms, width) >= before:
        return
    family.kept[width] = up(from_ms, width)
    table = table_of(gap.spec, width)
    assert table is not None
    for each in set(family.tables[width].accumulations) - set(table.accumulations):
        family.began[width, each] = max(family.began.get((width, each), BEGINNING), before)


def fill(family: Family, gap: Gap, past: Family, from_ms: int) -> None:
    """Bring in what is lacking from `past`, which has taken in the rows that were read once more and no others, and is
    closed as far as the family is, where that is not new.

    No row at or after the change has come yet. What lies before `from_ms` is not all there and is not read; in panes of
    a new family that are not closed it is kept until it has said which keys are known.
    """
    if gap.is_new and not gap.is_sent:
        family.closed_ms = past.closed_ms
    places = _Places(family, gap, past)
    said_ms = BEGINNING if gap.is_sent else past.closed_ms
    for width, lack in gap.tables.items():
        table = family.tables[width]
        for index, theirs in sorted(past.tables[width].panes.items()):
            if index * width >= from_ms or (gap.is_new and (index + 1) * width > said_ms):
                _fill_pane(table, index, lack, theirs, places)
        table.forget_windows()
    if gap.times:
        _fill_times(family.finest, past.finest, places)
    for manner in gap.spec.forgets:
        if manner in gap.forgets:
            _fill_known(family, past, manner, np.ones(len(past.space), bool), places)
        elif places.fresh is not None:
            _fill_known(family, past, manner, places.fresh, places)


def _fill_pane(table: PaneTable, index: int, lack: TableGap, theirs: Pane, places: _Places) -> None:
    mine = table.panes.get(index)
    if mine is None and index * table.width_ms < lack.whole_ms:
        table.put(index, places.moved(theirs, table.accumulations))
        return
    fresh = None if places.fresh is None else places.moved(theirs, table.accumulations, places.fresh)
    if mine is None:
        if fresh is not None and fresh.count.any():
            table.put(index, fresh)
        return
    mine = mine.copy()  # a snapshot may be writing it
    if lack.lacking:
        for each in lack.lacking:
            mine.states.pop(each, None)
        mine.states |= places.moved(theirs, lack.lacking).states
    if fresh is not None:
        mine = places.without_fresh(mine, table.accumulations)
        rest = tuple(each for each in table.accumulations if each not in lack.lacking)
        mine.merge(fresh, None, len(places.space), rest)
    table.put(index, mine)


def _fill_times(mine: PaneTable, theirs: PaneTable, places: _Places) -> None:
    for index, pane in list(mine.panes.items()):
        there = theirs.panes.get(index)
        if there is not None and not len(pane.first):
            moved = places.moved(there, ())
            mine.put(index, replace(pane, first=moved.first, last=moved.last))


def _fill_known(family: Family, past: Family, manner: Manner, only: Mask, places: _Places) -> None:
    """Since when keys are known."""
    mine, theirs = family.known[manner], past.known[manner]
    theirs.grow(len(past.space))
    mine.grow(len(family.space))
    here = np.flatnonzero((theirs.since != UNKNOWN) & (places.ids >= 0) & only)
    mine.since[places.ids[here]], mine.last[places.ids[here]] = theirs.since[here], theirs.last[here]


class _Places:
    """Where the keys of another family are in this one: `ids`, negative where one has no place.

    `fresh` are those that were not followed here (None: all were).
    """

    def __init__(self, family: Family, gap: Gap, past: Family) -> None:
        self.space = family.space
        used = np.zeros(len(past.space), bool)
        for table in past.tables.values():
            for pane in table.panes.values():
                used[: len(pane.count)] |= pane.count > 0
        for known in past.known.values():
            used[: len(known.since)] |= known.since != UNKNOWN
        here = np.flatnonzero(used)
        self.ids: Ids = np.full(len(used), -1, np.intp)
        self.ids[here] = family.space.bounded_ids([past.space.keys[key] for key in here.tolist()])
        self._heard = gap.heard
        self.fresh = None if gap.heard is None else self._unheard(past.space.keys)

    def _unheard(self, keys: Iterable[KeyTuple]) -> Mask:
        heard = self._heard or ()
        return np.array([not any(is_admitted(admits, key) for admits in heard) for key in keys], bool)

    def moved(self, pane: Pane, wanted: Sequence[Accumulation], only: Mask | None = None) -> Pane:
        """The same with the places that its keys have here."""
        mask = (pane.count > 0) & (self.ids[: len(pane.count)] >= 0)
        if only is not None:
            mask &= only[: len(pane.count)]
        here = np.flatnonzero(mask)
        made = Pane.empty()
        made.merge(pane.covering(here).take(here), self.ids[here], len(self.space), wanted)
        return made

    def without_fresh(self, pane: Pane, wanted: Sequence[Accumulation]) -> Pane:
        """What it has of keys that nobody follows is old."""
        stale = self._unheard(self.space.keys[: len(pane.count)]) & (pane.count > 0)
        if not stale.any():
            return pane
        here = np.flatnonzero(~stale)
        made = Pane.empty()
        made.merge(pane.covering(here).take(here), here, len(self.space), wanted)
        return made


def muted(spec: FamilySpec) -> FamilySpec:
    """The family as it is asked to take in the past: what came too late then stays out."""
    return replace(spec, amend_ms=0)
