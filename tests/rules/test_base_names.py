"""Sources and tables that bases name which nobody extends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from streamwatchd.rules import codes
from streamwatchd.rules.loader import Loaded, load

Check = Callable[..., Loaded]
RULES = "rules:\n  - {alarm: hot, source: metrics, by: host, when: cpu > 1%}\n"
LOAD = "rules: [{kpi: load, source: metrics, every: 1m, by: host, values: {top: max(cpu)}}]\n"


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("source: metricz", codes.UNKNOWN_SOURCE),
        ("source: [metrics, metricz]", codes.UNKNOWN_SOURCE),
        ("source: hot", codes.UNKNOWN_SOURCE),
        ("source: idle", codes.UNKNOWN_SOURCE),
        ("sequence: [cpu > 1, {metricz: cpu > 1}]", codes.UNKNOWN_SOURCE),
        ("expect: devicez", codes.UNKNOWN_TABLE),
        ("expect: devices where", codes.BAD_CHOICE),
        ("expect: devices where ((", "SW103"),
    ],
)
def test_what_is_nowhere_is_told_where_the_base_stands(check: Check, word: str, code: str) -> None:
    """Once, in its line, with the name of the base."""
    (found,) = check(f"bases:\n  - alarm: idle\n    {word}\n{RULES}").diagnostics
    assert found.span is not None
    assert (found.code, found.span.line, found.rule) == (code, 3, "idle")


def test_a_kpi_that_a_base_reads_cannot_be_taken_away(check: Check) -> None:
    """The edit that takes it away is refused, not the file of the base."""
    bases = "bases: [{alarm: idle, source: load, expect: devices where role == core}]\n"
    before = check(f"{bases}{RULES}", **{"rules.d__load.yaml": LOAD})
    assert before.diagnostics == ()
    (load_file,) = (path for path in before.files if path.endswith("load.yaml"))
    Path(load_file).unlink()
    again = load(Path("streamwatchd.yaml"), last_good=before.files)
    assert again.refused == (load_file,)
    assert [rule.name for rule in again.ruleset.rules] == [rule.name for rule in before.ruleset.rules]
