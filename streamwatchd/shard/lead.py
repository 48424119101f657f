"""Catching up side by side: a partition far ahead of one that is further behind waits for it.

What waits behind the exchange for the slowest feeder grows with the distance between the slowest and the fastest, so
that distance is bounded. Only partitions that catch up wait, and only for such: one that has read to its end works on
at once, and one whose producers stamp yesterday's time holds nobody back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from streamwatchd.ports.kafka import Partition, Taken
from streamwatchd.shard.version import BEGINNING

_CATCHING_UP_S = 10.0
"""A partition that has not been at its end for so long is behind, however fast it is read."""


class Lead:
    """Whom to hold back among the source partitions of a worker. `max_ahead_ms` 0 never holds."""

    def __init__(self, partitions: Iterable[Partition], max_ahead_ms: int) -> None:
        self._at_end: dict[Partition, float] = dict.fromkeys(partitions, float("-inf"))
        self._max_ahead_ms = max_ahead_ms
        self.held: frozenset[Partition] = frozenset()

    @property
    def is_on(self) -> bool:
        return self._max_ahead_ms > 0

    def note(self, taken: Taken, now: float) -> None:
        """`now` is monotonic, in seconds."""
        for partition in taken.at_end:
            if partition in self._at_end and partition not in self.held:
                self._at_end[partition] = now

    def behind(self, now: float) -> set[Partition]:
        """The partitions that catch up: not at their end since the start, or for a while."""
        return {each for each, at in self._at_end.items() if now - at > _CATCHING_UP_S}

    def choose(
        self, watermarks_ms: Mapping[Partition, int], others_ms: int | None, now: float
    ) -> tuple[frozenset[Partition], frozenset[Partition]]:
        """Whom to hold back and whom to let go from now on.

        `others_ms` is the least watermark among the partitions of other workers that catch up, None without any. One
        that is held goes on when the least has come half of the way, so that not every batch changes something.
        """
        behind = self.behind(now)
        known = {each: watermarks_ms.get(each, BEGINNING) for each in behind}
        begun = [ms for ms in (*known.values(), BEGINNING if others_ms is None else others_ms) if ms > BEGINNING]
        wanted: set[Partition] = set()
        if begun and self._max_ahead_ms:
            least = min(begun)
            for each, watermark_ms in known.items():
                ahead_ms = watermark_ms - least
                if ahead_ms > (self._max_ahead_ms // 2 if each in self.held else self._max_ahead_ms):
                    wanted.add(each)
        hold, release = frozenset(wanted - self.held), frozenset(self.held - wanted)
        self.held = frozenset(wanted)
        return hold, release
