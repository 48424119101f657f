"""What the daemon knows of itself, as Prometheus text.

Names are `streamwatchd_<noun>_<unit>[_total]`; everything a worker says carries its `shard`.
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from streamwatchd.ports.telemetry import Labels, Report

_HELP = {
    "records_total": "Records read from source and exchange topics.",
    "events_total": "Valid events taken in.",
    "late_total": "Events at or below their partition's watermark.",
    "dead_letters_total": "Records that are no valid event.",
    "outputs_total": "Records written, by sink.",
    "epochs_total": "Epochs sealed.",
    "take_seconds_total": "Time waiting for and reading records.",
    "evaluate_seconds_total": "Time decoding records and evaluating rules.",
    "commit_seconds_total": "Time committing epochs, beside the evaluation.",
    "commit_seconds": "Time the last epoch took to commit.",
    "consumer_lag_records": "Records between a partition's end and what was read of it.",
    "watermark_lag_seconds": "How far a task's watermark is behind the clock.",
    "position_offset": "The next offset to read.",
    "snapshot_timestamp_seconds": "When the newest snapshot was written.",
    "snapshot_bytes": "State that the newest snapshot holds.",
    "snapshot_written_bytes_total": "Bytes of snapshot files written: what has changed since the one before.",
    "snapshots_failed_total": "Snapshots that the disk did not take; the older ones stay.",
    "snapshots_refused_total": "Snapshots that a recovery did not trust, and took an older one.",
    "journal_gaps_total": "Times the local journal was not written or not whole: recovery reads the journal topic.",
    "reloads_total": "Compilations of changed rules and tables.",
    "refused_files": "Files that do not check; their last good version is in force.",
    "switches_total": "Versions put in force.",
    "worker_restarts_total": "Workers started again after they left or were killed, by reason.",
    "worker_losses": "Deaths of a shard's workers in a row, each within a minute of its start; three are a crash loop.",
    "worker_up": "1 while the worker does its normal work.",
    "build_info": "The version of the daemon.",
}
_BEGUN = 0
"""Watermarks below 1970 belong to partitions that never had a record."""


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

    def add(self, name: str, amount: float = 1, labels: Labels = ()) -> None:
        with self._lock:
            self._own[name, labels] = self._own.get((name, labels), 0) + amount

    def put(self, name: str, value: float, labels: Labels = ()) -> None:
        with self._lock:
            self._own[name, labels] = value

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

    def render(self, now_ms: int) -> str:
        with self._lock:
            samples = dict(self._own)
            for (topic, number), lag in self._lags().items():
                samples["consumer_lag_records", (("partition", str(number)), ("topic", topic))] = lag
            for report in self._reports.values():
                samples |= _samples(report, now_ms)
        return _text(samples)


def _samples(report: Report, now_ms: int) -> dict[tuple[str, Labels], float]:
    shard = ("shard", str(report.shard))
    found = {
        (name, (*labels, shard)): value for (name, labels), value in (*report.counters.items(), *report.gauges.items())
    }
    found["worker_up", (shard,)] = float(report.phase == "running")
    for (stage, topic, partition), watermark_ms in report.watermarks_ms.items():
        if watermark_ms > _BEGUN:
            labels = (("partition", str(partition)), shard, ("stage", str(stage)), ("topic", topic))
            found["watermark_lag_seconds", labels] = (now_ms - watermark_ms) / 1000
    return found


def _text(samples: Mapping[tuple[str, Labels], float]) -> str:
    lines: list[str] = []
    last = ""
    for (name, labels), value in sorted(samples.items()):
        if name != last:
            kind = "counter" if name.endswith("_total") else "gauge"
            if name in _HELP:
                lines.append(f"# HELP streamwatchd_{name} {_HELP[name]}")
            lines.append(f"# TYPE streamwatchd_{name} {kind}")
            last = name
        lines.append(f"streamwatchd_{name}{_braces(labels)} {_number(value)}")
    return "\n".join(lines) + "\n"


def _braces(labels: Iterable[tuple[str, str]]) -> str:
    inside = ",".join(f'{name}="{_escape(value)}"' for name, value in labels)
    return f"{{{inside}}}" if inside else ""


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
