"""Anomaly rules at work: vectors, scores, events, and what becomes of a model that misbehaves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import pytest

from streamwatchd import models
from streamwatchd.compiler import program_of
from streamwatchd.operators.score import ScoreNode
from streamwatchd.plan.program import Program
from streamwatchd.repository.store import ModelData
from streamwatchd.rules.ruleset import SHADOW_OF
from streamwatchd.shard.output import Sink
from streamwatchd.testing.driver import Driver
from tests.models.small import REMEMBERING, remembering
from tests.operators.bench import Bench, compiled, through_a_file
from tests.published import misfits

RULES = """\
  - kpi: load
    by: host
    every: 10s
    values: {mean: avg(x), n: count()}
  - anomaly: jump
    source: load
    model: step
    features: [mean]
    when: score > 0.9
    message: "{host} jumped to {mean}"
"""
OWN = """\
  - anomaly: jump
    by: host
    model: step
    values: {peak: max(x over 20s)}
    features: [peak]
    when: score > 0.9
"""


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(models, "KINDS", {**models.KINDS, "remembering": REMEMBERING})
    models.forget_open()
    yield
    models.forget_open()


def with_models(rules: str, *data: ModelData) -> Program:
    """The rule `jump` has the model, if there is one, and the second one on trial."""
    found = dict(zip(("jump", "jump" + SHADOW_OF), data, strict=False))
    return program_of(replace(compiled(rules).loaded.ruleset, models=found))


class Scored(Bench):
    """A bench whose models are given."""

    def __init__(self, rules: str, *data: ModelData) -> None:
        self._versions = [with_models(rules, *data)]
        self._at: list[int] = []
        super().__init__(rules)

    def _driver(self) -> Driver:
        driver = Driver(self._versions[0], self._compiled.loaded.tables, self._partitions, exchange_partitions=2)
        for program, at_ms in zip(self._versions[1:], self._at, strict=True):
            driver.switch(program, self._compiled.loaded.tables, at_ms)
        return driver

    def model(self, rules: str, *data: ModelData) -> Scored:
        """Other rules or models from just above the newest event on."""
        self._versions.append(with_models(rules, *data))
        self._at.append(self.driver.switch(self._versions[-1], self._compiled.loaded.tables))
        return self

    def restart(self) -> Scored:
        pictures = [shard.snapshot() for shard in self.driver.shards]
        self._outputs += self.driver.take_outputs()
        self._go_on_a_while()
        states = [through_a_file(picture) for picture in pictures]
        self.driver = self._driver()
        for shard, state in zip(self.driver.shards, states, strict=True):
            shard.restore(state)
        return self

    def events(self) -> list[dict[str, object]]:
        return self.documents(Sink.ANOMALIES)

    def tallies(self) -> dict[str, list[int]]:
        """Version → scored, unscored, failed, anomalies."""
        nodes = [n for s in self.driver.shards for t in s.tasks.values() for n in t.flow.nodes.values()]
        found: dict[str, list[int]] = {}
        for node in nodes:
            for name, each in node.tallies if isinstance(node, ScoreNode) else ():
                found[name] = [each.scored, each.unscored, each.failed, each.anomalies]
        return found


def test_rows_of_a_kpi_are_scored_and_judged_like_any_alarm() -> None:
    """The first row has nothing to compare with; the jump fires, the quiet row after it resolves."""
    bench = Scored(RULES, remembering("mean"))
    bench.at(1, host="a", x=1).at(11, host="a", x=90).at(21, host="a", x=90).clock(30)
    assert bench.alerts() == ["19.999 jump fired warning a", "29.999 jump resolved warning a cleared"]
    (event,) = bench.events()
    assert (event["anomaly"], event["key"], event["model"], event["version"]) == ("jump", {"host": "a"}, "step", 1)
    assert event["values"] == {"mean": 90.0}
    assert misfits("anomaly", [event]) == []
    assert event["drivers"] == {"mean": 1.0}
    assert math.isclose(event["score"], 1 - 0.35 * 0.11, rel_tol=1e-6)  # type: ignore[arg-type]
    assert math.isclose(event["confidence"], 0.89, rel_tol=1e-6)  # type: ignore[arg-type]
    assert bench.tallies() == {"step@1": [2, 1, 0, 1]}


def test_a_rule_makes_windows_of_its_own() -> None:
    """Their rows are written nowhere but as anomalies; `over` may be longer than `every`."""
    bench = Scored(OWN, remembering("peak")).at(1, host="a", x=1).at(11, host="a", x=80).clock(20)
    assert bench.alerts() == ["19.999 jump fired warning a"]
    assert bench.rows() == []


def test_scored_rows_are_a_stream() -> None:
    """Another rule reads the score by the rule's name, on rows and over windows."""
    rules = RULES + "  - {alarm: on, source: jump, by: host, when: score > 0.66 and mean > 50}\n"
    rules += "  - {alarm: wide, source: jump, every: 10s, partial: true, when: max(score over 20s) > 0.9}\n"
    bench = Scored(rules, remembering("mean")).at(1, host="a", x=1).at(11, host="a", x=90).clock(20)
    assert sorted(bench.alerts()) == [
        "19.999 jump fired warning a",
        "19.999 on fired warning a",
        "20 wide fired warning",
    ]


