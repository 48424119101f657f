"""A worker that died: the broker is told at once to end its transaction.

An open transaction holds up read_committed readers of every topic that it wrote to, also where other shards write on.
The successor would end it with the first thing it asks of Kafka, but only once its process has started.

The fence never crosses the successor's own opening, which it could fence in turn: that starts when the fence is done or
given up. One that was given up may still arrive, as one of another owner may, and `shard.tenure` settles both.
"""

from __future__ import annotations

import threading

from streamwatchd.daemon.logs import Log
from streamwatchd.daemon.process import Job
from streamwatchd.errors import Unavailable
from streamwatchd.ports.clock import Clock
from streamwatchd.shard.owner import mover_id
from streamwatchd.shard.start import owner_of

_GIVEN_UP_S = 10.0
"""Of a client that does not come back."""


def transactional_id(job: Job) -> str:
    """Under which the job's process writes; empty where it writes in no transactions."""
    if job.settings.delivery != "exactly_once":
        return ""
    return mover_id(job.settings.app) if job.order else owner_of(job.settings, job.assignment).transactional_id


class Fencing:
    """Of the processes of one shard, one after the other, each in a thread of its own."""

    def __init__(self, shard: int, clock: Clock, log: Log) -> None:
        self._shard = shard
        self._clock = clock
        self._log = log
        self._thread: threading.Thread | None = None
        self._begun = 0.0

    def begin(self, job: Job) -> None:
        """End what the job's process left open."""
        if not transactional_id(job):
            return
        self._begun = self._clock.monotonic()
        self._thread = threading.Thread(target=self._fence, args=(job,), name=f"fence-{self._shard}", daemon=True)
        self._thread.start()

    @property
    def is_on(self) -> bool:
        if self._thread is None or not self._thread.is_alive():
            return False
        return self._clock.monotonic() - self._begun < _GIVEN_UP_S

    def _fence(self, job: Job) -> None:
        try:
            job.kafka.fence(transactional_id(job))
        except Unavailable as error:
            self._log.warning("transaction_left_open", shard=self._shard, reason=str(error))
        else:
            seconds = round(self._clock.monotonic() - self._begun, 2)
            self._log.info("transaction_ended", shard=self._shard, seconds=seconds)
