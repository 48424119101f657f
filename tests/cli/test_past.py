"""`swctl explain --at` without a recording: from what topics retain of that time, against a broker in memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamwatchd.cli import record
from streamwatchd.cli.past import lookback_ms, read_by
from streamwatchd.compiler import compile_project
from streamwatchd.operators.document import iso
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import NewTopic, Partition, Record
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


def wrote(kafka: FakeKafka, second: int, event: str, state: str = "firing", **fields: object) -> None:
    """As the daemon writes of shop north: an alarm that began half an hour before."""
    told = {
        "id": "00000000000000aa", "rule": "shop_slow", "key": {"shop": "north"}, "event": event, "state": state,
        "severity": "major", "at": iso((START + second) * 1000), "starts_at": iso((START - 1_800) * 1000), **fields,
    }  # fmt: skip
    kafka.admin().ensure_topics([NewTopic("streamwatchd.alerts", 1)])
    kafka.plain_writer().send([Record("streamwatchd.alerts", json.dumps(told).encode(), b"k", partition=0)])


def state_of(text: str) -> str:
    return text.partition("state ")[2].partition("major  ")[0]


def happened_in(text: str) -> str:
    return text.partition("happened ")[2].partition("read ")[0]


def test_a_past_instant_is_explained_from_what_kafka_retains(kafka: FakeKafka, tmp_path: Path) -> None:
    """The same as of a recording of that time, and what was read."""
    config = copy(tmp_path)
    kafka.admin().ensure_topics([NewTopic("streamwatchd.alerts", 1)])
    result = asked(config, "--at", AT)
    assert result.exit_code == 0, result.output
    path = tmp_path / "whole.ndjson"
    assert swctl("record", "--config", config, "web", "--from", START, "--out", path).exit_code == 0
    of_recording = asked(config, "--at", AT, "--recording", path).stdout
    assert "firing as" in of_recording
    nothing = "streamwatchd.alerts has nothing of this key up to then"
    stands = (
        f"state     taken to be at rest at 2026-01-04T23:59:45.000Z: {nothing}\n          so judged from there on: "
    )
    expected = of_recording.replace("state     ", stands).replace(
        "happened  ", f"happened  {nothing}; judged here:\n          "
    )
    assert result.stdout.startswith(expected)
    assert result.stdout.removeprefix(expected).startswith("read      web from 2026-01-04T23:59:45")


def test_an_alarm_that_was_up_before_is_told_as_it_was_written(kafka: FakeKafka, tmp_path: Path) -> None:
    """Its id and since when, at each instant; what came afterwards, and of other keys, has no say."""
    config = copy(tmp_path)
    wrote(kafka, -1_800, "fired")
    wrote(kafka, 100, "fired", key={"shop": "south"}, id="00000000000000bb")
    wrote(kafka, 300, "resolved", "resolved", reason="cleared")
    said = asked(config, "--at", AT).stdout
    assert "firing as major since 2026-01-04T23:30:00.000Z, id 00000000000000aa" in state_of(said)
    assert "by its last event in streamwatchd.alerts" in state_of(said)
    assert happened_in(said).split() == ["2026-01-04T23:30:00.000Z", "fired", "major"]
    said = asked(config, "--at", "2026-01-05T00:06:00Z").stdout
    assert "at rest: resolved at 2026-01-05T00:05:00.000Z (cleared)" in state_of(said)


@pytest.mark.parametrize("is_there", [True, False])
def test_where_the_alerts_are_gone_no_state_is_claimed(kafka: FakeKafka, tmp_path: Path, is_there: bool) -> None:
    """Nor an id, nor that it fired; the conditions are shown."""
    if is_there:
        wrote(kafka, -1_800, "fired")
        wrote(kafka, 400, "repeated")
        kafka.broker.log(Partition("streamwatchd.alerts", 0)).delete_before(1)
    said = asked(copy(tmp_path), "--at", AT).stdout
    assert state_of(said).startswith("    not known: streamwatchd.alerts has nothing of it up to then")
    assert ("firing" in said, " id " in said, "fired" in said) == (False, False, False)
    assert "slow > 400ms" in said


def test_a_condition_that_was_true_from_the_first_record_on_may_have_been_before(
    kafka: FakeKafka, tmp_path: Path
) -> None:
    """What began later is dated."""
    config = copy(tmp_path)
    rule = (tmp_path / "rules.d" / "shop.yaml").read_text()
    (tmp_path / "rules.d" / "shop.yaml").write_text(rule.replace("slow > 400ms until slow < 300ms", "slow > 50ms"))
    assert "Z or before" in asked(config, "--at", "2026-01-05T00:06:00Z").stdout
    (tmp_path / "rules.d" / "shop.yaml").write_text(rule)
    assert "true since 2026-01-05T00:02:30.000Z\n" in asked(config, "--at", AT).stdout


def test_so_it_is_of_a_key_that_is_seldom_heard_of(kafka: FakeKafka, tmp_path: Path) -> None:
    """Its windows are full a minute after the first event that is read, whenever that comes."""
    for second in range(-590, 420, 30):
        event = {"ts": START + second, "shop": "far", "page": "home", "status": 200, "latency": 900}
        stamp = (START + second) * 1000
        kafka.plain_writer().send([Record("web.requests", json.dumps(event).encode(), partition=1, timestamp_ms=stamp)])
    result = swctl("explain", "shop_slow", "--config", copy(tmp_path), "--key", "shop=far", "--at", AT)
    assert "true since 2026-01-05T00:01:10.000Z or before" in result.stdout, result.output
    assert "state     not known" in result.stdout
    kafka.admin().ensure_topics([NewTopic("streamwatchd.alerts", 1)])
    result = swctl("explain", "shop_slow", "--config", copy(tmp_path), "--key", "shop=far", "--at", AT)
    assert "firing as major since 2026-01-05T00:01:10.000Z or before: its id is not known" in result.stdout


def test_an_alarm_on_single_events_is_told_without_one(kafka: FakeKafka, tmp_path: Path) -> None:
    """Its key had no event in the time that is read."""
    config = copy(tmp_path)
    path = tmp_path / "rules.d" / "shop.yaml"
    path.write_text("source: web\nrules:\n  - {alarm: shop_slow, by: shop, when: latency > 400ms, severity: major}\n")
    wrote(kafka, -1_800, "fired", key={"shop": "west"})
    result = swctl("explain", "shop_slow", "--config", config, "--key", "shop=west", "--at", AT)
    assert "firing as major since 2026-01-04T23:30:00.000Z, id 00000000000000aa" in result.stdout, result.output
    assert "values    none: no record of this key is among those that were read" in result.stdout
    result = swctl("explain", "shop_slow", "--config", config, "--key", "shop=east", "--at", AT)
    assert (result.exit_code, "; streamwatchd.alerts has nothing of it" in result.stderr) == (2, True)


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
