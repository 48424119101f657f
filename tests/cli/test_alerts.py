"""`swctl alerts`: what a daemon's answer looks like."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from streamwatchd.cli import alerts as command
from streamwatchd.cli import main


def alarm(rule: str, state: str = "firing", muted_by: str = "", shadow: bool = False) -> dict[str, Any]:
    return {
        "rule": rule, "key": {"host": "a", "mount": "/"}, "state": state, "severity": "critical",
        "starts_at_ms": 1_000, "id": "7f", "muted_by": muted_by, "shard": 0, "labels": {}, "shadow": shadow,
        "acknowledged": rule == "disk",
    }  # fmt: skip


ANSWER: dict[str, Any] = {
    "at": "1970-01-01T00:03:21.000Z",
    "at_ms": 201_000,
    "total": 3,
    "alarms": [alarm("cpu_high"), alarm("disk", muted_by="during(patching)"), alarm("mem", "pending")],
    "problems": ["shard 1 is not at work (replaying)"],
}


def shown(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[list[str], str]:
    monkeypatch.setattr(command, "ask", lambda path, name: ANSWER)
    result = CliRunner().invoke(main, ["alerts", "--socket", "x", *arguments], catch_exceptions=False)
    return result.stdout.splitlines(), result.stderr


def test_alarms_that_are_up_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With who mutes them; what is missing is said."""
    lines, problems = shown(monkeypatch)
    assert lines == [
        "severity  state   rule      key                    for  acked  muted by          id",
        "critical  firing  cpu_high  host=a,mount=/  3 min 20 s  –      –                 7f",
        "critical  firing  disk      host=a,mount=/  3 min 20 s  yes    during(patching)  7f",
        "",
        "2 alarms firing (1 muted), 1 pending, 1970-01-01T00:03:21.000Z",
    ]
    assert problems == "swctl: not complete: shard 1 is not at work (replaying)\n"


def test_pending_ones_and_those_of_a_rule_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few are few."""
    assert sum("pending " in line for line in shown(monkeypatch, "--pending")[0]) == 1
    assert shown(monkeypatch, "--rule", "cpu_high")[0][-1] == "1 alarm firing, 1970-01-01T00:03:21.000Z"
    assert "the first 1 shown" in shown(monkeypatch, "--lines", "1")[0][-1]


def test_who_is_in_shadow_stands_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told of such an alarm, whoever mutes it or not."""
    alarms = [alarm("disk", muted_by="ack"), alarm("new", shadow=True), alarm("new", muted_by="ack", shadow=True)]
    monkeypatch.setitem(ANSWER, "alarms", alarms)
    lines, _ = shown(monkeypatch)
    assert [line.split()[-2] for line in lines[1:4]] == ["ack", "shadow", "ack"]
    assert lines[-1].startswith("3 alarms firing (1 muted, 2 in shadow), ")
