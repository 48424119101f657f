"""One test from start to verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from streamwatchd.testing import timeline_check
from streamwatchd.testing.timeline import Case
from streamwatchd.testing.timeline_check import check
from streamwatchd.testing.timeline_run import PLAIN, Bench, Layout, Ran, bench
from tests.testing.project import project, suite

TEXT = """
tests:
  - name: fails
    events:
      - {source: web, step: 10s, shop: north, page: home, status: "200 500 200"}
      - {at: 15s, restart: true}
    expect:
      - {at: 10s, alarm: fails, event: fired}
      - {at: 20s, alarm: fails, event: resolved}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Bench, Case]:
    monkeypatch.chdir(tmp_path)
    loaded = project(tmp_path)
    found = suite(tmp_path, TEXT, loaded)
    return bench(found, loaded), found.cases[0]


def test_a_test_passes_and_fails(place: tuple[Bench, Case]) -> None:
    """By its expectations, restarts or not."""
    bench_, case = place
    assert check(bench_, case) == []
    assert check(bench_, case, restart_everywhere=True) == []
    assert len(check(bench_, replace(case, expect=(), expect_no=case.expect))) == 2


def test_a_restart_that_changes_the_answers_is_found(
    place: tuple[Bench, Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the run without restarts loses an output, so the one with them seems to make it."""
    bench_, case = place
    run = Bench.run

    def forgetful(self: Bench, case: Case, layout: Layout = PLAIN) -> Ran:
        result = run(self, case, layout)
        return result if case.acts else replace(result, happenings=result.happenings[1:])

    monkeypatch.setattr(Bench, "run", forgetful)
    found = timeline_check.check(bench_, case)
    assert [each.message for each in found] == ["a restart changes what comes of the timeline"]
    assert found[0].details[0].startswith("made by it: {")


def test_what_comes_twice_after_a_restart_is_found(place: tuple[Bench, Case], monkeypatch: pytest.MonkeyPatch) -> None:
    """An alert that is written again is equal to the first one, and still one too many."""
    bench_, case = place
    run = Bench.run

    def stuttering(self: Bench, case: Case, layout: Layout = PLAIN) -> Ran:
        result = run(self, case, layout)
        return replace(result, happenings=(*result.happenings, result.happenings[0])) if case.acts else result

    monkeypatch.setattr(Bench, "run", stuttering)
    found = timeline_check.check(bench_, replace(case, expect=()))
    assert [each.message for each in found] == ["a restart changes what comes of the timeline"]
    assert [each.split(":")[0] for each in found[0].details] == ["made by it"]


def test_shards_and_batches_must_change_nothing(place: tuple[Bench, Case], monkeypatch: pytest.MonkeyPatch) -> None:
    """A layout whose answers differ is named."""
    bench_, case = place
    layouts = (Layout(shards=3, partitions=3), Layout(by_instant=True))
    assert check(bench_, case, layouts=layouts) == []
    run = Bench.run

    def wrong_on_three(self: Bench, case: Case, layout: Layout = PLAIN) -> Ran:
        result = run(self, case, layout)
        return replace(result, happenings=result.happenings[1:]) if layout.shards == 3 else result

    monkeypatch.setattr(Bench, "run", wrong_on_three)
    assert [each.message for each in timeline_check.check(bench_, case, layouts=layouts)] == [
        "Layout(shards=3, by_instant=False, partitions=3) changes what comes of the timeline"
    ]


def test_events_are_spread_by_their_key_and_answers_are_told_apart_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alarms judged on single events say where theirs lay, and nothing else of it differs."""
    monkeypatch.chdir(tmp_path)
    loaded = project(tmp_path)
    shops = "".join(
        f"      - {{source: web, step: 10s, shop: {shop}, page: home, status: '200 500 200'}}\n"
        for shop in ("north", "south", "east", "west")
    )
    found = suite(tmp_path, f"tests:\n  - name: fails\n    events:\n{shops}    expect: []\n", loaded)
    bench_, case = bench(found, loaded), found.cases[0]
    spread = Layout(shards=3, partitions=3)
    ran = bench_.run(case, spread)
    places = {each.document["evidence"]["partition"] for each in ran.happenings if each.document.get("evidence")}  # type: ignore[index]
    assert len(places) > 1
    assert check(bench_, replace(case, expect=()), layouts=(spread,)) == []
