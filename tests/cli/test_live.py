"""`swctl explain RULE --key …`: what a daemon's answer looks like."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from streamwatchd.cli import explain as command
from streamwatchd.cli import main

LINE = {"depth": 0, "text": "cpu5 > 85%", "unit": "", "value": None}
ANSWER: dict[str, Any] = {
    "rule": "cpu_high", "key": {"host": "a"}, "at_ms": 200_000, "version": 3, "problems": [],
    "late": {"events": 2, "time_ms": 1_000, "place": ["m", 0, 11]},
    "holding": {"topic": "m", "partition": 2, "watermark": "1970-01-01T00:03:00.000Z", "behind_seconds": 20.0},
    "answers": [
        {
            "kind": "alarm", "shard": 1, "task": {"stage": 1, "topic": "m", "partition": 0}, "watermark_ms": 190_000,
            "every_ms": 10_000, "judged_at_ms": 190_000, "known_since_ms": 60_000, "unless": "firing(site_down)",
            "standing": {
                "state": "pending", "severity": "critical", "starts_at_ms": 180_000, "id": "7f", "no_data": False
            },
            "muted_by": "firing(site_down)", "told": False,
            "flapping": {"since_ms": 100_000, "changes": 6, "over_ms": 1_900_000},
            "context": {"role": "critical"}, "silent": False,
            "tables": [{"table": "devices", "rows": 200, "digest": "ab12", "since_ms": None}],
            "levels": [
                {
                    "severity": "critical", "up": False, "when": [LINE], "until": None, "warming_until_ms": 360_000,
                    "hold": {"since_ms": 180_000, "need_ms": 30_000, "clears": False},
                }
            ],
        }
    ],
}  # fmt: skip
TEXT = """\
alarm cpu_high   host=a   at 1970-01-01T00:03:10.000Z
state     pending as critical since 1970-01-01T00:03:00.000Z, id 7f
          the key is known since 1970-01-01T00:01:00.000Z
critical  cpu5 > 85%                                     null
          null for the rule until 1970-01-01T00:06:00.000Z: the window is warming (`partial`, `min_history`)
          true since 1970-01-01T00:03:00.000Z: for 30s, 20s left
unless    firing(site_down)
          muted by firing(site_down) now; nobody was told
          flapping since 1970-01-01T00:01:40.000Z, 6 changes: muted; over at 1970-01-01T00:31:40.000Z if it keeps still
context   role=critical
tables    devices: 200 rows, content ab12
judged    in m[0] on shard 1, watermark 1970-01-01T00:03:10.000Z, 10 s behind the clock
          every 10s, next at 1970-01-01T00:03:20.000Z at the earliest
late      2 of those that are remembered, the last at m:0:11 says 1970-01-01T00:00:01.000Z: it entered no window
watermark held by m[2] at 1970-01-01T00:03:00.000Z, 20 s behind the clock
"""


def test_the_daemon_s_answer_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Section by section; the key goes along with the question."""
    asked: list[object] = []

    def ask(path: object, name: str, arguments: object) -> dict[str, Any]:
        asked.append((name, arguments))
        return ANSWER

    monkeypatch.setattr(command, "ask", ask)
    given = ["explain", "cpu_high", "--socket", "x", "--key", "host=a"]
    assert CliRunner().invoke(main, given, catch_exceptions=False).stdout == TEXT
    assert asked == [("explain", {"rule": "cpu_high", "key": {"host": "a"}})]
    assert '"version": 3' in CliRunner().invoke(main, [*given, "--json"]).stdout


def test_a_daemon_that_is_down_is_said() -> None:
    """With the recording as the other way."""
    result = CliRunner().invoke(main, ["explain", "cpu_high", "--socket", "/nowhere/x.sock", "--key", "host=a"])
    assert result.exit_code == 2
    assert "no daemon listens at /nowhere/x.sock" in result.stderr
    assert "--recording" in result.stderr
    result = CliRunner().invoke(main, ["explain", "cpu_high", "--socket", "x", "--key", "host"])
    assert "write NAME=VALUE" in result.stderr
