"""KPIs: windows, values and what is emitted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streamwatchd.rules import codes
from streamwatchd.rules.loader import Loaded
from streamwatchd.rules.ruleset import Kpi

Check = Callable[..., Loaded]
HEAD = "source: metrics\nrules:\n  - kpi: load\n    by: host\n    values: {x: avg(cpu)}\n"


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ("every: 1m", (60_000, 60_000, 0)),
        ("every: 1m\n    over: 5m", (300_000, 60_000, 0)),
        ("session: 30s", (0, 30_000, 30_000)),
    ],
)
def test_windows_tumble_slide_or_follow_sessions(check: Check, window: str, expected: tuple[int, int, int]) -> None:
    """`over` is length, `every` is step, a session ends by its gap."""
    loaded = check(f"{HEAD}    {window}\n")
    assert loaded.diagnostics == ()
    (kpi,) = loaded.ruleset.rules
    assert isinstance(kpi, Kpi)
    assert (kpi.over_ms, kpi.every_ms, kpi.session_ms) == expected


def test_when_reads_values_and_keys(check: Check) -> None:
    """It filters what is written."""
    loaded = check(HEAD + '    every: 1m\n    when: x > 5% and host != "a"\n')
    assert loaded.diagnostics == ()
    assert loaded.ruleset.rules[0].when is not None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (HEAD, codes.NO_STEP),
        (HEAD.replace("    values: {x: avg(cpu)}\n", "    every: 1m\n"), codes.MISSING_FIELD),
        (HEAD + "    every: 1m\n    when: avg(cpu) > 5%\n", codes.AGGREGATE_IN_WHEN),
        (HEAD.replace("avg(cpu)", "avg(host)") + "    every: 1m\n", "SW207"),
        (HEAD.replace("x:", "host:") + "    every: 1m\n", codes.NAME_TAKEN),
        (HEAD + "    every: 1m\n    top: 5 by y\n", codes.UNKNOWN_KEY),
    ],
)
def test_mistakes(check: Check, text: str, code: str) -> None:
    """One finding each."""
    assert [each.code for each in check(text).diagnostics] == [code]
