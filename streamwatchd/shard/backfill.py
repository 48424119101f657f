"""Old records read once more at a change of rules, so that windows of the new ones are whole: from where, and when.

    Next ─▶ prepare ─▶ turn, turn, … beside the work ─▶ ready: Have ─▶ Hold, Change ─▶ finish: the few records between
                                                                         └─ not prepared (a worker that just started):
                                                                            all of it, before anything else

What is read is [start, end) of each source partition, where `end` is where its task stands at the change. It is
journalled with the change, so a recovery reads the same once more, and comes to the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from streamwatchd.errors import StateMismatch
from streamwatchd.operators.asking import BEGINNING
from streamwatchd.ports.clock import Clock
from streamwatchd.ports.kafka import Kafka
from streamwatchd.settings import Settings
from streamwatchd.shard.meter import Meter
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.recovery import State
from streamwatchd.shard.rereading import Lane, Rereading
from streamwatchd.shard.stretch import Filled, PastLike, Stretch
from streamwatchd.shard.version import Content

_MOST_RECORDS = 20_000_000
"""Of one shard and change; beyond that the newest ones are read, and windows wait for the rest."""
_SLICE = 4_000
_CLOSE = 4_000
"""A worker is ready to switch with so few records left."""
_FOLLOW_S = 120.0
_ATTEMPTS = 3


class Backfill:
    """A worker's reading of the past. Without it (`backfill: 0s`) windows wait."""

    def __init__(self, settings: Settings, kafka: Kafka, meter: Meter, clock: Clock) -> None:
        self._reach_ms = settings.backfill_ms
        self._max_future_ms = settings.max_future_ms
        self._kafka = kafka
        self._meter = meter
        self._clock = clock
        self._ready_at = float("inf")
        self._digest = ""
        self._reading: Rereading | None = None

    @property
    def is_on(self) -> bool:
        return self._reading is not None

    def prepare(self, state: State, content: Content, horizon_ms: int) -> None:
        """Begin to read for rules that will be in force soon. Raises Unavailable, StateMismatch."""
        if not self._reach_ms:
            return
        pasts = self._pasts(state, content, horizon_ms + 1)
        if self._reading is None or self._digest != content.digest or not self._reading.renew(pasts):
            self.drop()
            self._digest, self._reading = content.digest, self._open(state, pasts, horizon_ms)
        self._ready_at = float("inf")

    def turn(self, state: State) -> bool:
        """A slice of it beside the work; True when there is little left, or nothing to do.

        It then follows the work until the change comes, but not for ever.
        """
        reading = self._reading
        if reading is None:
            return True
        reading.step(state.positions, _SLICE, 0.0)
        left = reading.left(state.positions)
        self._meter.set("backfill_left_records", left)
        self._meter.set("backfill_done_ratio", reading.records / max(1, reading.records + left))
        if left > _CLOSE:
            return False
        self._ready_at = min(self._ready_at, self._clock.monotonic())
        if self._clock.monotonic() - self._ready_at > _FOLLOW_S:
            self.drop()
        return True

    def finish(
        self, state: State, content: Content, at_ms: int, breathe: Callable[[], None]
    ) -> tuple[Filled, tuple[Stretch, ...]]:
        """All that lies before the change at E, where no more is taken in. Raises Unavailable."""
        if not self._reach_ms:
            return {}, ()
        for attempt in range(_ATTEMPTS):
            try:
                return self._finish(state, content, at_ms, breathe)
            except StateMismatch as error:
                # retention took what was just there: begin again with what is left
                self._meter.note(f"old records are gone before they were read ({error}), attempt {attempt + 1}")
            finally:
                self.drop()
        return {}, ()

    def _finish(
        self, state: State, content: Content, at_ms: int, breathe: Callable[[], None]
    ) -> tuple[Filled, tuple[Stretch, ...]]:
        pasts = self._pasts(state, content, at_ms)
        reading = self._reading if self._digest == content.digest else None
        if reading is None or not reading.renew(pasts):
            self.drop()
            reading = self._reading = self._open(state, pasts, at_ms - 1)
        if reading is None:
            return {}, ()
        reading.finish(state.positions, breathe)
        self._meter.add("backfill_records_total", reading.records)
        return reading.filled(), reading.stretches(state.positions)

    @staticmethod
    def _pasts(state: State, content: Content, at_ms: int) -> dict[TaskId, PastLike]:
        """Of tasks that stand anywhere; one at the beginning of its partition can promise all of it."""
        pasts = state.shard.pasts(at_ms, content.program, content.tables)
        return {task: past for task, past in pasts.items() if task in state.positions}

    def drop(self) -> None:
        if self._reading is not None:
            self._reading.close()
            self._meter.set("backfill_left_records", 0)
            self._meter.set("backfill_done_ratio", 0)
        self._reading, self._digest = None, ""

    def _open(self, state: State, pasts: Mapping[TaskId, PastLike], horizon_ms: int) -> Rereading | None:
        lanes = dict(self._lanes(state, pasts, horizon_ms))
        if not lanes:
            return None
        return Rereading(self._kafka.reader(read_committed=True), lanes, self._max_future_ms)

    def _lanes(self, state: State, pasts: Mapping[TaskId, PastLike], horizon_ms: int) -> Iterator[tuple[TaskId, Lane]]:
        """Where to begin. A record is stamped no later than `max_future` after its own timestamp (`shard.past`), so
        all before the first of that timestamp are older than what is asked for."""
        if not pasts or horizon_ms <= 0:
            return
        partitions = {task: state.tasks[task] for task in pasts}
        froms = {task: max(0, horizon_ms - min(self._reach_ms, past.reach_ms)) for task, past in pasts.items()}
        admin = self._kafka.admin()
        try:
            first = admin.beginning_offsets(partitions.values())
            stamps = {partitions[task]: max(0, from_ms - self._max_future_ms) for task, from_ms in froms.items()}
            found = admin.offsets_at(stamps)
            # a log without timestamps, or a broker that can't search them: then all that there is
            blind = {each for each, at in admin.offsets_at(dict.fromkeys(stamps, 0)).items() if at > first[each]}
        finally:
            admin.close()
        most = _MOST_RECORDS // len(pasts)
        for task, past in pasts.items():
            partition, end = partitions[task], state.positions[task]
            start = min(first[partition] if partition in blind else found[partition], end)
            from_ms: int | None = froms[task]
            if start <= first[partition]:
                start = first[partition]
                from_ms = BEGINNING if start == 0 else None
            if end - start > most:
                self._meter.note(f"{partition}: the newest {most} of {end - start} records are read to fill windows")
                start, from_ms = end - most, None
            yield task, Lane(partition, past, start, from_ms, start)
