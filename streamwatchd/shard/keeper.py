"""What a shard keeps beside its work: the local journal, snapshots, and their copies in the shared store.

All of it is a cache of what Kafka has. So a disk or store that is full, broken or slow never holds up the work: what
could not be kept is counted and said, what is there stays, and the next try comes by itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from threading import Lock

import streamwatchd
from streamwatchd.errors import SnapshotCorrupt, Unavailable
from streamwatchd.failpoints import failpoint
from streamwatchd.ports.clock import Clock
from streamwatchd.shard.background import Background
from streamwatchd.shard.journal import EpochRecord, LocalJournal
from streamwatchd.shard.meter import Meter
from streamwatchd.shard.owner import Owner
from streamwatchd.shard.recovery import State
from streamwatchd.shard.shared import Mirror
from streamwatchd.shard.snapshot import Snapshot, SnapshotStore

_DEBT_S = 3.0
"""Work that a replay would have to do again, before a snapshot is due ahead of its time."""

_MOST_WAITING = 1_000
_JOURNAL, _SNAPSHOT, _TIDYING, _COPY = "journal", "snapshot", "deletion of old state", "shared snapshot store"
"""Troubles."""
_MEND = "free some space on that disk, or mend it; the next try comes by itself"
_RETRY_S = 15.0
_LAST_COPY_S = 20.0
_PATIENCE_S = 0.5


class Keeper:
    """Nothing here raises Unavailable. `copies` is None without a shared store."""

    def __init__(
        self, owner: Owner, clock: Clock, background: Callable[[str], Background], journal: LocalJournal,
        snapshots: SnapshotStore, copies: Mirror | None, meter: Meter, every_ms: int,
    ) -> None:  # fmt: skip
        self._owner = owner
        self._clock = clock
        self._journal = journal
        self._snapshots = snapshots
        self._mirror = copies
        self._meter = meter
        self._every_s = every_ms / 1000
        self._appends, self._writes = background("journal"), background("snapshot")
        self._sends = background("copy")
        self._records: deque[EpochRecord] = deque()
        self._starting = Lock()
        self._rolls: deque[int] = deque()
        self._pending: Snapshot | None = None
        self._taken_at = clock.monotonic()
        self._pictured_epoch = 0
        self._cost_s = self._debt_s = 0.0
        self._written_epoch = self._sent_epoch = 0
        self._send_not_before = 0.0

    def begin(self, written_epoch: int) -> None:
        """`written_epoch` is that of the newest snapshot that is there."""
        self._written_epoch = self._pictured_epoch = written_epoch
        self._taken_at = self._clock.monotonic()
        taken_ms = self._snapshots.taken_ms(written_epoch)
        if taken_ms:
            self._meter.snapshot_taken(taken_ms)

    # journal

    def note_epoch(self, record: EpochRecord) -> None:
        """Into the local journal, soon; called before its transaction, from any one thread."""
        if len(self._records) >= _MOST_WAITING:
            self._gap("the disk is too slow for it")
            return
        self._records.append(record)
        self._start_appending()

    def _start_appending(self) -> None:
        with self._starting:
            if self._records and self._appends.settle(0):
                self._appends.start(self._append)

    def _append(self) -> None:
        while self._records:
            record = self._records.popleft()
            try:
                failpoint("journal.appending")
                self._journal.append(record)
                self._meter.well(_JOURNAL)
                failpoint("journal.appended")
            except Unavailable as error:
                self._gap(str(error))
            while self._rolls and self._rolls[0] <= record.epoch:
                self._rolls.popleft()
                self._journal.roll()
                failpoint("journal.rolled")

    def _gap(self, reason: str) -> None:
        self._meter.add("journal_gaps_total")
        note = f"journal not written, recovery will read the topic instead: {reason}"
        self._meter.trouble(_JOURNAL, f"{reason}; results go on, a restart reads the journal topic: {_MEND}", note)

    # snapshots

    def worked(self, seconds: float) -> None:
        """Work that a replay from the newest snapshot would repeat."""
        self._debt_s += seconds

    def take_if_due(self, state: State) -> None:
        """A picture of an epoch that is sealed, to be written once it is committed.

        One is due by the clock, or when much would have to be replayed; but at most a fifth of the time goes there.
        While nothing goes on this is called too, so the last epochs before a silence do not wait for its end.
        """
        if self._pending is not None or self._writes.busy or state.epoch == self._pictured_epoch:
            return
        age_s = self._clock.monotonic() - self._taken_at
        wanted = age_s >= self._every_s or self._debt_s >= _DEBT_S
        if wanted and age_s >= 5 * self._cost_s:
            self._pending = self._picture(state)

    def _picture(self, state: State) -> Snapshot:
        begun = self._clock.monotonic()
        states = state.shard.snapshot()
        self._taken_at = self._clock.monotonic()
        self._cost_s, self._debt_s = self._taken_at - begun, 0.0
        self._pictured_epoch = state.epoch
        self._rolls.append(state.epoch)
        self._meter.set("snapshot_copy_seconds", self._cost_s)
        self._meter.set_all("state_bytes", state.shard.state_bytes(states))
        engine = streamwatchd.__version__
        now_ms = self._clock.now_ms()
        return Snapshot(self._owner, state.epoch, state.versions, dict(state.positions), states, engine, now_ms)

    def turn(self, *, committed: bool) -> None:
        """What is to be done now and then. `committed`: no epoch is on its way."""
        if self._pending is not None and committed and self._writes.settle(0):
            snapshot, self._pending = self._pending, None
            self._writes.start(partial(self._write, snapshot))
        self._start_appending()
        self._send_if_due()

    def _write(self, snapshot: Snapshot) -> None:
        """In the background: write, and drop what no kept snapshot needs."""
        begun = self._clock.monotonic()
        try:
            failpoint("snapshot.writing")
            written = self._snapshots.write(snapshot)
        except Unavailable as error:
            self._pictured_epoch = 0  # it is taken again when the next one is due
            self._meter.add("snapshots_failed_total")
            note = f"snapshot of epoch {snapshot.epoch} not written, the older ones stay: {error}"
            why = f"{error}; results go on, a restart repeats the work since epoch {self._written_epoch}: {_MEND}"
            self._meter.trouble(_SNAPSHOT, why, note)
            return
        self._meter.well(_SNAPSHOT)
        self._meter.set("snapshot_write_seconds", self._clock.monotonic() - begun)
        self._cost_s += self._clock.monotonic() - begun
        self._written_epoch = snapshot.epoch
        self._meter.snapshot_written(snapshot.epoch, written)
        self._tidy(written.left)

    def _tidy(self, left: str) -> None:
        """`left` says why old snapshots are still there."""
        try:
            if left:
                raise Unavailable(left)
            failpoint("journal.pruning")
            oldest = self._snapshots.oldest()
            if oldest is not None:
                self._meter.oldest_version = oldest.versions[0].number
                self._journal.prune(below=oldest.epoch)
            self._meter.well(_TIDYING)
        except Unavailable as error:
            note = f"old snapshots and journal segments not deleted: {error}"
            self._meter.trouble(_TIDYING, f"{error}; they take room until they can be: {_MEND}", note)

    # copies

    def _send_if_due(self) -> None:
        if self._mirror is None or self._sends.busy or not self._sends.settle(0):
            return
        if self._written_epoch > self._sent_epoch and self._clock.monotonic() >= self._send_not_before:
            self._sends.start(partial(self._send, self._mirror, self._written_epoch))

    def _send(self, mirror: Mirror, epoch: int) -> None:
        try:
            sent = mirror.send(epoch)
        except (Unavailable, SnapshotCorrupt) as error:
            self._send_not_before = self._clock.monotonic() + _RETRY_S
            self._meter.add("shared_store_failures_total")
            note = f"snapshot of epoch {epoch} not copied to the shared store, work goes on: {error}"
            why = f"{error}; results go on, another host would start from epoch {self._sent_epoch} (tried every 15 s)"
            self._meter.trouble(_COPY, why, note)
            return
        self._meter.well(_COPY)
        self._sent_epoch = epoch
        self._meter.copied(epoch, sent)

    # the end

    def leave(self, state: State, report: Callable[[], None]) -> None:
        """A last snapshot, and its copy within reason, so that the next start replays nothing."""
        for job in (self._appends, self._writes):
            while not job.settle(_PATIENCE_S):
                report()
        self._append()
        failpoint("leaving.settled")
        if self._pending is not None or self._written_epoch < state.epoch:
            self._pending = None
            self._write(self._picture(state))
        until = self._clock.monotonic() + _LAST_COPY_S
        self._send_not_before = 0.0
        self._send_if_due()
        while not self._sends.settle(_PATIENCE_S) and self._clock.monotonic() < until:
            report()
