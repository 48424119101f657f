"""Prometheus text."""

from __future__ import annotations

from dataclasses import replace

from streamwatchd.daemon.metrics import Metrics
from streamwatchd.ports.catalogue import METRICS
from streamwatchd.ports.telemetry import Histogram, Report
from streamwatchd.shard.version import BEGINNING

POSITION = (("partition", "3"), ("topic", "in"))


def report(shard: int = 1, phase: str = "running") -> Report:
    return Report(
        shard=shard,
        at_ms=0,
        phase=phase,
        counters={("records_total", (("topic", 'a"b'),)): 5},
        gauges={("position_offset", POSITION): 40},
        watermarks_ms={(1, "in", 3): 7_500, (1, "in", 4): BEGINNING},
    )


def test_every_line_names_metric_labels_and_value() -> None:
    """With types, and what a worker says carries its shard."""
    metrics = Metrics()
    metrics.take(report())
    metrics.add("reloads_total", 2)
    lines = metrics.render(now_ms=10_000).splitlines()
    assert 'streamwatchd_records_total{topic="a\\"b",shard="1"} 5' in lines
    assert "# TYPE streamwatchd_records_total counter" in lines
    assert "# TYPE streamwatchd_position_offset gauge" in lines
    assert 'streamwatchd_watermark_lag_seconds{partition="3",shard="1",stage="1",topic="in"} 2.5' in lines
    assert "streamwatchd_reloads_total 2" in lines
    assert 'streamwatchd_worker_up{shard="1"} 1' in lines
    assert sum("watermark_lag" in line and not line.startswith("#") for line in lines) == 1


def test_who_waits_for_the_slowest_is_a_number() -> None:
    """One a source partition."""
    metrics = Metrics()
    metrics.take(replace(report(), held=frozenset([(1, "in", 3)])))
    lines = metrics.render(now_ms=10_000).splitlines()
    assert 'streamwatchd_watermark_waiting{partition="3",shard="1",stage="1",topic="in"} 1' in lines
    assert 'streamwatchd_watermark_waiting{partition="4",shard="1",stage="1",topic="in"} 0' in lines


def test_lag_is_the_end_less_the_position() -> None:
    """Never below zero, and only for partitions that are read."""
    metrics = Metrics()
    metrics.take(report())
    metrics.put_ends({("in", 3): 100, ("other", 0): 7})
    assert metrics.positions() == {("in", 3): (1, 40)}
    assert (metrics.lag_of(1), metrics.lag_of(2)) == (60, None)
    assert 'streamwatchd_consumer_lag_records{partition="3",topic="in"} 60' in metrics.render(0).splitlines()


def test_the_newest_report_of_a_shard_counts() -> None:
    """A worker that recovers is not up."""
    metrics = Metrics()
    metrics.take(report())
    metrics.take(report(phase="replaying"))
    assert 'streamwatchd_worker_up{shard="1"} 0' in metrics.render(0).splitlines()


def test_a_histogram_is_written_as_prometheus_wants_it() -> None:
    """Cumulated buckets up to +Inf, sum and count, under one type line."""
    counts = (2, 1, *(0 for _ in METRICS["epoch_seconds"].bounds[1:]))
    metrics = Metrics()
    part = (("part", "commit"),)
    metrics.take(Report(0, 0, "running", histograms={("epoch_seconds", part): Histogram(counts, 0.5)}))
    lines = [line for line in metrics.render(0).splitlines() if "epoch_seconds" in line]
    assert lines[1] == "# TYPE streamwatchd_epoch_seconds histogram"
    assert lines[2] == 'streamwatchd_epoch_seconds_bucket{part="commit",shard="0",le="0.001"} 2'
    assert 'streamwatchd_epoch_seconds_bucket{part="commit",shard="0",le="+Inf"} 3' in lines
    assert lines[-2:] == [
        'streamwatchd_epoch_seconds_sum{part="commit",shard="0"} 0.5',
        'streamwatchd_epoch_seconds_count{part="commit",shard="0"} 3',
    ]


def test_a_lost_worker_is_not_up() -> None:
    """What it last said of itself stays."""
    metrics = Metrics()
    metrics.take(report())
    metrics.lose(1)
    lines = metrics.render(0).splitlines()
    assert 'streamwatchd_worker_up{shard="1"} 0' in lines
    assert 'streamwatchd_records_total{topic="a\\"b",shard="1"} 5' in lines


def test_what_holds_the_watermark_is_marked() -> None:
    """One partition; labels that are put anew replace those before."""
    metrics = Metrics()
    metrics.take(report())
    metrics.put_all("refused_file", {(("file", "a"),): 1, (("file", "b"),): 1})
    metrics.put_all("refused_file", {(("file", "b"),): 1})
    lines = metrics.render(0).splitlines()
    assert 'streamwatchd_watermark_held{partition="4",topic="in"} 1' in lines
    assert [line for line in lines if "refused_file{" in line] == ['streamwatchd_refused_file{file="b"} 1']
