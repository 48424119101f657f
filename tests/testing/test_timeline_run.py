"""Running timelines."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.repository.manifest import Feature
from streamwatchd.rules.loader import load
from streamwatchd.testing.timeline import Kind, Verb
from streamwatchd.testing.timeline_check import check
from streamwatchd.testing.timeline_run import Ran, bench, with_restarts, without_restarts
from tests.models.stump import put_stump
from tests.testing.project import project, suite

SLOW = """
rules: [shop.yaml]
tests:
  - name: slow
    events:
      - {source: web, step: 10s, shop: north, page: home, status: 200, latency: "100x12 900x12 100x12"}
    expect: [{alarm: slow, event: fired}]
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def ran(folder: Path, text: str) -> Ran:
    loaded = project(folder)
    found = suite(folder, text, loaded)
    assert not found.failed, found.problems
    return bench(found, loaded).run(found.cases[0])


def told(result: Ran) -> list[tuple[int, str, object]]:
    return [
        (each.at_ms, each.name, each.document.get("event")) for each in result.happenings if each.kind is Kind.ALARM
    ]


def test_events_go_through_the_engine(tmp_path: Path) -> None:
    """The window passes 400 ms at 2m30s, the hold of 20 s ends at 2m50s; the table's columns are there."""
    result = ran(tmp_path, SLOW)
    assert told(result)[:2] == [(150_000, "slow", "pending"), (170_000, "slow", "fired")]
    fired = next(each for each in result.happenings if each.document.get("event") == "fired")
    assert fired.document["message"] == "north of ops"


def test_the_clock_runs_on_to_the_last_expectation_and_beyond(tmp_path: Path) -> None:
    """By `max_delay` and `idle_after` of what the rules read, so that the last instant is judged."""
    assert ran(tmp_path, SLOW).stopped_ms == 350_000 + 5_000 + 30_000
    assert ran(tmp_path, SLOW.replace("event: fired", "by: 10m")).stopped_ms == 600_000 + 35_000
    assert ran(tmp_path, SLOW.replace("    expect:", "    until: 20m\n    expect:")).stopped_ms == 1_200_000


def test_kpis_that_rules_read_are_loaded_with_them(tmp_path: Path) -> None:
    """`busy` reads `requests`, which closes its minutes as the clock goes on."""
    result = ran(tmp_path, SLOW)
    rows = [(each.at_ms, each.document["values"]) for each in result.happenings if each.kind is Kind.KPI]
    assert rows[:2] == [(60_000, {"total": 6, "failed": 0}), (120_000, {"total": 6, "failed": 0})]


def test_a_late_event_is_set_apart_and_known_again(tmp_path: Path) -> None:
    """So that the test can say which row it was."""
    text = SLOW.replace("    expect:", "      - {at: 3m, late: {source: web, time: 1m, shop: x}}\n    expect:")
    late = [each for each in ran(tmp_path, text).happenings if each.kind is Kind.LATE]
    assert [(each.name, each.at_ms) for each in late] == [("web", 180_000)]
    assert late[0].event is not None
    assert late[0].event.fields == {"shop": "x"}


def test_an_idle_source_goes_on_with_the_clock(tmp_path: Path) -> None:
    """After `idle`, an event that says the time before it is late, though `idle_after` is not over."""
    row = "      - {at: 6m, idle: web}\n      - {at: 6m1s, late: {source: web, time: 5m54s, shop: x}}\n"
    text = SLOW.replace("    expect:", row + "    expect:")
    assert [each.kind for each in ran(tmp_path, text).happenings].count(Kind.LATE) == 1


def test_restarts_change_nothing(tmp_path: Path) -> None:
    """State goes through snapshots at every act."""
    loaded = project(tmp_path)
    found = suite(tmp_path, SLOW, loaded)
    place, case = bench(found, loaded), found.cases[0]
    restarted = with_restarts(case, most=5)
    assert [act.verb for act in restarted.acts] == [Verb.RESTART] * 6
    assert place.run(restarted) == place.run(case)
    assert without_restarts(restarted).acts == []


def test_sources_by_the_record_timestamp_get_one(tmp_path: Path) -> None:
    """`time: kafka` reads the instant at which the event comes."""
    rules = "source: logs\nevery: 10s\nrules: [{kpi: lines, by: level, every: 10s, values: {n: count()}}]\n"
    loaded = project(tmp_path, rules)
    text = "tests: [{name: x, events: [{source: logs, step: 1s, level: [a, a, a]}], expect: [{kpi: lines}]}]\n"
    found = suite(tmp_path, text, loaded)
    rows = [(each.at_ms, each.document["events"]) for each in bench(found, loaded).run(found.cases[0]).happenings]
    assert rows == [(10_000, 3)]


