"""`swctl explain --recording`; what it prints stands in tests/cases/cli/320_why.txt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.small import START, copy, swctl


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    copy(tmp_path)
    events = [
        {"ts": START + second, "shop": "a", "page": "home", "status": 200, "latency": 900 if second >= 120 else 100}
        for second in range(0, 400, 10)
    ]
    path = tmp_path / "a.ndjson"
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


@pytest.mark.parametrize(
    ("at", "says"),
    [
        ("2026-01-05T00:02:19Z", "slow = avg(latency over 1m)                  233.333 ms"),
        ("2026-01-05T00:02:30Z", "firing as major since 2026-01-05T00:02:30.000Z"),
        ("2026-01-05T00:00:30Z", "slow = avg(latency over 1m)                  100 ms"),
    ],
)
def test_values_are_those_of_the_judgement_before_the_instant(recording: Path, at: str, says: str) -> None:
    """Also while the window is still warming, when the rule itself is not judged."""
    config = recording.parent / "streamwatchd.yaml"
    given = ("--recording", recording, "--key", "shop=a", "--at", at)
    assert says in swctl("explain", "shop_slow", "--config", config, *given).stdout


def test_the_value_is_the_one_of_the_alert(recording: Path) -> None:
    """The same engine says both."""
    config = recording.parent / "streamwatchd.yaml"
    out = recording.parent / "out"
    swctl("dry-run", "--config", config, recording, "--out", out, "--now", "2026-01-06T00:00:00Z")
    alert = json.loads((out / "alerts.ndjson").read_text().splitlines()[0])
    given = ("--recording", recording, "--key", "shop=a", "--at", alert["at"])
    text = swctl("explain", "shop_slow", "--config", config, *given).stdout
    assert f"{alert['values']['slow']:.6g} ms" in text
    assert alert["id"] in text
