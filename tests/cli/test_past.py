"""`swctl explain --at` without a recording: from what topics retain of that time, against a broker in memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamwatchd.cli import record
from streamwatchd.cli.past import lookback_ms, read_by
from streamwatchd.compiler import compile_project
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Partition, Record
from tests.cli.small import START, Result, copy, swctl

AT = "2026-01-05T00:02:50Z"


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> FakeKafka:
    """A shop that is slow from 2 to 4 minutes, over seven; a day before there was another time."""
    made = FakeKafka({"web.requests": 2})
    writer = made.plain_writer()
    for second in (-86_400, *range(0, 420, 5)):
        slow = second < 0 or 120 <= second < 240
        event = {"ts": START + second, "shop": "north", "page": "home", "status": 200, "latency": 900 if slow else 100}
        stamp = (START + second) * 1000
        writer.send([Record("web.requests", json.dumps(event).encode(), partition=0, timestamp_ms=stamp)])
    monkeypatch.setattr(record, "open_kafka", lambda settings: made)
    return made


def asked(config: Path, *options: object) -> Result:
    return swctl("explain", "shop_slow", "--config", config, "--key", "shop=north", *options)


def test_a_past_instant_is_explained_from_what_kafka_retains(kafka: FakeKafka, tmp_path: Path) -> None:
    """The same as of a recording of that time, and what was read."""
    config = copy(tmp_path)
    result = asked(config, "--at", AT)
    assert result.exit_code == 0, result.output
    path = tmp_path / "whole.ndjson"
    assert swctl("record", "--config", config, "web", "--from", START, "--out", path).exit_code == 0
    of_recording = asked(config, "--at", AT, "--recording", path).stdout
    assert result.stdout.startswith(of_recording)
    assert "firing as" in of_recording
    assert result.stdout.removeprefix(of_recording).startswith("read      web from 2026-01-04T23:5")
    assert "retains" not in result.stdout


def test_it_says_what_is_no_longer_retained(kafka: FakeKafka, tmp_path: Path) -> None:
    """Here the first two minutes; of records before the time that is read nothing is said."""
    config = copy(tmp_path)
    kafka.broker.log(Partition("web.requests", 0)).delete_before(1)
    assert "what came before has no say" in asked(config, "--at", AT).stdout
    kafka.broker.log(Partition("web.requests", 0)).delete_before(25)
    said = asked(config, "--at", AT).stdout
    assert "web.requests:0 retains since 2026-01-05T00:02:00.000Z: what came before has no say here" in said
    assert "web.requests:1" not in said


def test_a_time_of_which_nothing_is_there_is_refused(kafka: FakeKafka, tmp_path: Path) -> None:
    """As are words that do not go together."""
    config = copy(tmp_path)
    result = asked(config, "--at", "2025-06-01T00:00:00Z")
    assert (result.exit_code, "there are no records of that time" in result.stderr) == (2, True)
    result = asked(config, "--at", AT, "--live")
    assert (result.exit_code, "--live is about now" in result.stderr) == (2, True)


def test_it_looks_back_as_far_as_the_rule_and_what_it_reads(tmp_path: Path) -> None:
    """Through KPIs, and the alarms that `unless` asks for."""
    config = copy(tmp_path)
    (tmp_path / "rules.d" / "far.yaml").write_text(
        "source: web\nevery: 1m\nrules:\n"
        "  - {kpi: daily, by: shop, every: 1h, over: 24h, values: {total: count()}}\n"
        "  - {alarm: few, source: daily, by: shop, when: total < 5}\n"
        "  - {alarm: held, by: shop, when: count(over 1m) > 0 for 6h, unless: firing(few)}\n"
    )
    rules = compile_project(config).loaded.ruleset
    held, slow = rules.rule("held"), rules.rule("shop_slow")
    assert [each.name for each in read_by(held, rules)] == ["daily", "few", "held"]
    assert lookback_ms(rules, read_by(held, rules)) >= 30 * 3_600_000
    assert lookback_ms(rules, read_by(slow, rules)) < 3_600_000
