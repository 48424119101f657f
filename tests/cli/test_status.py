"""`swctl status`: what a daemon's answer looks like; a running daemon is in tests/kafka/test_control.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from streamwatchd.cli import main
from streamwatchd.cli import status as command

SHARD = {"shard": 0, "phase": "running", "pid": 9, "restarts": 2, "epoch": 1_234, "records_per_second": 5_000.4}
STATUS: dict[str, Any] = {
    "app": "noc",
    "version": "0.1.0",
    "pid": 8,
    "uptime_seconds": 7_500,
    "state": "ok",
    "rules": {
        "version": 3,
        "since": "2026-01-05T00:00:00.000Z",
        "digest": "abcdef0123456789",
        "proposed": None,
        "refused": [],
    },
    "idle_partitions": 0,
    "shards": [
        SHARD | {"lag_records": 0, "watermark": "2026-01-05T00:01:00.000Z", "snapshot_age_seconds": 4.2, "note": None}
    ],
    "holding": {
        "topic": "in",
        "partition": 1,
        "shard": 0,
        "watermark": "2026-01-05T00:01:00.000Z",
        "behind_seconds": 6.0,
    },
    "late": [],
    "models": [],
    "pending_settings": [],
}


def show(monkeypatch: pytest.MonkeyPatch, status: dict[str, Any]) -> tuple[int, str]:
    monkeypatch.setattr(command, "ask", lambda path, name: status)
    result = CliRunner().invoke(main, ["status", "--socket", "x"], catch_exceptions=False)
    return result.exit_code, result.stdout


def test_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 0."""
    code, text = show(monkeypatch, STATUS)
    assert code == 0
    assert text.splitlines() == [
        "streamwatchd 0.1.0, noc: 1 of 1 shard at work, up 2 h 5 min, process 8",
        "rules: version 3 since 2026-01-05T00:00:00.000Z of event time, content abcdef012345",
        "watermark: 2026-01-05T00:01:00.000Z, 6 s behind the clock, held by in[1]",
        "",
        "shard  phase    epoch  records/s  lag  watermark                 snapshot  restarts",
        "    0  running  1,234      5,000    0  2026-01-05T00:01:00.000Z     4.2 s         2",
    ]


def test_models_are_told_with_what_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is well, one that was taken back."""
    well = {"model": "mix", "version": 1, "scored": 1_440, "odd": 0, "failed": 0}
    back = {"model": "mix", "version": 2, "scored": 900, "odd": 300, "failed": 2, "taken_back_for": 1}
    _, text = show(monkeypatch, {**STATUS, "models": [well, back]})
    assert text.splitlines()[-2:] == [
        "model: mix@1 scored 1,440 rows",
        "model: mix@2 scored 900 rows (300 at or above 0.95), failed at 2; taken back, mix@1 takes over",
    ]


def test_where_no_silence_is_told_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    code, text = show(monkeypatch, {**STATUS, "settling": {"in": "2026-01-05T00:05:00.000Z"}})
    assert code == 0
    assert text.splitlines()[3] == (
        "topic in has got more partitions: alarms that are judged by partition tell no silence (`no_data`), and begin "
        "anew once all that was there at 2026-01-05T00:05:00.000Z has been read"
    )


def test_what_is_wrong_stands_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused files, a waiting change, a shard that waits, a topic that is gone; exit code 1."""
    waits = {"shard": 1, "phase": "waiting", "pid": 3, "restarts": 0, "note": "waiting: no broker answers"}
    rules = {**STATUS["rules"], "proposed": "0123456789abcdef", "refused": ["rules.d/a.yaml"]}
    rules["postponed_for"] = "the rules can't be written: No space left on device"
    status = {**STATUS, "state": "degraded", "shards": [*STATUS["shards"], waits], "rules": rules, "holding": None}
    status["topics"] = {"kpis": "is not there: create it"}
    code, text = show(monkeypatch, {**status, "pending_settings": ["shards: 2 is written, 1 runs"]})
    assert code == 1
    for line in (
        "rules: content 0123456789ab waits to be put in force",
        "  postponed, and tried again: the rules can't be written: No space left on device",
        "  rules.d/a.yaml",
        "at the next start: shards: 2 is written, 1 runs",
        "shard 1: waiting: no broker answers",
        "watermark: no partition is at work",
        "topic kpis is not there: create it",
    ):
        assert line in text.splitlines()


def test_idle_partitions_hold_no_watermark(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is wrong then, and nobody is told that nothing is at work."""
    _, text = show(monkeypatch, {**STATUS, "holding": None, "idle_partitions": 4})
    assert text.splitlines()[2] == "watermark: goes on with the clock, 4 partitions idle: no records for `idle_after`"
    two = [*STATUS["shards"], SHARD | {"shard": 1, "phase": "away"}]
    _, text = show(monkeypatch, {**STATUS, "shards": two, "holding": None, "idle_partitions": 2})
    assert text.splitlines()[2] == "watermark: 2 partitions idle; it stands until every shard is at work"


def test_late_events_and_old_records_that_are_read_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """By source, with the rules that would have read most of them; and while new rules wait for their windows."""
    late = [{"source": "m", "rule": None, "events": 1_200}]
    late += [{"source": "m", "rule": f"r{number}", "events": number} for number in range(1, 8)]
    late += [{"source": "other", "rule": None, "events": 1}]
    shards = [STATUS["shards"][0] | {"old_records_left": 70_000, "old_records_done": 0.3}]
    _, text = show(monkeypatch, {**STATUS, "late": late, "shards": shards})
    assert text.splitlines()[6:] == [
        "shard 0: 70,000 old records to read before the new rules are in force (30% done)",
        "late: 1,200 events of m (r7 7, r6 6, r5 5, r4 4, r3 3, and 2 more rules)",
        "late: 1 event of other",
    ]


def test_before_kafka_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are no shards yet."""
    none = {"version": None, "since": None, "digest": None, "proposed": None, "refused": []}
    status = {**STATUS, "state": "waiting for Kafka", "shards": [], "rules": none, "holding": None}
    assert "waiting for Kafka" in show(monkeypatch, status)[1]


def test_no_daemon_is_a_sentence_and_exit_code_2(tmp_path: Path) -> None:
    """On standard error."""
    result = CliRunner().invoke(main, ["status", "--socket", str(tmp_path / "none.sock")])
    assert result.exit_code == 2
    assert "no daemon listens at" in result.stderr
