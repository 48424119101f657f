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
    assert status["rules"] == {
        "version": 0, "since": None, "digest": "v0", "proposed": None, "postponed_for": None, "refused": [],
    }  # fmt: skip
    assert status["pending_settings"] == ["shards: 2 → 3"]


def test_a_topic_that_is_not_there_is_in_it() -> None:
    """However well the shards are."""
    setting = Setting()
    assert setting.run("status")["state"] == "ok"
    setting.context = replace(setting.context, wrong_topics=lambda: {"kpis": "is not there: create it"})
    status = setting.run("status")
    assert (status["state"], status["topics"]) == ("degraded", {"kpis": "is not there: create it"})


def test_topics_whose_keys_settle_are_in_it() -> None:
    """All is well meanwhile."""
    setting = Setting()
    due = {"in": "2026-01-05T00:05:00.000Z"}
    setting.context = replace(setting.context, settling=lambda: due)
    status = setting.run("status")
    assert (status["state"], status["settling"]) == ("ok", due)


def test_models_in_force_and_those_taken_back_are_in_it() -> None:
    """Over all shards; a version that is neither is not."""
    setting = Setting()
    put, version = setting.metrics.put, (("model", "mix"), ("version", "1"))
    put("model_expected_ratio", 0.1, (("bound", "0.95"), *version, ("shard", "0")))
    for shard, odd in (("0", 3), ("1", 4)):
        put("model_scored_total", 100, (*version, ("shard", shard)))
        put("model_scores_total", 90, (("bound", "0.5"), *version, ("shard", shard)))
        put("model_scores_total", odd, (("bound", "0.95"), *version, ("shard", shard)))
        put("model_scored_total", 5, (("model", "old"), ("shard", shard), ("version", "7")))
    put("model_rollbacks_total", 1, (("model", "mix"), ("to", "1"), ("version", "2")))
    assert setting.run("status")["models"] == [
        {"model": "mix", "version": 1, "scored": 200, "odd": 7, "failed": 0},
        {"model": "mix", "version": 2, "scored": 0, "odd": 0, "failed": 0, "taken_back_for": 1},
    ]


def test_a_shard_without_a_report_is_said_to_be_away() -> None:
    """And nothing more of it."""
    setting = Setting()
    setting.supervisor.slots[0].report, setting.supervisor.slots[0].phase = None, "away"
    setting.supervisor.slots[0].restarts["SIGKILL"] = 2
    shard = setting.run("status")["shards"][0]
    assert shard == {"shard": 0, "phase": "away", "pid": 77, "restarts": 2}


def test_why_a_change_waits_and_idle_partitions_are_in_it() -> None:
    """Of sources only; the exchange's are our own."""
    setting = Setting()
    setting.supervisor.changes.postponed_for = "the rules can't be written: disk"
    setting.supervisor.slots[0].report = report(0, idle=frozenset({(1, "in", 0), (2, "x", 0)}))
    status = setting.run("status")
    assert (status["rules"]["postponed_for"], status["idle_partitions"]) == ("the rules can't be written: disk", 1)


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
