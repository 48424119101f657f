"""What a record comes to: the same as the commands of the socket, once; verdicts on alarms and on anomalies."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamwatchd.compiler import compile_project
from streamwatchd.control import CommandRefused
from streamwatchd.daemon.commands import alerts
from streamwatchd.daemon.contents import Bundle, content_of
from streamwatchd.daemon.control_topic.dispositions import Dispositions
from streamwatchd.daemon.control_topic.effects import OVER, REPEATED, TAKEN, Effects, Later
from streamwatchd.daemon.control_topic.records import decode
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.errors import BadRecord
from streamwatchd.ports.disk import RealDisk
from streamwatchd.ports.kafka import NewTopic, Partition, Record
from streamwatchd.repository.dispositions import read_dispositions
from streamwatchd.repository.store import ModelStore
from streamwatchd.shard.control import Told as Told_
from tests.daemon.commands.setting import Setting
from tests.daemon.commands.test_silence import setting
from tests.models.stump import put_stump

KNOWN, OTHER = "6b1f0c2a9d3e4f50", "6b1f0c2a9d3e4f51"
DAY_MS = 86_400_000
ODD = """
source: events
every: 10s
rules:
  - {alarm: hot, by: k, when: max(x over 1m) > 5}
  - {anomaly: odd, by: k, model: mix, values: {n: count(over 10s)}, features: [n], when: score > 0.95}
  - {kpi: rate, by: k, every: 1m, values: {n: count()}}
"""


class Told:
    """A daemon that is told things."""

    def __init__(self, it: Setting, folder: Path) -> None:
        self.it, self.changes = it, 0
        self.dispositions = Dispositions(RealDisk(), folder, Metrics())
        self._effects = Effects(lambda: it.context, self.dispositions, self.changed)

    def changed(self) -> None:
        self.changes += 1

    def say(self, kind: str, said: str, age_ms: int = 0, **fields: Any) -> str:
        given = {"kind": kind, "id": said, **({} if kind == "end_silence" else {"by": "ann"}), **fields}
        return self._effects.apply(decode(json.dumps(given).encode()), self.it.clock.now_ms() - age_ms)


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(setting(tmp_path), tmp_path)


ROW: Mapping[str, Any] = {
    "key": {"k": "a"}, "end": "2026-01-05T00:01:00Z", "score": 0.96, "model": "mix", "version": 1,
}  # fmt: skip
HOT: Mapping[str, Any] = {"rules": ["hot"], "reason": "works", "keys": {"k": "a", "n": 5}}


def test_a_silence_is_what_the_command_makes_of_it_once(told: Told) -> None:
    """`for` counts from the record's timestamp; it ends by the record's id."""
    assert told.say("silence", "c1", 3_600_000, **HOT, **{"for": "2h"}) == TAKEN
    (entry,) = told.it.context.spoken.silences
    assert (entry["id"], entry["where"], entry["until"]) == ("c1", 'k == "a" and n == 5', "2026-01-05T01:00:00.000Z")
    assert told.say("silence", "c1", **HOT, **{"for": "2h"}) == REPEATED
    assert told.say("end_silence", "c2", silence="c1") == TAKEN
    assert told.it.context.spoken.content == b""


def stand(monkeypatch: pytest.MonkeyPatch, *rows: Mapping[str, Any], problems: Sequence[str] = ()) -> None:
    """These alarms are up."""
    given = [Told_(0, 1, rows, total=len(rows))]
    monkeypatch.setattr(alerts, "ask_shards", lambda context, rule, key, most: (given, list(problems)))
    monkeypatch.setattr(alerts, "shadows_in_force", lambda context: frozenset())


def up(rule: str = "hot", alarm: str = "6b1f0c2a9d3e4f50", **key: object) -> Mapping[str, Any]:
    return {
        "rule": rule, "id": alarm, "key": key or {"k": "a"}, "state": "firing", "severity": "major", "starts_at_ms": 1,
        "acknowledged": False,
    }  # fmt: skip


@pytest.fixture(autouse=True)
def _something_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    stand(monkeypatch, up())


def test_an_acknowledgement_is_of_what_is_up(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of nothing it is refused; where a shard says nothing, it is taken."""
    with pytest.raises(BadRecord, match="no alarm of `hot` with k=b is up"):
        told.say("ack", "k1", rule="hot", keys={"k": "b"})
    with pytest.raises(BadRecord, match="rack"):
        told.say("ack", "k1", rule="hot", keys={"rack": "b"})
    assert (told.it.context.spoken.content, told.it.reloader.forced) == (b"", 0)
    stand(monkeypatch, up(), problems=["another host has shard 1: ask there too"])
    assert told.say("ack", "k1", rule="hot", keys={"k": "b"}) == TAKEN


