"""What people said of alarms, false positives and confirmed ones, by rule: kept, counted, shown.

<state folder, or shared store>/dispositions.ndjson       one a line, newest last; of an alarm the last one counts
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec

from streamwatchd.daemon.metrics import Metrics
from streamwatchd.ports.files import Files
from streamwatchd.repository.dispositions import CONFIRMED, FALSE_POSITIVE

_FILE = "dispositions.ndjson"


class Kept(msgspec.Struct, frozen=True):
    """`of` names the alarm: its id, or key and end of the row of an anomaly rule."""

    id: str
    rule: str
    of: str
    verdict: str
    at: str
    by: str
    note: str = ""


class Dispositions:
    """Read by threads of the control socket, written by the listener's."""

    def __init__(self, files: Files, folder: Path, metrics: Metrics) -> None:
        self._files, self._path, self._metrics = files, folder / _FILE, metrics
        self._lock = threading.Lock()
        self._last: dict[tuple[str, str], Kept] = {}

    def load(self) -> None:
        """Raises Unavailable. A line that can't be read is left out, and goes at the next write."""
        found: dict[tuple[str, str], Kept] = {}
        for line in (self._files.read(self._path) or b"").splitlines():
            try:
                each = msgspec.json.decode(line, type=Kept)
            except msgspec.DecodeError:
                continue
            found[each.rule, each.of] = each
        self._take(found)

    def knows(self, rule: str, of: str) -> bool:
        """Whether something was said of it before."""
        with self._lock:
            return (rule, of) in self._last

    def add(self, given: Kept) -> None:
        """Of the same alarm it takes the place of what was said before. Raises Unavailable."""
        found = {key: each for key, each in self._last.items() if key != (given.rule, given.of)}
        found[given.rule, given.of] = given
        self._files.write(self._path, b"".join(msgspec.json.encode(each) + b"\n" for each in found.values()))
        self._take(found)

    def _take(self, found: dict[tuple[str, str], Kept]) -> None:
        with self._lock:
            self._last = found
        self._metrics.put_all(
            "dispositions",
            {
                (("rule", rule), ("verdict", verdict)): count
                for rule, counts in self.by_rule().items()
                for verdict, count in counts.items()
            },
        )

    def by_rule(self) -> Mapping[str, Counter[str]]:
        """Rule → how many of its alarms were said to be what."""
        with self._lock:
            last = list(self._last.values())
        found: dict[str, Counter[str]] = {}
        for each in last:
            found.setdefault(each.rule, Counter({FALSE_POSITIVE: 0, CONFIRMED: 0}))[each.verdict] += 1
        return found


def precision(counts: Mapping[str, int]) -> float | None:
    """The share of confirmed alarms among those of which somebody said something; None for none."""
    said = counts.get(CONFIRMED, 0) + counts.get(FALSE_POSITIVE, 0)
    return counts.get(CONFIRMED, 0) / said if said else None
