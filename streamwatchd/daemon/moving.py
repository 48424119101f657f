"""A change of the number of shards at the start: one process does it, watched like a worker, before workers start."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.connection import wait

from streamwatchd.daemon.contents import ContentStore
from streamwatchd.daemon.logs import Log
from streamwatchd.daemon.notify import notify
from streamwatchd.daemon.process import Job
from streamwatchd.daemon.wire import Need, Supply
from streamwatchd.daemon.workers import WorkerSlot
from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.ports.clock import Clock
from streamwatchd.settings import Settings
from streamwatchd.shard.move import Order
from streamwatchd.shard.owner import Layout
from streamwatchd.shard.start import Assignment

_TURN_S = 0.25


def after(layout: Layout, settings: Settings) -> Layout:
    """The one that the settings ask for."""
    return Layout(layout.generation + 1, settings.shards)


def assignment_of(order: Order) -> Assignment:
    before = order.before
    return Assignment(0, before.shards, order.partitions, order.versions, generation=before.generation)


class Moving:
    """`job` has the order. A process that dies is started again: a move goes on from wherever it was."""

    def __init__(self, job: Job, store: ContentStore, clock: Clock, log: Log, stopped: Callable[[], bool]) -> None:
        self._job = job
        self._store = store
        self._clock = clock
        self._log = log
        self._stopped = stopped
        self._slot = WorkerSlot(0, lambda shard: job, clock, log, may_end=True)

    def run(self) -> int | None:
        """None once the new layout is in force; an exit code when told to stop, or when it must not go on."""
        order, begun = self._job.order, self._clock.monotonic()
        assert order is not None
        before, now = order.before.shards, order.after.shards
        self._log.info("shards_moving", before=before, after=now, layout=order.after.generation)
        while not self._stopped():
            self._turn()
            if self._slot.exit_code == 0:
                seconds = round(self._clock.monotonic() - begun, 1)
                self._log.info("shards_moved", before=before, after=now, layout=order.after.generation, seconds=seconds)
                return None
            if self._slot.is_given_up:
                return self._slot.exit_code
        self._slot.kill()
        while self._slot.is_up:
            self._turn()
        return 0

    def _turn(self) -> None:
        notify("WATCHDOG=1")
        if not self._stopped():
            self._slot.start_if_due()
        if self._slot.is_up:
            wait(self._slot.waitables(), _TURN_S)
        else:
            self._clock.sleep(_TURN_S)
        for message in self._slot.messages():
            if isinstance(message, Need):
                self._slot.tell(self._supply(message.digest))
        self._slot.reap(stopping=self._stopped())

    def _supply(self, digest: str) -> Supply:
        try:
            return Supply(digest, self._store.content(digest))
        except (StateMismatch, Unavailable) as error:
            return Supply(digest, None, str(error))