def test_an_acknowledgement_is_what_the_command_makes_of_it_once(told: Told) -> None:
    assert told.say("ack", "k1", rule="hot", note="on it") == TAKEN
    (entry,) = told.it.context.spoken.acks
    assert (entry["id"], entry["rule"], entry["by"], entry["note"]) == ("k1", "hot", "ann", "on it")
    assert told.say("ack", "k1", rule="hot") == REPEATED


def test_what_was_for_a_time_that_is_past_changes_nothing(told: Told) -> None:
    """A topic that is read from its beginning brings no old silence back, and no old acknowledgement."""
    assert told.say("silence", "c1", 3 * DAY_MS, **HOT, **{"for": "2h"}) == OVER
    assert told.say("silence", "c2", **HOT, until="2025-01-05T00:00Z") == OVER
    assert told.say("ack", "k1", 2 * DAY_MS, rule="hot") == OVER
    assert told.it.reloader.forced == 0


@pytest.mark.parametrize(
    ("kind", "fields", "why"),
    [
        ("silence", {**HOT, "rules": ["hto"], "for": "1h"}, "no alarm has the name `hto`.*hot"),
        ("silence", {**HOT, "until": "tomorrow"}, "`tomorrow` is no time"),
        ("end_silence", {"silence": "c9"}, "no silence `c9` was said"),
        ("ack", {"rule": "hto"}, "no alarm has the name `hto`"),
    ],
)
def test_what_comes_to_nothing_is_refused_with_the_reason(
    told: Told, kind: str, fields: Mapping[str, Any], why: str
) -> None:
    with pytest.raises(BadRecord, match=why):
        told.say(kind, "c1", **fields)
    assert told.it.context.spoken.content == b""


def test_a_daemon_that_is_not_ready_is_waited_for(told: Told) -> None:
    """And one whose shards are slow to switch: what was said checks."""
    ready = told.it.context
    told.it.context = replace(ready, supervisor=None)
    with pytest.raises(Later):
        told.say("ack", "k1", rule="hot")
    told.it.context = ready
    switched, slow = told.it.reloader.on_force, [True]

    def first_fails() -> None:
        if slow.pop() if slow else False:
            raise CommandRefused("not in force in every shard after 60 s")
        switched()

    told.it.reloader.on_force = first_fails
    assert told.say("ack", "k1", rule="hot") == TAKEN
    assert told.it.reloader.forced == 2


@pytest.fixture
def odd(tmp_path: Path) -> Told:
    """Rules of all kinds are in force, and a model."""
    it = setting(tmp_path)
    (tmp_path / "rules.d" / "a.yaml").write_text(ODD)
    put_stump(tmp_path / "models", "mix", "n")
    content = content_of(compile_project(tmp_path / "streamwatchd.yaml"))
    assert content is not None
    it.store.add(content, Bundle(b"", {}, {}), 5)
    it.context = replace(it.context, settings=replace(it.context.settings, models=f"file://{tmp_path / 'models'}"))
    write(it, {"id": KNOWN, "rule": "hot", "event": "fired"}, {"id": OTHER, "rule": "odd", "event": "fired"})
    return Told(it, tmp_path)


def write(it: Setting, *events: Mapping[str, Any]) -> None:
    topic = it.context.settings.topics.alerts
    it.kafka.admin().ensure_topics([NewTopic(topic, 2)])
    it.kafka.plain_writer().send(
        Record(topic, json.dumps(each).encode(), partition=number % 2) for number, each in enumerate(events)
    )


