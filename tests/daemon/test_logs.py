"""Log lines."""

from __future__ import annotations

import json

import pytest

from streamwatchd.daemon.logs import configure, logger


def test_a_line_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    """With event, level, time and fields; below the level nothing is written."""
    configure("info")
    logger(shard=3).info("thing_done", text="ä\nb")
    logger().debug("not_this")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    line = json.loads(lines[0])
    assert (line["event"], line["level"], line["shard"], line["text"]) == ("thing_done", "info", 3, "ä\nb")
    assert line["timestamp"].endswith("Z")
