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


def test_what_mutes_an_alarm_is_said(tmp_path: Path) -> None:
    """The words of `unless`, and what it was at the last event."""
    corpus = Path(__file__).parents[1] / "corpus"
    events = [
        {"ts": START + second, "device": device, "up": 0 if second >= 300 else 1}
        for second in range(0, 1200, 30)
        for device in ("edge-1", "lab-1")
    ]
    path = tmp_path / "a.ndjson"
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    given = ("--recording", path, "--source", "heartbeats", "--key", "device=edge-1")
    text = swctl("explain", "device_down", "--config", corpus / "streamwatchd.yaml", *given).stdout
    assert "unless    firing(site_down) or (not during(office_hours))" in text
    assert "muted by firing(site_down) at its last event" in text


def test_a_storm_that_folded_the_alarm_is_told_as_what_mutes_it(tmp_path: Path) -> None:
    """The storm's own words are not those of the key."""
    rules = tmp_path / "rules.d" / "shop.yaml"
    copy(tmp_path)
    rules.write_text(rules.read_text().replace("severity: major", "severity: major\n    max_active: 1"))
    events = [
        {"ts": START + second, "shop": shop, "status": 200, "latency": 900}
        for second in range(0, 300, 10)
        for shop in ("north", "south", "x")
    ]
    path = tmp_path / "a.ndjson"
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    given = ("--recording", path, "--key", "shop=x")
    text = swctl("explain", "shop_slow", "--config", tmp_path / "streamwatchd.yaml", *given).stdout
    assert "muted by storm at its last event" in text
    assert "table     owner=None" in text
    assert "keys=" not in text.split("happened")[0]
