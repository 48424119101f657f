"""What the daemon knows of itself, as Prometheus text; `ports/catalogue.py` has the names.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace

from streamwatchd.ports.catalogue import METRICS, PREFIX, Metric
from streamwatchd.ports.telemetry import Histogram, Labels, Report

_BEGUN = 0
"""Watermarks below 1970 belong to partitions that never had a record."""

Samples = dict[tuple[str, Labels], float]
"""Numbers by metric name and labels."""


class Metrics:
    """The newest reports, and the supervisor's own numbers. Read by the HTTP threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reports: dict[int, Report] = {}
        self._own: dict[tuple[str, Labels], float] = {}
        self._ends: dict[tuple[str, int], int] = {}

    def take(self, report: Report) -> None:
        with self._lock:
            self._reports[report.shard] = report

    def lose(self, shard: int) -> None:
        """The worker is gone: its last numbers stay, but it works no more."""
        with self._lock:
            if shard in self._reports:
                self._reports[shard] = replace(self._reports[shard], phase="away")

    def forget(self, shard: int) -> None:
        """It is another host's: what is known of it here says nothing any more."""
        label = ("shard", str(shard))
        with self._lock:
            self._reports.pop(shard, None)
            self._own = {(name, labels): value for (name, labels), value in self._own.items() if label not in labels}

    def add(self, name: str, amount: float = 1, labels: Labels = ()) -> None:
        with self._lock:
            self._own[name, labels] = self._own.get((name, labels), 0) + amount

    def put(self, name: str, value: float, labels: Labels = ()) -> None:
        with self._lock:
            self._own[name, labels] = value

    def put_all(self, name: str, values: Mapping[Labels, float]) -> None:
        """All that there is of one metric: labels that are not among them go."""
        with self._lock:
            self._own = {key: value for key, value in self._own.items() if key[0] != name}
            self._own |= {(name, labels): value for labels, value in values.items()}

    def put_ends(self, ends: Mapping[tuple[str, int], int]) -> None:
        """End offsets by topic and partition, as they were just now."""
        with self._lock:
            self._ends |= ends

    def positions(self) -> dict[tuple[str, int], tuple[int, int]]:
        """The partitions that workers read, each with its shard and the next offset to read."""
        with self._lock:
            return self._positions()

    def _positions(self) -> dict[tuple[str, int], tuple[int, int]]:
        return {
            (dict(labels)["topic"], int(dict(labels)["partition"])): (report.shard, int(offset))
            for report in self._reports.values()
            for (name, labels), offset in report.gauges.items()
            if name == "position_offset"
        }

    def _lags(self) -> dict[tuple[str, int], int]:
        ends = self._ends
        return {key: max(0, ends[key] - at) for key, (_, at) in self._positions().items() if key in ends}

    def lag_of(self, shard: int) -> int | None:
        """Records that wait for a shard; None before ends are known."""
        with self._lock:
            positions = self._positions()
            lags = [lag for key, lag in self._lags().items() if positions[key][0] == shard]
        return sum(lags) if lags else None

    def samples(self, now_ms: int) -> Samples:
        """Every number by (name, labels), histograms left out."""
        with self._lock:
            samples = dict(self._own)
            for (topic, number), lag in self._lags().items():
                samples["consumer_lag_records", (("partition", str(number)), ("topic", topic))] = lag
            reports = list(self._reports.values())
        for report in reports:
            samples |= _samples(report, now_ms)
        held = holder(reports)
        if held is not None:
            samples["watermark_held", (("partition", str(held[2])), ("topic", held[1]))] = 1
        return samples

    def render(self, now_ms: int) -> str:
        samples = self.samples(now_ms)
        with self._lock:
            reports = list(self._reports.values())
        for report in reports:
            for (name, labels), histogram in report.histograms.items():
                samples |= _buckets(name, (*labels, ("shard", str(report.shard))), histogram)
        return _text(samples)


def holder(reports: Iterable[Report]) -> tuple[int, str, int, int] | None:
    """The source partition with the lowest watermark among those that are not idle, for which all else waits: its
    watermark, topic, number and shard."""
    live = (
        (ms, topic, partition, report.shard)
        for report in reports
        for (stage, topic, partition), ms in report.watermarks_ms.items()
        if stage == 1 and (stage, topic, partition) not in report.idle
    )
    return min(live, default=None)


def _samples(report: Report, now_ms: int) -> Samples:
    shard = ("shard", str(report.shard))
    found = {
        (name, (*labels, shard)): value for (name, labels), value in (*report.counters.items(), *report.gauges.items())
    }
    found["worker_up", (shard,)] = float(report.phase == "running")
    written = report.gauges.get(("snapshot_timestamp_seconds", ()))
    if written is not None:
        found["snapshot_age_seconds", (shard,)] = max(0.0, now_ms / 1000 - written)
    for (stage, topic, partition), watermark_ms in report.watermarks_ms.items():
        labels = (("partition", str(partition)), shard, ("stage", str(stage)), ("topic", topic))
        found["watermark_idle", labels] = float((stage, topic, partition) in report.idle)
        if stage == 1:
            found["watermark_waiting", labels] = float((stage, topic, partition) in report.held)
        if watermark_ms > _BEGUN:
            found["watermark_lag_seconds", labels] = (now_ms - watermark_ms) / 1000
    return found


def _buckets(name: str, labels: Labels, histogram: Histogram) -> Samples:
    found: Samples = {}
    below = 0
    for bound, count in zip((*METRICS[name].bounds, float("inf")), histogram.counts, strict=True):
        below += count
        found[f"{name}_bucket", (*labels, ("le", _number(bound)))] = below
    found[f"{name}_sum", labels], found[f"{name}_count", labels] = histogram.total, below
    return found


def _text(samples: Samples) -> str:
    lines: list[str] = []
    families: dict[str, list[str]] = {}
    for (name, labels), value in samples.items():
        line = f"{PREFIX}{name}{_braces(labels)} {_number(value)}"
        families.setdefault(_family(name), []).append(line)
    for name in sorted(families):
        metric = METRICS.get(name, Metric(name, "Not in the catalogue."))
        lines += [f"# HELP {PREFIX}{name} {metric.help}", f"# TYPE {PREFIX}{name} {metric.kind}"]
        lines += families[name] if metric.bounds else sorted(families[name])
    return "\n".join(lines) + "\n"


def _family(name: str) -> str:
    """The metric that a sample belongs to."""
    for suffix in ("_bucket", "_sum", "_count"):
        if name.endswith(suffix) and METRICS.get(name.removesuffix(suffix)) is not None:
            return name.removesuffix(suffix)
    return name


def _braces(labels: Iterable[tuple[str, str]]) -> str:
    inside = ",".join(f'{name}="{_escape(value)}"' for name, value in labels)
    return f"{{{inside}}}" if inside else ""


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    if value == float("inf"):
        return "+Inf"
    return str(int(value)) if value == int(value) else repr(float(value))
