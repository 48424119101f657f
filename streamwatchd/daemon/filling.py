"""Whether the shards here get on with the old records that new rules wait for."""

from __future__ import annotations

_STILL_S = 15.0


class Filling:
    """`left`: about how many old records are still to be read before the change, over all shards here."""

    def __init__(self) -> None:
        self.left = 0
        self._moved = float("-inf")

    def note(self, left: int, now: float) -> None:
        """`now` is monotonic, in seconds."""
        if 0 < left < self.left or (left and not self.left):
            self._moved = now
        self.left = left

    def goes_on(self, now: float) -> bool:
        """Some are left, and lately they became fewer."""
        return self.left > 0 and now - self._moved < _STILL_S
