"""When nodes judge, and in which order: by their instants; at a pace, at the next multiple of it.

Sessions behind the exchange are known at the ends of panes, so who reads them judges an instant T in the turn of the
first such end at or after T, and once their rows have come.
"""

from __future__ import annotations

from streamwatchd.operators.asking import BEGINNING, FOREVER
from streamwatchd.operators.node import first_multiple_from

Turn = tuple[int, bool, int]
"""The instant that all must have reached, whether it is at a pace, and the instant that is judged."""

NO_TURN: Turn = (FOREVER, False, FOREVER)


def turn_of(instant_ms: int | None, pace_ms: int) -> Turn:
    """The turn of a node that is due at an instant and goes on by multiples of the pace (0: by every ms)."""
    if instant_ms is None:
        return NO_TURN
    if not pace_ms:
        return instant_ms, False, instant_ms
    return first_multiple_from(instant_ms, pace_ms), True, instant_ms


def at_pace(limit_ms: int, pace_ms: int) -> int:
    """Up to where all has come of what goes on by multiples of the pace, when all else has come up to a limit."""
    return limit_ms // pace_ms * pace_ms if pace_ms and limit_ms != BEGINNING else limit_ms