def test_without_a_model_the_score_is_null() -> None:
    """It neither raises nor clears, and the rows come all the same."""
    rules = RULES + "  - {alarm: quiet, source: jump, by: host, when: score is null}\n"
    bench = Scored(rules).at(1, host="a", x=1).at(11, host="a", x=90).clock(20)
    assert bench.alerts() == ["9.999 quiet fired warning a"]


def test_a_new_version_takes_effect_at_an_instant_and_begins_anew() -> None:
    """The first row after E has nothing to compare with: memory belongs to the version that wrote it."""
    bench = Scored(RULES, remembering("mean")).at(1, host="a", x=1).at(11, host="a", x=90)
    bench.model(RULES, remembering("mean", version=2)).at(21, host="a", x=90).at(31, host="a", x=1)
    bench.at(41, host="a", x=95).clock(50)
    assert bench.alerts() == ["49.999 jump fired warning a"]
    assert [event["version"] for event in bench.events()] == [2]


def test_memory_survives_a_restart_and_an_edit_of_the_threshold() -> None:
    """It belongs to vectors and version, not to what is made of the score."""
    bench = Scored(RULES, remembering("mean")).at(1, host="a", x=1).at(11, host="a", x=1).restart()
    bench.model(RULES.replace("0.9", "0.95"), remembering("mean")).restart().at(21, host="a", x=91).clock(30)
    assert bench.alerts() == ["29.999 jump fired warning a"]


@pytest.mark.parametrize("bad", [1, 2])
def test_a_model_that_fails_gives_no_score_and_is_counted(bad: int) -> None:
    """Whatever it raises, or of whatever shape its answer is."""
    bench = Scored(RULES, remembering("mean", bad=bad)).at(1, host="a", x=1).at(11, host="a", x=90).clock(20)
    assert bench.alerts() == []
    assert bench.tallies() == {"step@1": [0, 0, 2, 0]}


def test_an_infinite_score_is_none() -> None:
    bench = Scored(RULES, remembering("mean", bad=3)).at(1, host="a", x=1).clock(10)
    assert bench.tallies() == {"step@1": [0, 1, 0, 0]}


def test_what_to_do_where_a_feature_is_null() -> None:
    """`skip` leaves the row out, and the memory as it is; `center` takes the middle of the training: 7."""
    skip = Scored(RULES, remembering("mean")).at(1, host="a", x=1).at(11, host="a").at(21, host="a", x=99).clock(30)
    assert skip.alerts() == ["29.999 jump fired warning a"]
    rules = RULES.replace("features", "missing: center\n    features")
    center = Scored(rules, remembering("mean")).at(1, host="a", x=1).at(11, host="a").at(21, host="a", x=77).clock(30)
    assert center.tallies() == {"step@1": [2, 1, 0, 0]}


def test_a_rule_without_keys_has_one_state() -> None:
    """Its true rows are not occurrences."""
    rules = OWN.replace("    by: host\n", "")
    bench = Scored(rules, remembering("peak")).at(1, host="a", x=1).at(11, host="b", x=95).at(35, host="c", x=95)
    bench.at(41, host="c", x=95).clock(50)
    assert bench.alerts() == ["19.999 jump fired warning", "39.999 jump resolved warning cleared"]