def test_a_verdict_on_an_alarm_that_never_was_is_refused(odd: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every alert that was written is still in the topic, so a shard that can't say is no ground to count it; it is
    told."""
    stand(monkeypatch, problems=["shard 1 is not at work (starting)"])
    why = r"`id` 0123456789abcdef: none in .*, and none is up as far as shards said \(shard 1 is not at work"
    with pytest.raises(BadRecord, match=why):
        odd.say("disposition", "d1", rule="hot", verdict="confirmed", alarm="0123456789abcdef")
    with pytest.raises(BadRecord, match=f"`{OTHER}` is an alert of `odd`, not of `hot`"):
        odd.say("disposition", "d1", rule="hot", verdict="confirmed", alarm=OTHER)
    assert odd.dispositions.by_rule() == {}


def test_a_verdict_on_an_alarm_whose_alerts_are_gone(odd: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts where the alarm is up in some shard, where a shard can't say, and where a verdict was there before."""
    topic = odd.it.context.settings.topics.alerts
    odd.it.kafka.broker.log(Partition(topic, 0)).delete_before(1)
    gone = {"rule": "hot", "verdict": "confirmed", "alarm": KNOWN}
    stand(monkeypatch, up(alarm=OTHER))
    with pytest.raises(BadRecord, match="none is up"):
        odd.say("disposition", "d1", **gone)
    stand(monkeypatch, problems=["another host has shard 1: ask there too"])
    assert odd.say("disposition", "d2", **gone) == TAKEN
    stand(monkeypatch)
    assert odd.say("disposition", "d3", **{**gone, "verdict": "false_positive"}) == TAKEN
    stand(monkeypatch, up(alarm="00000000000000aa"))
    assert odd.say("disposition", "d4", **{**gone, "alarm": "00000000000000aa"}) == TAKEN
    assert odd.dispositions.by_rule() == {"hot": {"confirmed": 1, "false_positive": 1}}


def test_a_verdict_on_an_alarm_whose_topic_was_made_anew(odd: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """The topic has all that was written to it and not the alarm, which is up. Its id may be spelt in capitals."""
    stand(monkeypatch, up(alarm="00000000000000aa"), problems=["another host has shard 1: ask there too"])
    gone = {"rule": "hot", "verdict": "confirmed"}
    assert odd.say("disposition", "d1", **gone, alarm="00000000000000AA") == TAKEN
    assert odd.say("disposition", "d2", **gone, alarm="00000000000000aa") == TAKEN
    assert odd.dispositions.by_rule() == {"hot": {"confirmed": 1, "false_positive": 0}}


def test_a_verdict_on_an_alarm_is_counted_and_on_an_anomaly_teaches_its_model(odd: Told, tmp_path: Path) -> None:
    """Again it changes nothing."""
    for _ in range(2):
        assert odd.say("disposition", "d1", rule="hot", verdict="confirmed", alarm="6b1f0c2a9d3e4f50") == TAKEN
        assert odd.say("disposition", "d2", rule="odd", verdict="false_positive", **ROW) == TAKEN
    assert odd.dispositions.by_rule() == {
        "hot": {"confirmed": 1, "false_positive": 0},
        "odd": {"confirmed": 0, "false_positive": 1},
    }
    store = ModelStore(RealDisk(), tmp_path / "models")
    assert (store.versions("mix"), odd.changes) == ([1, 2], 1)
    (kept,) = read_dispositions(store.files, store.root, "mix")
    assert (kept.verdict, kept.key, kept.by) == ("false_positive", {"k": "a"}, "ann")
    assert kept.end == "2026-01-05T00:01:00.000Z"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"rule": "hto", "alarm": "0a"}, "no alarm or anomaly rule `hto` is in force; did you mean `hot`"),
        ({"rule": "rate", "alarm": "0a"}, "no alarm or anomaly rule `rate`"),
        ({"rule": "hot"}, "`alarm` is missing"),
        ({"rule": "hot", "alarm": "host=a"}, "`host=a` is the `id` of no alert: those have 16"),
        ({"rule": "odd", "alarm": "0a"}, "`score`, `model` and `version`"),
        ({"rule": "odd", **ROW, "end": "now"}, "`end` must be a time"),
        ({"rule": "odd", **ROW, "key": {"q": "a"}}, "`key` names no row of `odd`: its keys are `k`"),
        ({"rule": "odd", **ROW, "version": 7}, "mix@7"),
    ],
)
def test_a_verdict_on_nothing_is_refused(odd: Told, fields: Mapping[str, Any], why: str) -> None:
    with pytest.raises(BadRecord, match=why):
        odd.say("disposition", "d1", verdict="confirmed", **fields)
    assert odd.dispositions.by_rule() == {}
