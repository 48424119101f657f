"""`alerts`: the alarms of all shards, the worst first."""

from __future__ import annotations

import pytest

from streamwatchd.daemon.commands import alerts
from streamwatchd.shard.control import Told
from tests.daemon.commands.setting import Setting


def row(rule: str, state: str, severity: str, starts_at_ms: int) -> dict[str, object]:
    return {"rule": rule, "key": {}, "state": state, "severity": severity, "starts_at_ms": starts_at_ms}


def test_what_fires_comes_before_what_is_pending(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then by severity, then by age."""
    told = [
        Told(0, 1, (row("a", "pending", "critical", 1), row("b", "firing", "warning", 5)), total=2),
        Told(1, 1, (row("c", "firing", "critical", 9), row("d", "firing", "warning", 2)), total=7),
    ]
    monkeypatch.setattr(alerts, "ask_shards", lambda context, rule, key, most: (told, ["shard 2 is away"]))
    monkeypatch.setattr(alerts, "shadows_in_force", lambda context: frozenset({"d"}))
    result = Setting().run("alerts")
    assert [(each["rule"], each["shard"]) for each in result["alarms"]] == [("c", 1), ("d", 1), ("b", 0), ("a", 0)]
    assert [each["rule"] for each in result["alarms"] if each["shadow"]] == ["d"]
    assert (result["total"], result["problems"]) == (9, ["shard 2 is away"])
    assert result["alarms"][0]["starts_at"] == "1970-01-01T00:00:00.009Z"
