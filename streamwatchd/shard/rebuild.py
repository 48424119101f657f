"""The state of any shard of any layout at a committed epoch: its snapshots, its journal, or what it was made of.

State is whole by task. So a shard of a layout that came later begins with what the shards of the layout before had at
their last epochs: its first snapshots say it, and where they are lost, it is put together once more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import streamwatchd
from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.failpoints import failpoint
from streamwatchd.ports.disk import Disk
from streamwatchd.ports.kafka import Kafka, Partition, Reader
from streamwatchd.settings import Settings
from streamwatchd.shard.assignor import assigned
from streamwatchd.shard.journal import LocalJournal, missing_epochs, replayable
from streamwatchd.shard.layouts import Move, moves
from streamwatchd.shard.meter import Meter
from streamwatchd.shard.output import TABLES, TaskId
from streamwatchd.shard.owner import Layout, Owner, owners
from streamwatchd.shard.recovery import MakeShard, Replay, State, begin, newest_state, restore
from streamwatchd.shard.shared import SharedStore
from streamwatchd.shard.snapshot import Snapshot, SnapshotStore
from streamwatchd.shard.version import Content, Contents, Version


def journal_of(settings: Settings, owner: Owner, partitions: Mapping[str, int]) -> Partition:
    """The partition of the journal topic that has this owner's records."""
    count = partitions.get(settings.topics.journal, owner.shards)
    return Partition(settings.topics.journal, owner.shard % max(1, count))


def tasks_of(
    settings: Settings, owner: Owner, partitions: Mapping[str, int], content: Content
) -> dict[TaskId, Partition]:
    """The tasks of `owner` under `content`."""
    sources = {each.topic: partitions.get(each.topic, 0) for each in content.inputs}
    spread = settings.exchange_partitions
    return assigned(owner.shard, owner.shards, sources, settings.topics, content.stages, spread)


@dataclass(frozen=True, slots=True)
class Anew:
    """By an operator's word a state begins with nothing behind `epoch`, at `positions`, under version `version` of the
    rules (None: the newest): of the epochs up to there the journal is lost."""

    epoch: int
    version: int | None
    positions: Mapping[Partition, int]


@dataclass(frozen=True, slots=True)
class Sources:
    """What a state is built from. `versions` are those so far, oldest first; `breathe` is called now and then.

    `gone`: partitions whose records below an offset an operator has given up; a replay leaves them out. `anew`: the
    owners whose state he has given up as far as it is not rebuilt from there on.
    """

    settings: Settings
    partitions: Mapping[str, int]
    versions: tuple[Version, ...]
    kafka: Kafka
    disk: Disk
    shared: SharedStore | None
    contents: Contents
    make_shard: MakeShard
    meter: Meter
    breathe: Callable[[], None] = lambda: None
    gone: Mapping[Partition, int] = field(default_factory=dict)
    anew: Mapping[Owner, Anew] = field(default_factory=dict)


