"""What is usual for a key (README.md): from all that was sampled, filtered at every question."""

from __future__ import annotations

import math
import statistics
import struct

from streamwatchd.lang.typed import Baseline, During, walk
from streamwatchd.rules.ruleset import Alarm
from tests.oracle.asked import in_calendar
from tests.oracle.evaluate import Cell
from tests.oracle.streams import Project, expressions

HOUR_MS = 3_600_000
WEEK_MS = 604_800_000
WEEKS = 4
SAMPLE_MS = 1_200_000


class Learnt:
    """Of one rule and key."""

    def __init__(self, rule: Alarm, project: Project) -> None:
        muted = walk(rule.unless) if rule.unless is not None else ()
        self.calendars = [project.calendars[node.calendar] for node in muted if isinstance(node, During)]
        self.nodes = [n for expr in expressions(rule) for n in walk(expr) if isinstance(n, Baseline)]
        self.step = math.ceil(SAMPLE_MS / rule.every_ms) * rule.every_ms
        self.samples: dict[Baseline, list[tuple[int, float]]] = {node: [] for node in self.nodes}
        self.now: dict[Baseline, Cell] = {}
        """What the expressions are at the T that is judged."""

    def take(self, t: int, *, left_out: bool) -> None:
        for node, value in self.now.items():
            out = left_out or any(in_calendar(calendar, t) for calendar in self.calendars)
            if t % self.step == 0 and value is not None and not out:
                self.samples[node].append((t, _single(float(value))))

    def answer(self, node: Baseline, t: int) -> Cell:
        hour = (t - 1) // HOUR_MS
        hours = {hour - week * WEEK_MS // HOUR_MS for week in range(1, WEEKS + 1)}
        found = [value for at, value in self.samples[node] if (at - 1) // HOUR_MS in hours]
        if not found:
            return None
        usual = statistics.median(found)
        return usual if node.function == "usual" else 1.4826 * statistics.median(abs(v - usual) for v in found)


def _single(value: float) -> float:
    """As a 32-bit float."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])
