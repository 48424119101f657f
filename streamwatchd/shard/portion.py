"""How many records are taken at a time, and how long they may gather before.

So few that the loop gives a sign of life about every second, and not one by one: a batch costs about as much as 300 of
its records, however small it is.
"""

from __future__ import annotations

_FIRST = 1_000
_LONG_S = 1.0
_SHORT_S = 0.25
_MOST_OUTPUTS = 50_000
_CAREFUL_S = 60.0
_LARGE = 2_000
_REST_S, _MOST_REST_S = 0.004, 0.01


class Portion:
    """Grows while records are evaluated quickly, and shrinks when they are not or when much comes of them.

    After losses in a row it begins small, a tenth each time: what kills a worker again and again is then named to the
    record. After one it soon grows to a first take again, which keeps up with much; after more it stays for a minute.
    Results do not depend on it.
    """

    def __init__(self, most: int, losses: int, now_s: float) -> None:
        first = min(most, _FIRST)
        self.records = max(1, first // 10**losses)
        self._most = (most, first)[losses] if losses < 2 else self.records
        self._after_losses = most
        self._careful_until = now_s + _CAREFUL_S
        self.rest_s = 0.0

    def note(self, taken: int, seconds: float, outputs: int, now_s: float) -> None:
        """What the last take came to.

        `rest_s` is then how long more records may gather: a few ms, or as long as the last ones took, so that small
        batches never take more than half of the time; not at all while there is a backlog.
        """
        is_small = taken < min(_LARGE, self.records)
        self.rest_s = min(_MOST_REST_S, max(_REST_S, seconds)) if is_small else 0.0
        if now_s >= self._careful_until:
            self._most = self._after_losses
        if seconds > _LONG_S or outputs > _MOST_OUTPUTS:
            share = min(_LONG_S / max(seconds, 1e-9), _MOST_OUTPUTS / max(outputs, 1))
            self.records = max(1, min(self.records, int(taken * share)))
        elif taken >= self.records and seconds < _SHORT_S and 4 * outputs < _MOST_OUTPUTS:
            self.records = min(self._most, 2 * self.records)
