"""Idle partitions: who is silent at its end, and how far the watermark of the silent may go on.

A worker says which of its partitions are idle (`Silence`). The supervisor sees the watermarks of all shards and names
per topic how far the idle ones may go (`Pace`). What a worker takes over becomes a mark in the journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from streamwatchd.ports.kafka import Partition, Taken
from streamwatchd.shard.version import BEGINNING


class Silence:
    """When each partition of a worker was last heard, by the monotonic clock in seconds."""

    def __init__(self, partitions: Iterable[Partition], now: float) -> None:
        self._heard = dict.fromkeys(partitions, now)
        self._at_end: Set[Partition] = frozenset()

    def note(self, taken: Taken, now: float) -> None:
        self._at_end = taken.at_end
        for batch in taken.batches:
            self._heard[Partition(batch.topic, batch.partition)] = now

    def idle(self, idle_after_ms: Mapping[str, int], now: float) -> set[Partition]:
        """Partitions read to their end and silent for the `idle_after` of their topic."""
        return {
            partition
            for partition in self._at_end
            if partition.topic in idle_after_ms
            and (now - self._heard.get(partition, now)) * 1000 >= idle_after_ms[partition.topic]
        }


@dataclass(frozen=True, slots=True)
class Standing:
    """A partition as the supervisor knows it; of a worker that is away `idle` is False."""

    watermark_ms: int
    idle: bool


class Pace:
    """How far the idle partitions of one topic may go on.

    While one is live they follow the least of the live ones. When all are idle they meet at the highest watermark,
    which jumps to clock − `max_delay` if it stands less than `idle_jump` behind that, so the end of an old recording
    does not become months of silence. From there they go on at the pace of the monotonic clock: a wall clock that is
    set while all are silent moves nothing.
    """

    def __init__(self, max_delay_ms: int, idle_jump_ms: int) -> None:
        self._max_delay_ms = max_delay_ms
        self._idle_jump_ms = idle_jump_ms
        self._base: int | None = None
        """What the pace of all idle ones adds to the monotonic clock."""
        self._near = False

    def target(self, standings: Iterable[Standing], now_ms: int, elapsed_ms: int) -> int | None:
        """The watermark that idle partitions may take over now; None where there is none yet.

        `now_ms` is the wall clock, `elapsed_ms` the monotonic one.
        """
        known = list(standings)
        live = [standing.watermark_ms for standing in known if not standing.idle]
        if live:
            self._base = None
            least = min(live)
            return least if least > BEGINNING else None
        highest = max((standing.watermark_ms for standing in known), default=BEGINNING)
        if highest <= BEGINNING:
            return None
        if self._base is None or (not self._near and highest > self._base + elapsed_ms):
            goal = now_ms - self._max_delay_ms
            self._near = abs(goal - highest) < self._idle_jump_ms
            self._base = (goal if self._near else highest) - elapsed_ms
        return max(self._base + elapsed_ms, highest)