def test_a_version_on_trial_is_counted_and_says_nothing() -> None:
    """It has memory of its own, over restarts; it takes over when it is promoted, and goes on from there."""
    two = remembering("mean", version=2)
    bench = Scored(RULES, remembering("mean"), two).at(1, host="a", x=1).restart()
    bench.at(11, host="a", x=90).at(21, host="a", x=90).clock(30)
    assert [event["version"] for event in bench.events()] == [1]
    assert bench.tallies() == {"step@1": [2, 1, 0, 1], "step@2": [2, 1, 0, 1]}
    assert len(bench.alerts()) == 2
    bench.model(RULES, two).at(31, host="a", x=90).at(41, host="a", x=1).at(51, host="a", x=99).clock(60)
    assert [event["version"] for event in bench.events()] == [2]


def test_what_was_said_of_the_last_row_of_a_key_is_at_hand() -> None:
    """As an anomaly event would say it, odd or not; of a key without a row in the last instants nothing."""
    bench = (
        Scored(RULES, remembering("mean")).at(1, host="a", x=1).at(11, host="a", x=2).at(11, host="b", x=9).clock(20)
    )
    nodes = [n for s in bench.driver.shards for t in s.tasks.values() for n in t.flow.nodes.values()]
    said = [each.said_of(("a",)) for each in nodes if isinstance(each, ScoreNode)]
    (found,) = [each for each in said if each is not None]
    assert found.document is not None
    assert misfits("anomaly", [found.document]) == []
    assert (found.document["values"], found.document["version"]) == ({"mean": 2.0}, 1)
    assert len(found.row) == 1
    assert bench.events() == []
    assert all(each.said_of(("c",)) is None for each in nodes if isinstance(each, ScoreNode))


@pytest.mark.parametrize("restarts", [False, True])
def test_an_anomaly_that_comes_and_goes_flaps(restarts: bool) -> None:
    """The jump of every second row is told until it flaps; scores are written as ever, and what is up at the end is
    told."""
    rules = RULES + "    flapping: 3 changes in 1m\n"
    bench = Scored(rules, remembering("mean"))
    for row, x in enumerate((1, 95, 1, 95, 1, 1, 1, 1, 1, 1, 1, 1)):
        bench.at(10 * row + 1, host="a", x=x)
        if restarts:
            bench.restart()
    found = bench.clock(200).documents(Sink.ALERTS)
    assert [(each["rule"], each["event"], each["muted_by"], each["reason"]) for each in found] == [
        ("jump", "fired", None, None),
        ("jump", "resolved", None, "cleared"),
        ("jump", "flapping", None, None),
        ("jump", "fired", "flapping", None),
        ("jump", "resolved", "flapping", "cleared"),
        ("jump", "resolved", None, "calmed_down"),
    ]
    assert (found[2]["at"], found[-1]["at"]) == ("2026-01-05T00:00:39.999Z", "2026-01-05T00:01:49.999Z")
    assert misfits("alert", found) == []
    assert [event["values"] for event in bench.events()] == [{"mean": 95.0}, {"mean": 95.0}]


def test_an_anomaly_rule_that_is_promoted_goes_on_flapping() -> None:
    """Its features are what they were, so its alarms go on; the key that flaps is told of with its next change."""
    rules = RULES + "    flapping: 3 changes in 1m\n"
    bench = Scored(rules + "    mode: shadow\n", remembering("mean"))
    for row, x in enumerate((1, 95, 1, 95, 1)):
        bench.at(10 * row + 1, host="a", x=x)
    bench.model(rules, remembering("mean"))
    for row, x in enumerate((95, 1, 1, 1), 5):
        bench.at(10 * row + 1, host="a", x=x)
    found = bench.clock(300).documents(Sink.ALERTS)
    assert [(each["at"], each["event"], each["muted_by"]) for each in found] == [
        ("2026-01-05T00:00:41.001Z", "unmuted", "flapping"),
        ("2026-01-05T00:00:49.999Z", "flapping", None),
        ("2026-01-05T00:00:49.999Z", "resolved", "flapping"),
        ("2026-01-05T00:00:59.999Z", "fired", "flapping"),
        ("2026-01-05T00:01:09.999Z", "resolved", "flapping"),
        ("2026-01-05T00:02:09.999Z", "resolved", None),
    ]
    assert (found[1]["seq"], found[-1]["reason"]) == (2, "calmed_down")
