"""What a worker counts and measures, for its reports."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import compress
from operator import attrgetter

import numpy as np
import numpy.typing as npt

from streamwatchd.ports.catalogue import METRICS
from streamwatchd.ports.clock import Clock
from streamwatchd.ports.kafka import Partition
from streamwatchd.ports.telemetry import Histogram, Labels, Report
from streamwatchd.shard.epoch import OpenEpoch
from streamwatchd.shard.output import Sink, TaskId
from streamwatchd.shard.recovery import State
from streamwatchd.shard.snapshot import Written
from streamwatchd.shard.timing import PARTS, ages_s

_MOST_NOTES = 1_000
_COMMIT = "commit"
"""A trouble."""
_GAUGES = {"keys", "table_earlier_rows"}
"""What of the shard's counts goes up and down."""


class Meter:
    """Counters since the worker's start and gauges of now. The background threads write to it too."""

    def __init__(self, shard: int, clock: Clock, stuck_s: float = 10.0) -> None:
        """An epoch that has been committing for `stuck_s` is a trouble."""
        self.phase = "starting"
        self.oldest_version: int | None = None
        self._shard = shard
        self._clock, self._stuck_s = clock, stuck_s
        self._counters: dict[tuple[str, Labels], float] = {}
        self._gauges: dict[tuple[str, Labels], float] = {}
        self._buckets: dict[tuple[str, Labels], _Buckets] = {}
        self._watermarks: Mapping[tuple[int, str, int], int] = {}
        self._idle: frozenset[tuple[int, str, int]] = frozenset()
        self._behind = self._held = self._idle
        self._notes: list[str] = []
        self._troubles: dict[str, str] = {}
        self._epoch = 0
        self._tried = ""
        self._reported = float("-inf")

    def add(self, name: str, amount: float = 1, labels: Labels = ()) -> None:
        key = (name, labels)
        self._counters[key] = self._counters.get(key, 0) + amount

    def set(self, name: str, value: float, labels: Labels = ()) -> None:
        """What a gauge is now."""
        self._gauges[name, labels] = value

    def set_all(self, name: str, values: Mapping[Labels, float]) -> None:
        """All that there is of a gauge now."""
        gone = [key for key in self._gauges if key[0] == name and key[1] not in values]
        for key in gone:
            del self._gauges[key]
        for labels, value in values.items():
            self._gauges[name, labels] = value

    def observe(self, name: str, value: float, labels: Labels = ()) -> None:
        """One more value of a histogram."""
        self._buckets_of(name, labels).add(value)

    def observe_all(self, name: str, values: npt.NDArray[np.float64], labels: Labels = ()) -> None:
        self._buckets_of(name, labels).add_all(values)

    def _buckets_of(self, name: str, labels: Labels) -> _Buckets:
        found = self._buckets.get((name, labels))
        if found is None:
            found = self._buckets[name, labels] = _Buckets(METRICS[name].bounds)
        return found

    def note(self, text: str) -> None:
        """Something for the log; repeats in a row are left out."""
        if len(self._notes) < _MOST_NOTES and self._notes[-1:] != [text]:
            self._notes.append(text)

    def clock_stepped(self, by_ms: int) -> None:
        """The wall clock was set, or the machine slept."""
        self.add("clock_steps_total", 1, (("direction", "ahead" if by_ms > 0 else "back"),))
        what = "jumped ahead" if by_ms > 0 else "went back"
        meanwhile = "" if by_ms > 0 else "; until it has caught up, time goes on by the monotonic clock"
        self.note(f"the clock {what} by {abs(by_ms) / 1000:.0f} s{meanwhile}")

    def trouble(self, what: str, why: str, note: str) -> None:
        """`what` does not work, which stands until `well`; `note` is for the first time."""
        if what not in self._troubles:
            self.note(note)
        self._troubles[what] = why

    def well(self, what: str) -> None:
        self._troubles.pop(what, None)

    def commit_tried(self, reason: str) -> None:
        """A try to commit the epoch in hand has failed, and another one follows."""
        self._tried = reason
        self.note(reason)

    def look_at_commit(self, epoch: int, seconds: float | None) -> None:
        """For how long the epoch in hand has been committing; None while none is. One that takes too long is told."""
        self._gauges["commit_waiting_seconds", ()] = seconds or 0.0
        if seconds is None:
            self._tried = ""
        if seconds is None or seconds < self._stuck_s:
            self.well(_COMMIT)
            return
        why = self._tried or "Kafka has not answered yet"
        text = f"epoch {epoch} has been trying for {seconds:.0f} s: {why}; it goes on trying, and nothing is lost"
        self.trouble(_COMMIT, text, f"epoch {epoch} does not get committed: {why}")

    def sealed(self, epoch: OpenEpoch) -> None:
        self.add("epochs_total")
        self.add("epoch_records_total", epoch.records)
        sinks = list(map(attrgetter("sink"), epoch.outputs))
        for sink, count in (Counter(sinks) + Counter({Sink.DEAD_LETTERS: epoch.letter_count})).items():
            self.add("outputs_total", count, (("sink", sink.value),))
        for output in compress(epoch.outputs, map(Sink.ALERTS.__eq__, sinks)):
            if isinstance(output.value, dict):
                of_rule = (("event", str(output.value.get("event"))), ("rule", str(output.value.get("rule"))))
                self.add("alerts_total", 1, of_rule)
        self.add("outputs_total", len(epoch.exchanged), (("sink", "exchange"),))

    def committed(self, epoch: OpenEpoch, seconds: float) -> None:
        """`seconds` are those of journal and transaction."""
        self._epoch = epoch.number
        self.add("commit_seconds_total", seconds)
        self._gauges["commit_seconds", ()] = seconds
        self._gauges["epoch_number", ()] = epoch.number
        timing, now_ms = epoch.timing, self._clock.now_ms()
        for part in PARTS:
            self.observe("epoch_seconds", timing.parts[part], (("part", part),))
        for name, times in (("record_latency_seconds", timing.stamps), ("event_latency_seconds", timing.times)):
            if times:
                self.observe_all(name, ages_s(times, now_ms))

    def snapshot_written(self, epoch: int, written: Written) -> None:
        self.add("snapshots_total")
        self.add("snapshot_written_bytes_total", written.file_bytes)
        self._gauges["snapshot_epoch", ()] = epoch
        self._gauges["snapshot_bytes", ()] = written.state_bytes
        self.snapshot_taken(self._clock.now_ms())

    def snapshot_taken(self, at_ms: int) -> None:
        """When the newest snapshot was."""
        self._gauges["snapshot_timestamp_seconds", ()] = at_ms / 1000

    def copied(self, epoch: int, size: int) -> None:
        self.add("shared_store_bytes_total", size)
        self._gauges["shared_store_epoch", ()] = epoch
        self._gauges["shared_store_timestamp_seconds", ()] = self._clock.now_ms() / 1000

    def due(self, every_s: float) -> bool:
        return self._clock.monotonic() - self._reported >= every_s

    def look(self, state: State, idle: Iterable[TaskId], positions: Mapping[Partition, int]) -> None:
        """Take over what the shard and the reader say now."""
        watermarks = state.shard.watermarks()
        self._watermarks = {(t.stage, t.topic, t.partition): ms for t, ms in watermarks.items()}
        self._idle = _names(idle)
        for (name, labels), count in state.shard.counters().items():
            if name in _GAUGES:
                self._gauges[name, labels] = count
            else:
                self._counters[f"{name}_total", labels] = count
        for name, labels, value in state.shard.work():
            self._counters[name, labels] = value
        gone = {partition for task, partition in state.tasks.items() if task.stage == 1 and task not in watermarks}
        for partition, offset in positions.items():
            self._gauges["position_offset", _labels(partition)] = offset
        for partition in gone:  # of sources that are no more: nobody is behind there
            self._gauges.pop(("position_offset", _labels(partition)), None)
        self._gauges["version_number", ()] = state.version.number

    def look_at_lead(self, behind: Iterable[TaskId], held: Iterable[TaskId]) -> None:
        """Who catches up, and who of them waits for others."""
        self._behind, self._held = _names(behind), _names(held)

    def report(self) -> Report:
        self._reported = self._clock.monotonic()
        return Report(
            shard=self._shard,
            at_ms=self._clock.now_ms(),
            phase="waiting" if self.phase == "running" and _COMMIT in self._troubles else self.phase,
            epoch=self._epoch,
            counters=dict(self._counters),
            gauges=dict(self._gauges),
            watermarks_ms=self._watermarks,
            notes=tuple(self._notes),
            idle=self._idle,
            behind=self._behind,
            held=self._held,
            oldest_version=self.oldest_version,
            histograms={key: buckets.now() for key, buckets in list(self._buckets.items())},
            troubles=dict(self._troubles),
        )


class _Buckets:
    """A histogram in the making."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._edges = np.array(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def add_all(self, values: npt.NDArray[np.float64]) -> None:
        found = np.bincount(np.searchsorted(self._edges, values), minlength=len(self._counts)).tolist()
        self._counts = [count + more for count, more in zip(self._counts, found, strict=True)]
        self._total += float(values.sum())

    def now(self) -> Histogram:
        return Histogram(tuple(self._counts), self._total)


def _names(tasks: Iterable[TaskId]) -> frozenset[tuple[int, str, int]]:
    return frozenset((task.stage, task.topic, task.partition) for task in tasks)


def _labels(partition: Partition) -> Labels:
    return (("partition", str(partition.partition)), ("topic", partition.topic))