ODD = """
rules: [shop.yaml]
models: fixtures
tests:
  - name: odd
    events: [{source: web, step: 10s, shop: north, page: home, status: 200, latency: "100x6 900x6"}]
    expect:
      - {alarm: odd, event: fired, at: 1m59.999s, values: {slowest: 900}}
      - {anomaly: odd, at: 2m, key: {shop: north}, model: mix, version: 1, drivers: {slowest: 1}}
    expect_no: [{anomaly: odd, by: 1m}]
"""


def test_models_come_from_the_project_or_from_a_folder_of_the_tests(tmp_path: Path) -> None:
    """An anomaly rule is expected as an alarm and as an anomaly event."""
    rule = (
        "{anomaly: odd, by: shop, model: mix, values: {slowest: max(latency)}, features: [slowest], when: score > 0.9}"
    )
    feature = Feature("slowest", "ms")
    put_stump(tmp_path / "models", "mix", feature, threshold=50.0)
    loaded = project(tmp_path, f"source: web\nevery: 1m\nrules:\n  - {rule}\n")
    put_stump(tmp_path / "rules.d" / "fixtures", "mix", feature, threshold=500.0)
    found = suite(tmp_path, ODD, loaded)
    assert not found.failed, found.problems
    assert check(bench(found, loaded), found.cases[0]) == []
    without = suite(tmp_path, ODD.replace("models: fixtures\n", ""), loaded)
    assert [failure.message for failure in check(bench(without, loaded), without.cases[0])] != []


OTHER = """
source: web
every: 10s
rules:
  - {alarm: page_slow, by: shop, when: max(latency over 1m) > 400ms, unless: firing(fails_often)}
"""
OFTEN = """
source: web
every: 10s
rules:
  - {alarm: fails_often, by: shop, when: count(where status >= 500 over 1m) > 2}
"""


def test_alarms_that_unless_asks_for_come_along_from_other_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the KPIs that a rule reads do."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.d").mkdir()
    (tmp_path / "rules.d" / "other.yaml").write_text(OTHER)
    loaded = project(tmp_path, OFTEN)
    events = '{source: web, step: 10s, shop: a, page: b, latency: "500x18", status: "500x18"}'
    tests = suite(tmp_path, f"rules: [other.yaml]\ntests: [{{name: a, events: [{events}], expect_no: []}}]\n", loaded)
    muted = {each.document["muted_by"] for each in bench(tests, loaded).run(tests.cases[0]).happenings
             if each.name == "page_slow"}  # fmt: skip
    assert muted == {"firing(fails_often)"}


SAID = """
rules: [shop.yaml]
tests:
  - name: said
    events:
      - {source: web, step: 10s, shop: north, page: home, status: 200, latency: "100x12 900x30 100x12"}
      - {at: 1m, silence: {rules: slow, where: 'shop == "north"', for: 3m, name: works}}
      - {at: 5m, ack: {rule: slow, by: anna}}
    expect:
      - {at: 170s, alarm: slow, event: fired, muted_by: silence(works), message: north of ops}
      - {at: 4m, alarm: slow, event: unmuted, muted_by: null}
      - {alarm: slow, event: acknowledged, reason: anna}
"""


def test_silences_and_acknowledgements_are_said_in_the_timeline(tmp_path: Path) -> None:
    """With the same answers after restarts; what is muted, and the message, can be expected."""
    loaded = project(tmp_path)
    tests = suite(tmp_path, SAID, loaded)
    assert not tests.failed, tests.problems
    place, case = bench(tests, loaded), tests.cases[0]
    assert check(place, case, restart_everywhere=True) == []


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("{at: 1m, silence: {rules: slow}}", "`silence` is given something else"),
        ("{at: 1m, ack: true}", "`ack` is given something else"),
    ],
)
def test_what_is_said_needs_its_parts(tmp_path: Path, row: str, why: str) -> None:
    """A silence has an end."""
    loaded = project(tmp_path)
    text = SAID.replace("{at: 5m, ack: {rule: slow, by: anna}}", row)
    assert any(why in each.message for each in suite(tmp_path, text, loaded).problems)


def test_a_silence_of_a_test_that_does_not_check_is_said(tmp_path: Path) -> None:
    """Warnings too: it would mute nothing."""
    text = SAID.replace("rules: slow, where", "rules: slwo, where")
    assert any("no alarm has the name `slwo`" in each.message for each in suite(tmp_path, text).problems)
    (tmp_path / "rules.d" / "broken.yaml").write_text("source: web\nrules: [{alarm: slwo, when: latncy > 5 ms}]\n")
    assert suite(tmp_path, text, load(Path("streamwatchd.yaml"))).problems == ()
