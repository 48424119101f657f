"""Another number of shards, with all state kept: a planned step, at a start.

    fence other movers ─▶ close every shard of the old layout: its last epoch, under its own id, says so
                       ─▶ put the tasks together anew, write the first snapshots of the new layout
                       ─▶ one transaction: every offset with the new layout's stamp, and a record of the move

Before that transaction the old layout is in force and a start with the old number opens it again; after it the new
one. Each shard is closed under its own transactional id, so no old worker, wherever it runs, can commit any more; and
whoever opens a closed shard again fences the mover first. So there is no instant at which both could write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from streamwatchd.errors import Fenced, SnapshotCorrupt, StateMismatch, Unavailable
from streamwatchd.failpoints import failpoint
from streamwatchd.ports.kafka import Committed, Kafka, Outcome, Partition, Reader, Writer
from streamwatchd.settings import Settings
from streamwatchd.shard.epoch import Backoff
from streamwatchd.shard.layouts import Move
from streamwatchd.shard.meter import Meter
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.owner import Layout, Owner, mover_id, owners
from streamwatchd.shard.rebuild import Anew, Sources, divide, pictures_of, tasks_of
from streamwatchd.shard.recovery import MakeShard
from streamwatchd.shard.shared import Mirror
from streamwatchd.shard.snapshot import Snapshot, SnapshotStore
from streamwatchd.shard.stamp import Stamp, layout_of, stamp_of, stamps
from streamwatchd.shard.start import Assignment, Ports
from streamwatchd.shard.version import Content, Version
from streamwatchd.shard.worker import Worker

_COMMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Order:
    """Move from one layout to another; topics' partition counts and versions are as in `Assignment`.

    By an operator's word partitions go on at `starts` instead of where they stand, records below `gone` are given up,
    the state of owners in `anew` begins there with nothing, and `counts` are partition counts under which the layout
    before worked, where they are others now.
    """

    before: Layout
    after: Layout
    partitions: Mapping[str, int]
    versions: tuple[Version, ...]
    starts: Mapping[Partition, int] = field(default_factory=dict)
    gone: Mapping[Partition, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    anew: Mapping[Owner, Anew] = field(default_factory=dict)

    @property
    def partitions_before(self) -> dict[str, int]:
        return {**self.partitions, **self.counts}


def all_tasks(
    settings: Settings, owner: Owner, partitions: Mapping[str, int], contents: list[Content]
) -> dict[TaskId, Partition]:
    """Those of `owner` under any of the contents."""
    found: dict[TaskId, Partition] = {}
    for content in contents:
        found |= tasks_of(settings, owner, partitions, content)
    return found


def positions_of(settings: Settings, partitions: Mapping[str, int], contents: list[Content]) -> set[Partition]:
    """The partitions of any task, of which the group commits positions."""
    alone = Owner(settings.app, 0, 1, 0)
    return set(all_tasks(settings, alone, partitions, contents).values())


def committed_stamps(
    kafka: Kafka, settings: Settings, partitions: Mapping[str, int], contents: list[Content]
) -> dict[Partition, tuple[Committed, Stamp]]:
    """What the group has committed for every partition of any task. Raises Unavailable, StateMismatch."""
    admin = kafka.admin()
    try:
        positions = admin.committed(settings.app, positions_of(settings, partitions, contents))
    finally:
        admin.close()
    found: dict[Partition, tuple[Committed, Stamp]] = {}
    for partition, stamp in stamps(positions).items():
        position = positions[partition]
        if position is not None:
            found[partition] = position, stamp
    return found


def layout_in_force(
    kafka: Kafka, settings: Settings, partitions: Mapping[str, int], contents: list[Content]
) -> Layout | None:
    """As Kafka has it; None before the first epoch. Raises Unavailable, StateMismatch."""
    return layout_of(stamp for _, stamp in committed_stamps(kafka, settings, partitions, contents).values())


class Mover:
    """One run of a move. What was half done is done again."""

    def __init__(self, settings: Settings, order: Order, ports: Ports, make_shard: MakeShard, tenure: str = "") -> None:
        """`tenure` is claimed for every shard that is closed."""
        self._settings = settings
        self._tenure = tenure
        self._order = order
        self._ports = ports
        self._make_shard = make_shard
        self._meter = Meter(0, ports.clock)
        self._contents = [ports.link.content(digest) for digest in dict.fromkeys(v.digest for v in order.versions)]
        before = order.partitions_before
        self._old = [
            each for each in owners(settings.app, order.before) if all_tasks(settings, each, before, self._contents)
        ]
        self._sources = Sources(
            settings, order.partitions, order.versions, ports.kafka, ports.disk, ports.shared, ports.link.content,
            make_shard, self._meter, self._breathe, order.gone, order.anew,
        )  # fmt: skip

    def run(self) -> None:
        """Until the new layout is in force. Raises Fenced, StateMismatch; Unavailable: run it again."""
        self._enter("moving")
        exactly_once = self._settings.delivery == "exactly_once"
        writer = self._ports.kafka.writer(mover_id(self._settings.app)) if exactly_once else None
        try:
            failpoint("move.fenced")
            if self._now() == self._order.after:  # the one before us was killed when it had done it
                return
            for each in self._old:
                failpoint("move.closing", each.shard)
                self._close(each)
            move, positions = self._closed()
            failpoint("move.closed")
            parts = self._parts(move)
            for owner, part in parts.items():
                self._keep(owner, part)
            failpoint("move.written")
            self._put_in_force(writer, move, self._stamped(move, parts, positions))
            failpoint("move.committed")
        finally:
            if writer is not None:
                writer.close()

    def _tasks(self, owner: Owner) -> dict[TaskId, Partition]:
        return all_tasks(self._settings, owner, self._order.partitions, self._contents)

    def _close(self, owner: Owner) -> None:
        """A worker brings it to the newest version, commits its last epoch and a snapshot, and leaves."""
        order = self._order
        assignment = Assignment(
            owner.shard, owner.shards, order.partitions_before, order.versions, generation=owner.generation,
            closing=True, gone=order.gone, anew=order.anew, tenure=self._tenure,
        )  # fmt: skip
        settings = replace(self._settings, shards=owner.shards)
        self._meter.note(f"closing {owner}")
        Worker(settings, assignment, self._ports, self._make_shard).run()

    def _closed(self) -> tuple[Move, dict[Partition, Committed]]:
        """What stands in Kafka now that all are closed. Raises Unavailable where one is not: told to stop."""
        order = self._order
        found = committed_stamps(self._ports.kafka, self._settings, order.partitions_before, self._contents)
        newest: dict[int, Stamp] = {}
        for _, stamp in found.values():
            if stamp.layout != self._order.before:
                raise StateMismatch(f"{stamp.layout} is in force, not {self._order.before}: another daemon moved it")
            if stamp.shard not in newest or stamp.epoch > newest[stamp.shard].epoch:
                newest[stamp.shard] = stamp
        for owner in self._old:
            if owner.shard not in newest or not newest[owner.shard].closed:
                raise Unavailable(f"{owner} is not closed yet")
        epochs = {shard: stamp.epoch for shard, stamp in newest.items()}
        base = max(epochs.values(), default=0)
        move = Move(order.before, order.after, base, epochs, order.counts, order.starts)
        left = {each: position for each, (position, stamp) in found.items() if stamp.epoch == epochs[stamp.shard]}
        return move, left

    def _parts(self, move: Move) -> dict[Owner, Snapshot]:
        reader: Reader = self._ports.kafka.reader(read_committed=True)
        try:
            earlier = replace(self._sources, partitions=self._order.partitions_before)
            before = pictures_of(earlier, move.before, move.epochs, reader)
        finally:
            reader.close()
        return divide(before, move, self._sources)

    def _keep(self, owner: Owner, part: Snapshot) -> None:
        """The first snapshot of a shard to be, in its folder and in the shared store; what an earlier try left goes."""
        folder = owner.folder(self._settings.state_dir)
        for name in self._ports.disk.list(folder):
            self._ports.disk.delete(folder / name)
        shared = None if self._ports.shared is None else self._ports.shared.snapshots(owner)
        if shared is not None:
            for epoch in shared.epochs():
                shared.delete(epoch)
        if part.states:
            local = SnapshotStore(self._ports.disk, folder, owner)
            local.write(part)
            if shared is not None:
                self._copy(Mirror(local, shared), part.epoch)
        self._breathe()

    def _copy(self, mirror: Mirror, epoch: int) -> None:
        try:
            mirror.send(epoch)
        except SnapshotCorrupt as error:
            raise Unavailable(f"the first snapshot of a new shard can't be read again: {error}") from error

    def _stamped(
        self, move: Move, parts: Mapping[Owner, Snapshot], positions: Mapping[Partition, Committed]
    ) -> dict[Partition, Committed]:
        """Every offset as it is, or where it is to go on, with the stamp of its shard to be."""
        found: dict[Partition, Committed] = {}
        for owner, part in parts.items():
            text = str(stamp_of(owner, move.base))
            for task, partition in self._tasks(owner).items():
                if task in part.positions:
                    found[partition] = Committed(part.positions[task], text)
        stay = found.keys() - move.starts.keys()
        wrong = {each for each in stay & positions.keys() if positions[each].offset != found[each].offset}
        wrong |= (found.keys() ^ positions.keys()) - move.starts.keys()
        if wrong:
            raise StateMismatch(f"state and committed offsets do not agree: {wrong}")
        return found

    def _put_in_force(self, writer: Writer | None, move: Move, positions: Mapping[Partition, Committed]) -> None:
        if writer is None:
            self._without_transaction(move, positions)
            return
        backoff = Backoff(self._ports.clock, self._meter.note)
        while True:
            try:
                if writer.doubtful:
                    writer.rebuild()
                    if self._is_in_force():
                        return
                if self._send(writer, move, positions) is Outcome.COMMITTED:
                    return
                reason: object = "the transaction of the move did not commit"
            except Unavailable as error:
                reason = error
            backoff.wait(reason)

    def _send(self, writer: Writer, move: Move, positions: Mapping[Partition, Committed]) -> Outcome:
        app = self._settings.app
        writer.begin()
        try:
            writer.send([move.record(self._settings.topics.journal, app)])
            writer.send_offsets(app, positions)
        except Unavailable as error:
            self._meter.note(str(error))
            return writer.abort(_COMMIT_S)
        failpoint("move.sent")
        return writer.commit(_COMMIT_S)

    def _without_transaction(self, move: Move, positions: Mapping[Partition, Committed]) -> None:
        """`delivery: at_least_once`."""
        writer, admin = self._ports.kafka.plain_writer(), self._ports.kafka.admin()
        try:
            writer.send([move.record(self._settings.topics.journal, self._settings.app)])
            writer.flush(_COMMIT_S)
            admin.commit(self._settings.app, positions)
        finally:
            writer.close()
            admin.close()

    def _is_in_force(self) -> bool:
        """After a doubtful end. The mover's id is ours again, so another move can't have come between."""
        order, now = self._order, self._now()
        if now not in (order.before, order.after):
            raise Fenced(f"{now} is in force: another daemon moved the shards")
        return now == order.after

    def _now(self) -> Layout | None:
        return layout_in_force(self._ports.kafka, self._settings, self._order.partitions, self._contents)

    def _enter(self, phase: str) -> None:
        self._meter.phase = phase
        self._ports.link.report(self._meter.report())

    def _breathe(self) -> None:
        if self._meter.due(0.5):
            self._ports.link.report(self._meter.report())
