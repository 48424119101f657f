"""Records a second of each worker, from its reports: over the last seconds, not since the start."""

from __future__ import annotations

from collections import deque

from streamwatchd.ports.telemetry import Report

_SPAN_MS = 10_000


class Rates:
    """Fed by the supervisor's thread, read by others."""

    def __init__(self) -> None:
        self._seen: dict[int, deque[tuple[int, float]]] = {}

    def take(self, report: Report) -> None:
        """A total below the one before it is that of another process."""
        total = sum(value for (name, _), value in report.counters.items() if name == "records_total")
        seen = self._seen.setdefault(report.shard, deque())
        if seen and (total < seen[-1][1] or report.at_ms < seen[-1][0]):
            seen.clear()
        seen.append((report.at_ms, total))
        while len(seen) > 2 and report.at_ms - seen[0][0] > _SPAN_MS:
            seen.popleft()

    def of(self, shard: int) -> float:
        """0 without two reports."""
        seen = tuple(self._seen.get(shard, ()))
        if len(seen) < 2 or seen[-1][0] <= seen[0][0]:
            return 0.0
        return (seen[-1][1] - seen[0][1]) * 1000 / (seen[-1][0] - seen[0][0])
