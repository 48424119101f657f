"""One test from start to verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from streamwatchd.testing import timeline_check
from streamwatchd.testing.timeline import Case
from streamwatchd.testing.timeline_check import check
from streamwatchd.testing.timeline_run import Bench, Ran, bench
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

    def forgetful(self: Bench, case: Case) -> Ran:
        result = run(self, case)
        return result if case.acts else replace(result, happenings=result.happenings[1:])

    monkeypatch.setattr(Bench, "run", forgetful)
    found = timeline_check.check(bench_, case)
    assert [each.message for each in found] == ["a restart changes what comes of the timeline"]
    assert found[0].details[0].startswith("made by it: {")
