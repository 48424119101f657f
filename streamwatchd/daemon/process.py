"""A worker process: spawned, never forked, and gone with its parent."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from ctypes import Array, c_char
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from types import FrameType

from streamwatchd.daemon.logs import configure, logger
from streamwatchd.daemon.wire import Wire
from streamwatchd.errors import Fenced, StateMismatch, Unavailable
from streamwatchd.ports.clock import SystemClock
from streamwatchd.ports.disk import RealDisk
from streamwatchd.ports.kafka import Kafka
from streamwatchd.ports.laps import Laps
from streamwatchd.ports.open_files import open_files
from streamwatchd.ports.telemetry import BlackBox
from streamwatchd.settings import Settings
from streamwatchd.shard.collector import collect_rarely
from streamwatchd.shard.epoch import Backoff
from streamwatchd.shard.move import Mover, Order
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.recovery import MakeShard, ShardLike
from streamwatchd.shard.shared import SharedStore
from streamwatchd.shard.start import Assignment, Ports
from streamwatchd.shard.version import Content
from streamwatchd.shard.worker import Worker

EXIT_FENCED = 3
EXIT_MISMATCH = 4
NOT_RESTARTED = (EXIT_FENCED, EXIT_MISMATCH)

_PR_SET_PDEATHSIG = 1
_SWITCH_S = 0.001
"""After so long the loop lets the commit's thread go on, which needs the interpreter for µs only, but several times a
commit; Python's own 5 ms each would be seen as latency."""
_REFUSED = "a restart of the daemon says what does not fit between topics, offsets and state, and how to settle it"
_FENCED = (
    "another daemon with `app: {app}` has taken this shard over, and this one leaves for good: stop one of the two, or "
    "give each an `app` and topics of its own"
)
_LET_GO = (
    "another host has this shard now; it is yours again with `swctl takeover`, or when the host that `owns` it starts"
)


@dataclass(frozen=True, slots=True)
class Job:
    """All that a worker process is started with. With an `order` it moves the shards and leaves."""

    settings: Settings
    assignment: Assignment
    kafka: Kafka
    shards: Callable[[Job], MakeShard]
    order: Order | None = None


STACKS_SIGNAL = signal.SIGUSR1
"""A worker writes the stacks of its threads to stderr."""


def work(job: Job, control: Connection, reports: Connection, memory: Array[c_char], parent: int) -> None:
    """The main function of a worker process; `memory` is that of its black box."""
    _die_with(parent)
    faulthandler.enable()
    faulthandler.register(STACKS_SIGNAL)
    configure(job.settings.log_level)
    wire = Wire(control, reports, lambda: os._exit(0), BlackBox(memory), job.order is None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: _on_term(wire, number, frame))
    ports = Ports(
        job.kafka,
        RealDisk(),
        SystemClock(),
        wire,
        shared=shared_store(job.settings),
        stores=partial(store_at, job.settings),
    )
    log = logger(shard=job.assignment.shard)
    shards = job.shards(job)
    collect_rarely()
    sys.setswitchinterval(_SWITCH_S)
    try:
        if job.order is None:
            Worker(job.settings, job.assignment, ports, shards).run()
        else:
            _move(job, job.order, ports, shards)
    except Fenced as error:
        hint = _LET_GO if job.settings.owns else _FENCED.format(app=job.settings.app)
        log.error("worker_fenced", reason=str(error), hint=hint)
        code = EXIT_FENCED
    except StateMismatch as error:
        log.error("worker_refused", reason=str(error), hint=_REFUSED)
        code = EXIT_MISMATCH
    except Exception:
        log.error("worker_crashed", exc_info=True)
        code = 1
    else:
        code = 0
    wire.close()
    sys.stderr.flush()
    os._exit(code)  # librdkafka's threads may wait for brokers that are away; nothing is left to be done


def _move(job: Job, order: Order, ports: Ports, shards: MakeShard) -> None:
    """As often as it takes until brokers, disk and shared store answer."""
    backoff = Backoff(ports.clock, lambda reason: logger().warning("move_postponed", reason=reason))
    while True:
        try:
            return Mover(job.settings, order, ports, shards, job.assignment.tenure).run()
        except Unavailable as error:
            backoff.wait(error)


def shared_store(settings: Settings) -> SharedStore | None:
    """The store that the settings name. Raises Unavailable for an address or a library that is not there."""
    if not settings.snapshot_store:
        return None
    return store_at(settings, settings.snapshot_store)


def store_at(settings: Settings, url: str) -> SharedStore:
    """The store at an address, reached as the shared one is. Raises Unavailable."""
    files, root = open_files(url, settings.snapshot_store_options)
    return SharedStore(files, root, settings.app)


def _on_term(wire: Wire, number: int, frame: FrameType | None) -> None:
    wire.stop()


def real_shards(job: Job) -> MakeShard:
    """Makes shards for the worker's tasks."""
    from streamwatchd.shard.shard import Shard

    settings, partitions = job.settings, job.assignment.partitions

    def make(content: Content, tasks: Iterable[TaskId]) -> ShardLike:
        counts = dict.fromkeys((each.topic for each in content.inputs), 0) | dict(partitions)
        return Shard(
            content.program,
            content.tables,
            tasks,
            counts,
            settings.exchange_partitions,
            settings.max_future_ms,
            Laps(time.perf_counter),
        )

    return make


def _die_with(parent: int) -> None:
    """Be told when the parent dies, and leave at once when it already has."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)
