"""Files of tests → suites."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.batch import to_values
from streamwatchd.testing.timeline import START_MS
from streamwatchd.testing.timeline_reader import read_suite, rules_folder, suite_paths
from tests.testing.project import RULES, project, suite

ONE = "tests:\n  - {name: one, events: [{source: web, shop: a}], expect: [{alarm: fails}]}\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_tests_are_found_beside_rules_and_inside_of_them(tmp_path: Path) -> None:
    """Files NAME_test.yaml at any depth, and rules files with `tests:`; nothing hidden."""
    for path in ("deep/er/a_test.yaml", ".git/b_test.yaml"):
        (tmp_path / "rules.d" / path).parent.mkdir(parents=True)
        (tmp_path / "rules.d" / path).write_text(ONE)
    loaded = project(tmp_path, RULES + ONE)
    folder = rules_folder(Path("streamwatchd.yaml"), None, loaded)
    assert suite_paths(folder, loaded) == ["rules.d/deep/er/a_test.yaml", "rules.d/shop.yaml"]


def test_tests_inside_a_rules_file_load_that_file(tmp_path: Path) -> None:
    """No `rules:` is needed there."""
    found = read_suite("rules.d/shop.yaml", project(tmp_path, RULES + ONE))
    assert found.rules == {"rules.d/shop.yaml"}
    assert [case.name for case in found.cases] == ["one"]


def test_rules_names_files_beside_the_test(tmp_path: Path) -> None:
    """Seen from the folder of the test; without it all rules are loaded."""
    assert suite(tmp_path, "rules: shop.yaml\n" + ONE).rules == {"rules.d/shop.yaml"}
    assert suite(tmp_path, "rules: [../rules.d/shop.yaml]\n" + ONE).rules == {"rules.d/shop.yaml"}
    assert suite(tmp_path, ONE).rules is None


def test_rows_stand_in_for_a_table(tmp_path: Path) -> None:
    """Columns that they lack are null, of the declared type."""
    text = ONE.replace("name: one,", "name: one, tables: {shops: [{shop: a, owner: me}, {shop: b, size: 7}]},")
    table = suite(tmp_path, text).cases[0].tables["shops"]
    assert list(table.rows) == ["a", "b"]
    assert {name: to_values(column) for name, column in table.columns.items()} == {
        "owner": ["me", None],
        "size": [None, 7.0],
    }


def test_a_timeline_starts_on_a_monday_unless_it_says(tmp_path: Path) -> None:
    """Midnight of 2026-01-05, UTC."""
    assert suite(tmp_path, ONE).cases[0].start_ms == START_MS
    moved = ONE.replace("name: one,", "name: one, start: '2026-01-06T00:00:00Z',")
    assert suite(tmp_path, moved).cases[0].start_ms == START_MS + 86_400_000


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"tests: [", b"- a\n", b"tests: 5\n", b"tests: [5]\n"])
def test_no_bytes_break_the_reader(tmp_path: Path, content: bytes) -> None:
    """What is no file of tests has problems with places."""
    loaded = project(tmp_path)
    (tmp_path / "rules.d" / "bad_test.yaml").write_bytes(content)
    found = read_suite("rules.d/bad_test.yaml", loaded)
    assert found.failed
    assert all(problem.span is not None for problem in found.problems)
