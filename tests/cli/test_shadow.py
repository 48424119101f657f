"""`swctl shadow`: reports of rules on trial, from the shadow topic or from a recording."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamwatchd.cli import shadow as command
from streamwatchd.cli.trial import documents_of
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Record
from tests.cli.small import START, copy, swctl

RULE = "  - {alarm: %s, by: shop, when: avg(latency over 1m) > %dms, severity: major%s}\n"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Two minutes slow, out of nearly seven."""
    config = copy(tmp_path)
    other = "  - {alarm: shop_slow_too, by: page, when: max(latency over 1m) > 5000ms}\n"
    text = other + RULE % ("slow_shop", 500, ", mode: shadow") + RULE % ("slow_before", 850, "")
    (config.parent / "rules.d" / "shadow.yaml").write_text("source: web\nevery: 10s\nrules:\n" + text)
    events = [
        {
            "ts": START + second,
            "shop": "a",
            "page": "home",
            "status": 200,
            "latency": 900 if 120 <= second < 240 else 100,
        }
        for second in range(0, 400, 10)
    ]
    path = tmp_path / "a.ndjson"
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def shadow(recording: Path, *arguments: object) -> Any:
    return swctl("shadow", *arguments, "--config", recording.parent / "streamwatchd.yaml")


def written(recording: Path) -> list[dict[str, Any]]:
    """What the daemon would have sent to the shadow topic."""
    out, config = recording.parent / "out", recording.parent / "streamwatchd.yaml"
    result = swctl("dry-run", "--config", config, recording, "--out", out, "--now", "2026-01-06T00:00:00Z")
    assert "in shadow" in result.stdout
    return [json.loads(line) for line in (out / "shadow.ndjson").read_text().splitlines()]


def test_an_alarm_that_is_still_up_counts_as_far_as_was_judged(recording: Path) -> None:
    """Not to the last that was written of it."""
    lines = recording.read_text().splitlines(keepends=True)
    recording.write_text("".join(lines[:24]))
    found = json.loads(shadow(recording, "slow_shop", "--recording", recording, "--json").stdout)
    assert (found["told"], found["up"], found["minutes"]) == (1, 1, 1.1)


def test_a_rate_counts_from_the_first_record(recording: Path) -> None:
    """Not from the first that was written of the rule: one alarm on the last of three days is a third a day."""
    first = json.loads(recording.read_text().splitlines()[0])
    days = [json.dumps(first | {"ts": START - (3 * 86_400 - 400) + at}) for at in range(0, 3 * 86_400 - 400, 600)]
    recording.write_text("\n".join([*days, recording.read_text()]))
    found = json.loads(shadow(recording, "slow_shop", "--recording", recording, "--json").stdout)
    assert (found["told"], found["a_day"], found["from"]) == (1, 0.33, "2026-01-02T00:06:40.000Z")


def test_recorded_traffic_says_how_often_it_had_told(recording: Path) -> None:
    """By severity, by key and by day, with the hour that has most."""
    found = json.loads(shadow(recording, "slow_shop", "--recording", recording, "--json").stdout)
    assert (found["told"], found["minutes"], found["up"], found["a_day"]) == (1, 1.8, 0, 1.0)
    assert found["severities"] == {"major": {"told": 1, "minutes": 1.8}}
    assert found["keys"] == [{"key": "shop=a", "told": 1, "minutes": 1.8}]
    assert (found["days"], found["rows"]) == ({"2026-01-05": 1}, {})
    assert found["busiest_hour"] == {"from": "2026-01-05T00:00:00.000Z", "told": 1}
    text = shadow(recording, "slow_shop", "--recording", recording).stdout
    assert "would have told 1 alarm, 1 a day" in text
    assert text.endswith("to promote it, delete the line `mode: shadow`; its state goes on\n")


def test_it_stands_beside_the_rule_that_it_will_replace(recording: Path) -> None:
    """The same alarms, and those that only one of them tells."""
    arguments = ("slow_shop", "--recording", recording, "--beside", "slow_before", "--json")
    found = json.loads(shadow(recording, *arguments).stdout)
    assert found["beside"] == {"rule": "slow_before", "told": 1, "both": 1, "only_shadow": 0, "only_other": 0}
    assert "1 in both, 0 only here, 0 only there" in shadow(recording, *arguments[:-1]).stdout
    found = json.loads(shadow(recording, "slow_shop", *arguments[1:3], "--beside", "shop_slow_too", "--json").stdout)
    assert (found["beside"]["both"], found["beside"]["only_shadow"]) == (0, 1)


def test_the_topic_is_read_to_its_end(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other rules' documents are left out, and what is none."""
    kafka = FakeKafka({"streamwatchd.shadow": 2})
    documents = [*written(recording), {"odd": 1}, {"rule": "other", "key": {}}]
    texts = [*(json.dumps(document).encode() for document in documents), b"no JSON"]
    kafka.plain_writer().send(Record("streamwatchd.shadow", text, partition=0) for text in texts)
    assert len(list(documents_of(kafka, "streamwatchd.shadow"))) == len(documents)
    monkeypatch.setattr(command, "open_kafka", lambda settings: kafka)
    assert json.loads(shadow(recording, "slow_shop", "--json").stdout)["told"] == 1


def test_what_is_up_counts_as_far_as_the_daemon_has_come(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shard that is behind says how far; without a daemon the last document does."""
    fired = next(each for each in written(recording) if each["rule"] == "slow_shop" and each["event"] == "fired")
    monkeypatch.setattr(command, "open_kafka", lambda settings: None)
    monkeypatch.setattr(command, "documents_of", lambda kafka, topic: [fired])
    assert json.loads(shadow(recording, "slow_shop", "--json").stdout)["minutes"] == 0
    marks = [{"watermark": "2026-01-05T02:00:00.000Z"}, {"watermark": "2026-01-05T01:00:00.000Z"}, {"watermark": None}]
    monkeypatch.setattr(command, "ask", lambda socket, command: {"shards": [*marks, {"phase": "starting"}]})
    found = json.loads(shadow(recording, "slow_shop", "--json").stdout)
    assert (found["up"], found["until"]) == (1, "2026-01-05T01:00:00.000Z")
    assert found["minutes"] == pytest.approx(57.5, abs=0.6)


def test_all_rules_on_trial_have_a_line_each(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one of which nothing was written."""
    monkeypatch.setattr(command, "open_kafka", lambda settings: None)
    monkeypatch.setattr(command, "documents_of", lambda kafka, topic: [])
    (_, line) = shadow(recording).stdout.splitlines()
    assert line.split() == ["slow_shop", "0", "0", "0", "0", "nothing", "was", "written", "yet"]
    assert shadow(recording, "slow_shop").stdout == "slow_shop: nothing was written of it yet\n"
    (recording.parent / "rules.d" / "shadow.yaml").unlink()
    assert shadow(recording).stdout.startswith("no rule is in shadow")


def test_a_rule_that_is_not_in_shadow_has_no_report_from_the_topic(recording: Path) -> None:
    """The way out is a recording; a name that is not there gets a hint."""
    result = shadow(recording, "shop_slow")
    assert (result.exit_code, "--recording FILE" in result.stderr) == (2, True)
    assert "did you mean `slow_shop`" in shadow(recording, "slow_shopp").stderr
