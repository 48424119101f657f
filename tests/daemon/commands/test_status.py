"""`status`: what it says of shards, rules and the watermark."""

from __future__ import annotations

from dataclasses import replace

from streamwatchd.daemon.commands.status import holding
from streamwatchd.shard.version import BEGINNING
from tests.daemon.commands.setting import Setting, report
from tests.shard.small import START_MS


def test_every_shard_is_in_it() -> None:
    """With its lag once ends are known, and what waits for the next start."""
    setting = Setting()
    setting.metrics.put_ends({("in", 0): 100, ("in", 1): 40})
    setting.supervisor.slots[1].phase = "replaying"
    setting.context = replace(setting.context, pending_settings=lambda: ["shards: 2 → 3"])
    status = setting.run("status")
    assert (status["state"], status["uptime_seconds"]) == ("degraded", 5)
    assert [each["lag_records"] for each in status["shards"]] == [60, 0]
    assert status["rules"] == {"version": 0, "since": None, "digest": "v0", "proposed": None, "refused": []}
    assert status["pending_settings"] == ["shards: 2 → 3"]


def test_a_shard_without_a_report_is_said_to_be_away() -> None:
    """And nothing more of it."""
    setting = Setting()
    setting.supervisor.slots[0].report, setting.supervisor.slots[0].phase = None, "away"
    setting.supervisor.slots[0].restarts["SIGKILL"] = 2
    shard = setting.run("status")["shards"][0]
    assert shard == {"shard": 0, "phase": "away", "pid": 77, "restarts": 2}


def test_the_watermark_is_held_by_the_lowest_partition_at_work() -> None:
    """Idle ones hold nothing up; one that never had a record does, without an instant."""
    reports = [report(0, idle=frozenset({(1, "in", 0)})), report(1), report(2)]
    held = holding(reports, START_MS + 4_000)
    assert held is not None
    assert (held["partition"], held["behind_seconds"]) == (1, 3.0)
    empty = holding([report(0), report(1, watermarks_ms={(1, "in", 1): BEGINNING})], START_MS)
    assert empty is not None
    assert (empty["partition"], empty["watermark"], empty["behind_seconds"]) == (1, None, None)
    assert holding([report(0, idle=frozenset({(1, "in", 0)}))], START_MS) is None