class Rebuild:
    """Every step may raise Unavailable, or StateMismatch where the state can't be had any more."""

    def __init__(self, sources: Sources, owner: Owner) -> None:
        self._sources = sources
        self._owner = owner
        folder = owner.folder(sources.settings.state_dir)
        self.journal = LocalJournal(sources.disk, folder, owner)
        self.snapshots = SnapshotStore(sources.disk, folder, owner)
        self.shared = None if sources.shared is None else sources.shared.snapshots(owner)
        self.topic = journal_of(sources.settings, owner, sources.partitions)

    def tasks(self, content: Content) -> dict[TaskId, Partition]:
        return tasks_of(self._sources.settings, self._owner, self._sources.partitions, content)

    def state(self, epoch: int, reader: Reader) -> State:
        """The state behind the committed epoch `epoch`."""
        contents, make = self._sources.contents, self._sources.make_shard
        state = newest_state(self.snapshots, epoch, contents, self.tasks, make, self._refused)
        if self._is_poor(state, epoch):
            state = self._shared_state(epoch, state)
        anew = self._sources.anew.get(self._owner)
        if anew is not None and (state is None or state.epoch < anew.epoch):
            state = self._anew(anew)
        elif state is None:
            state = self._beginning(epoch, reader)
        else:
            failpoint("recovery.restored")
        if state.epoch < epoch:
            self._replay(state, epoch, reader)
        return state

    def pictures(self, epoch: int, reader: Reader) -> Snapshot:
        """The same as a snapshot; where its file is there, without a shard that would be made for it."""
        found = self.snapshots.newest(epoch, self._refused)
        if found is not None and found.epoch == epoch:
            return found
        state = self.state(epoch, reader)
        engine, states = streamwatchd.__version__, state.shard.snapshot()
        return Snapshot(self._owner, epoch, state.versions, dict(state.positions), states, engine)

    def _replay(self, state: State, epoch: int, reader: Reader) -> None:
        sources = self._sources
        sources.meter.phase = "replaying"
        records = replayable(
            self.journal, sources.kafka, self.topic, self._owner, state.epoch, epoch, self._gap, sources.meter.note
        )
        sources.meter.note(f"replaying epochs {state.epoch + 1} to {epoch}")
        most_ms, fills = sources.settings.max_future_ms, sources.settings.backfill_ms > 0
        lacking = bool(sources.gone) or self._owner in sources.anew
        Replay(
            state, reader, sources.contents, self.tasks, sources.breathe, sources.gone, most_ms, lacking=lacking,
            fills=fills,
        ).run(records)  # fmt: skip

    def _anew(self, anew: Anew) -> State:
        versions = self._sources.versions
        number = versions[-1].number if anew.version is None else anew.version
        version = next((each for each in versions if each.number == number), None)
        if version is None:
            raise StateMismatch(f"{self._owner}: nobody knows version {number} of the rules any more")
        self._sources.meter.note(f"{self._owner}: begins anew behind epoch {anew.epoch}, as an operator has said")
        content = self._sources.contents(version.digest)
        state = begin(version, content, self.tasks(content), self._sources.make_shard)
        state.epoch = anew.epoch
        state.positions = {task: anew.positions[at] for task, at in state.tasks.items() if at in anew.positions}
        return state

    def _beginning(self, epoch: int, reader: Reader) -> State:
        """Before the first epoch of this layout."""
        sources = self._sources
        if self._owner.generation == 0 or epoch == 0:
            first = sources.versions[0]
            content = sources.contents(first.digest)
            return begin(first, content, self.tasks(content), sources.make_shard)
        topic = Partition(sources.settings.topics.journal, 0)
        move = moves(sources.kafka, topic, sources.settings.app).get(self._owner.generation)
        if move is None:
            raise StateMismatch(
                f"{self._owner}: the snapshots that its move left are gone, and topic {topic.topic} does not retain "
                "where the shards before it stood, so the state can't be rebuilt; restore a savepoint"
            )
        sources.meter.note(f"{self._owner}: its first snapshots are gone, putting the shards before it together again")
        earlier = replace(sources, partitions={**sources.partitions, **move.counts})
        before = pictures_of(earlier, move.before, move.epochs, reader)
        parts = divide(before, move, sources)[self._owner]
        return restore(parts, sources.contents, self.tasks, sources.make_shard)

    def _is_poor(self, state: State | None, epoch: int) -> bool:
        """This folder alone does not lead up to the committed epoch: it is new, old, or spoilt."""
        if state is None:
            return epoch > 0
        try:
            return bool(missing_epochs(self.journal.read(state.epoch, epoch), state.epoch, epoch))
        except Unavailable:
            return True

    def _shared_state(self, epoch: int, mine: State | None) -> State | None:
        """The state of the shared store where it is newer. Without the store, the journal topic must do."""
        if self.shared is None:
            return mine
        meter = self._sources.meter
        try:
            newest = max((each for each in self.shared.epochs() if each <= epoch), default=0)
            if mine is not None and newest <= mine.epoch:
                return mine
            contents, make = self._sources.contents, self._sources.make_shard
            found = newest_state(self.shared, epoch, contents, self.tasks, make, self._refused)
        except Unavailable as error:
            meter.add("shared_store_failures_total")
            meter.note(f"the shared snapshot store does not answer, replaying from the journal topic: {error}")
            return mine
        if found is None or (mine is not None and found.epoch <= mine.epoch):
            return mine
        meter.note(f"state of epoch {found.epoch} taken from the shared snapshot store")
        return found

    def _refused(self, note: str) -> None:
        self._sources.meter.add("snapshots_refused_total")
        self._sources.meter.note(note)

    def _gap(self, note: str) -> None:
        self._sources.meter.add("journal_gaps_total")
        self._sources.meter.note(note)


def pictures_of(sources: Sources, layout: Layout, epochs: Mapping[int, int], reader: Reader) -> list[Snapshot]:
    """All shards of a layout, each behind its committed epoch."""
    every = owners(sources.settings.app, layout)
    return [Rebuild(sources, each).pictures(epochs[each.shard], reader) for each in every if each.shard in epochs]


def divide(before: list[Snapshot], move: Move, sources: Sources) -> dict[Owner, Snapshot]:
    """The tasks of the shards before, put together for the shards of the layout after."""
    versions = tuple(sorted({each for part in before for each in part.versions}, key=lambda each: each.number))
    known = {digest: sources.contents(digest) for digest in {each.digest for each in versions}}
    found: dict[Owner, Snapshot] = {}
    for owner in owners(sources.settings.app, move.after):
        tasks: dict[TaskId, Partition] = {}
        for content in known.values():
            tasks |= tasks_of(sources.settings, owner, sources.partitions, content)
        positions = {task: at for part in before for task, at in part.positions.items() if task in tasks}
        positions |= {task: move.starts[each] for task, each in tasks.items() if each in move.starts}
        mine = {*tasks, TABLES}
        states = {task: state for part in before for task, state in part.states.items() if task in mine}
        if states.keys() == {TABLES}:  # a shard without tasks has no state
            states = {}
        engine = streamwatchd.__version__
        found[owner] = Snapshot(owner, move.base, versions, positions, states, engine)
    return found
