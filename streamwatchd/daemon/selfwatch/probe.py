"""What the daemon can see of its own processes, its disk and its tables' files, as metrics."""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from streamwatchd.daemon.metrics import Metrics
from streamwatchd.enrichment.fetched import copies_dir
from streamwatchd.ports.telemetry import Labels

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
_TABLES = (".csv", ".tsv", ".json", ".ndjson", ".jsonl", ".parquet")


def probe(metrics: Metrics, processes: Mapping[int, int], state_dir: Path, enrichment_dir: Path, now_ms: int) -> None:
    """`processes` are the workers' ids by shard. What can't be looked at is left out."""
    found: dict[str, dict[Labels, float]] = {}
    look_at: list[tuple[Labels, int]] = [((), os.getpid())]
    look_at += [((("shard", str(shard)),), pid) for shard, pid in processes.items()]
    for labels, pid in look_at:
        with suppress(OSError, ValueError, IndexError):
            for name, value in of_process(pid).items():
                found.setdefault(name, {})[labels] = value
    with suppress(OSError):
        disk = os.statvfs(state_dir)
        found["disk_free_bytes"] = {(): disk.f_bavail * disk.f_frsize}
        found["disk_free_ratio"] = {(): disk.f_bavail / max(1, disk.f_blocks - disk.f_bfree + disk.f_bavail)}
    copies = copies_dir(state_dir)
    found["table_age_seconds"] = table_ages(enrichment_dir, now_ms / 1000) | table_ages(copies, now_ms / 1000)
    for name, values in found.items():
        metrics.put_all(name, values)


def of_process(pid: int) -> dict[str, float]:
    """From /proc (man 5 proc). Raises OSError for a process that is gone."""
    folder = Path("/proc") / str(pid)
    fields = (folder / "stat").read_text().rpartition(") ")[2].split()
    open_fds = sum(1 for _ in (folder / "fd").iterdir())
    most = resource.prlimit(pid, resource.RLIMIT_NOFILE)[0]
    return {
        "process_resident_bytes": int((folder / "statm").read_text().split()[1]) * _PAGE,
        "process_cpu_seconds_total": (int(fields[11]) + int(fields[12])) / _TICKS,
        "process_open_fds": open_fds,
        "process_fds_free_ratio": 1.0 if most == resource.RLIM_INFINITY else max(0.0, 1 - open_fds / most),
    }


def table_ages(folder: Path, now_s: float) -> dict[Labels, float]:
    """Seconds since each data file of the folder was written."""
    found: dict[Labels, float] = {}
    for path in sorted(folder.glob("**/*")):
        if path.suffix in _TABLES:
            with suppress(OSError):
                found[(("file", str(path.relative_to(folder))),)] = max(0.0, now_s - path.stat().st_mtime)
    return found
