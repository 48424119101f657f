"""Rows of timelines → events."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.testing.timeline import Act, Case, Verb
from tests.testing.project import suite


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def case(folder: Path, *rows: str) -> Case:
    lines = "".join(f"      - {row}\n" for row in rows)
    found = suite(folder, f"tests:\n  - name: rows\n    events:\n{lines}    expect: [{{alarm: fails}}]\n")
    assert not found.failed, found.problems
    return found.cases[0]


def events(folder: Path, *rows: str) -> list[tuple[int, dict[str, object]]]:
    return [(event.at_ms, dict(event.fields)) for event in case(folder, *rows).events]


def test_a_series_spreads_over_its_steps(tmp_path: Path) -> None:
    """Constants stand in every event; `from` is where the row begins."""
    row = '{source: web, step: 10s, from: 5s, shop: a, latency: "1+1x3"}'
    expected = [(at, {"shop": "a", "latency": value}) for at, value in ((5_000, 1), (15_000, 2), (25_000, 3))]
    assert events(tmp_path, row) == expected


def test_a_gap_is_an_event_that_does_not_come_or_a_field_that_is_not_there(tmp_path: Path) -> None:
    """The event comes as long as one of its series has a sample."""
    row = '{source: web, step: 1s, shop: a, latency: "1 _ _", status: "200 _ 201"}'
    assert events(tmp_path, row) == [
        (0, {"shop": "a", "latency": 1, "status": 200}),
        (2_000, {"shop": "a", "status": 201}),
    ]


def test_values_are_of_the_declared_kind(tmp_path: Path) -> None:
    """A text stays one though it looks like a number or a series; a quoted number is a number."""
    row = '{at: 1s, source: web, shop: 12, page: "5x3", latency: "5", up: true, extra: null}'
    assert events(tmp_path, row) == [(1_000, {"shop": "12", "page": "5x3", "latency": 5, "up": True, "extra": None})]


def test_a_list_gives_samples_one_by_one(tmp_path: Path) -> None:
    """The way to write a series of texts."""
    row = "{source: web, step: 1s, page: [home, _, cart]}"
    assert events(tmp_path, row) == [(0, {"page": "home"}), (2_000, {"page": "cart"})]


@pytest.mark.parametrize("field", ["page", "undeclared"])
def test_a_text_series_is_one_text_and_says_so(tmp_path: Path, field: str) -> None:
    """A warning with the way to write a series of texts."""
    row = f'{{source: web, step: 1s, {field}: "homex2 cartx1", latency: "1x3"}}'
    found = suite(tmp_path, f"tests:\n  - {{name: x, events: [{row}], expect: [{{alarm: fails}}]}}\n")
    assert [(each.code, each.is_error, each.hint) for each in found.problems] == [
        ("SW501", False, f"write a list of the samples: `{field}: [a, a, b]`")
    ]
    assert [dict(each.fields) for each in found.cases[0].events] == [{field: "homex2 cartx1", "latency": 1}] * 3


def test_rows_of_constants_are_one_event(tmp_path: Path) -> None:
    """At `from`, or at the start."""
    assert events(tmp_path, "{source: web, page: home}") == [(0, {"page": "home"})]


def test_events_come_in_order_of_time(tmp_path: Path) -> None:
    """Whatever the order of the rows; rows of one instant keep theirs."""
    found = events(tmp_path, "{at: 2s, source: web, page: b}", '{source: web, step: 2s, latency: "1x2"}')
    assert found == [(0, {"latency": 1}), (2_000, {"page": "b"}), (2_000, {"latency": 1})]


def test_verbs(tmp_path: Path) -> None:
    """Restarts and idle sources are acts, a late event says another time than it comes."""
    rows = ("{at: 3m, late: {source: web, time: 1m, shop: a}}", "{at: 4m, restart: true}", "{at: 5m, idle: web}")
    found = case(tmp_path, *rows)
    assert [(event.at_ms, event.time_ms, event.late) for event in found.events] == [(180_000, 60_000, True)]
    assert found.acts == [Act(240_000, Verb.RESTART), Act(300_000, Verb.IDLE, "web")]
