"""Silence that brokers vouch for.

A worker that hears nothing of a partition does not know whether there is nothing. Brokers may be away, and producers
keep what they have until these are back; or records are there that no reader may see yet, behind the open transaction
of their producer. A watermark that went on meanwhile would make all of them late.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

_UNSEEN_S = 6.0
"""Without a look for so long, whatever was silent before may have spoken."""
_MOST_S = 2.0
"""What one look adds at most, however long it took."""
EVERY_S = 1.0
"""From look to look; so much at its beginning is not seen of a silence."""

Ends = Mapping[tuple[str, int], int]
"""Offsets by topic and partition."""


class Quiet:
    """For how long each partition has been read to an end that did not move. One thread looks, others ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: dict[tuple[str, int], int] = {}
        self._seconds: dict[tuple[str, int], float] = {}
        self._seen_s: float | None = None

    def see(self, ends: Ends, read: Ends, begun_s: float, now_s: float) -> None:
        """What brokers said between `begun_s` and `now_s` of a steady clock: where partitions end, with what no reader
        may see yet. `read` says how far they were read before that."""
        with self._lock:
            seen_s = self._seen_s
            goes_on = seen_s is not None and begun_s - seen_s <= _UNSEEN_S
            more = 0.0 if seen_s is None else min(_MOST_S, now_s - seen_s)
            still = {each for each, end in ends.items() if self._ends.get(each) == end <= read.get(each, -1)}
            self._seconds = {each: self._seconds.get(each, 0.0) + more for each in still} if goes_on else {}
            self._ends, self._seen_s = dict(ends), now_s

    def covers(self, topic: str, partition: int, for_s: float) -> bool:
        """Whether there was nothing for so long."""
        with self._lock:
            seconds = self._seconds.get((topic, partition))
        return seconds is not None and seconds >= for_s - EVERY_S
