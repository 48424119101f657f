"""What the machine says."""

from __future__ import annotations

import os
from pathlib import Path

from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.selfwatch.probe import of_process, probe, table_ages


def test_processes_and_disk_are_looked_at(tmp_path: Path) -> None:
    """Without a shard: our own; a worker that is gone is left out."""
    metrics = Metrics()
    probe(metrics, {0: os.getpid(), 1: 2**22 + 1}, tmp_path, tmp_path, 0)
    samples = metrics.samples(0)
    assert samples["process_resident_bytes", ()] > 1_000_000
    assert samples["process_open_fds", (("shard", "0"),)] >= 3
    assert 0 < samples["process_fds_free_ratio", ()] <= 1
    assert 0 <= samples["disk_free_ratio", ()] <= 1
    assert samples["disk_free_bytes", ()] >= 0
    assert not [labels for _, labels in samples if labels == (("shard", "1"),)]


def test_open_files_count() -> None:
    """One more file, one more descriptor."""
    before = of_process(os.getpid())["process_open_fds"]
    with Path("/dev/null").open():
        assert of_process(os.getpid())["process_open_fds"] == before + 1


def test_the_age_of_tables_is_that_of_their_data(tmp_path: Path) -> None:
    """The YAML beside it may be as old as it likes."""
    (tmp_path / "devices.yaml").write_text("file: devices.csv\n")
    (tmp_path / "devices.csv").write_text("host\n")
    os.utime(tmp_path / "devices.csv", (1_000, 1_000))
    assert table_ages(tmp_path, 1_060) == {(("file", "devices.csv"),): 60.0}
    assert table_ages(tmp_path / "none", 0) == {}
