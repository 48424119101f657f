"""`swctl lag`: a table for people; a running daemon is in tests/kafka/test_control.py."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from streamwatchd.cli import lag as command
from streamwatchd.cli import main


def test_each_partition_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not known is a dash."""
    row = {"topic": "in", "partition": 0, "shard": 1, "position": 1_000, "end": 1_200, "lag": 200}
    known = row | {"held_by_open_transactions": 0, "watermark": "2026-01-05T00:00:00.000Z", "idle": True}
    known |= {"waits": False, "holds": False}
    unknown = row | {"partition": 1, "end": None, "lag": None, "held_by_open_transactions": None, "watermark": None}
    answer = {
        "at": "2026-01-05T00:00:09.000Z",
        "partitions": [known, unknown | {"idle": False, "waits": True, "holds": True}],
        "lag": 200,
        "late": [{"source": "m", "rule": None, "events": 1_500}, {"source": "m", "rule": "hot", "events": 7}],
    }
    monkeypatch.setattr(command, "ask", lambda path, name: answer)
    text = CliRunner().invoke(main, ["lag", "--socket", "x"], catch_exceptions=False).stdout
    assert text.splitlines() == [
        "topic  partition  shard  position    end  lag  open  watermark",
        "in             0      1     1,000  1,200  200     0  2026-01-05T00:00:00.000Z (idle)",
        "in             1      1     1,000      –    –     –  – (waits, holds)",
        "",
        "200 records behind, 2026-01-05T00:00:09.000Z",
        "",
        "source  rule   late",
        "m       all   1,500",
        "m       hot       7",
    ]
