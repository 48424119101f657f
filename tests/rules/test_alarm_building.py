"""Alarms, field by field."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streamwatchd.lang.typed import Field, Placeholder, TableColumn, Value
from streamwatchd.rules import codes
from streamwatchd.rules.loader import Loaded
from streamwatchd.rules.ruleset import Alarm, NoData

Check = Callable[..., Loaded]
HEAD = "source: metrics\nevery: 10s\nlabels: {team: noc, tier: one}\nrules:\n  - alarm: a\n    by: host\n"
WINDOWED = HEAD + "    when: avg(cpu over 5m) > 85%\n"
ON_ROWS = HEAD + "    when: cpu > 85%\n"


def only(loaded: Loaded) -> Alarm:
    assert [each for each in loaded.diagnostics if each.is_error] == []
    alarm = loaded.ruleset.rules[-1]
    assert isinstance(alarm, Alarm)
    return alarm


def errors(loaded: Loaded) -> list[str]:
    return [each.code for each in loaded.diagnostics if each.is_error]


def test_what_is_not_said_has_its_written_default(check: Check) -> None:
    """As LANGUAGE says: keep on silence, a day until forgotten, warning."""
    alarm = only(check(WINDOWED))
    assert (alarm.levels[0].severity, alarm.no_data, alarm.partial, alarm.min_history_ms) == (
        "warning",
        NoData(),
        False,
        None,
    )
    assert (alarm.every_ms, alarm.forget_ms, alarm.amend, alarm.limit_per_minute) == (10_000, 86_400_000, False, 0)
    assert (alarm.message, alarm.runbook, alarm.windowless) == (None, "", False)


def test_every_field_arrives(check: Check) -> None:
    """One alarm with all of them."""
    alarm = only(
        check(
            WINDOWED
            + "    severity: critical\n    no_data: resolve after 10m\n    partial: true\n    min_history: 6h\n"
            + "    max_keys: 9\n    forget: 48h\n    late: drop\n"
            + "    labels: {tier: two}\n    runbook: https://runbooks.example/cpu\n    every: 30s\n"
        )
    )
    assert (alarm.levels[0].severity, alarm.no_data) == ("critical", NoData("resolve", 600_000))
    assert (alarm.partial, alarm.min_history_ms, alarm.max_keys) == (True, 21_600_000, 9)
    assert (alarm.forget_ms, alarm.amend, alarm.every_ms) == (172_800_000, False, 30_000)
    assert (alarm.labels, alarm.runbook) == ({"team": "noc", "tier": "two"}, "https://runbooks.example/cpu")


def test_of_a_condition_that_cannot_be_read_nothing_else_is_said(check: Check) -> None:
    """Whether there are windows, for which `every` and `partial` are, nobody knows then."""
    broken = HEAD + "    every: 30s\n    partial: true\n    when: avg(cpu over 1m) >\n"
    assert [code for code in errors(check(broken)) if code.startswith("SW3")] == []
    assert len(errors(check(broken))) == 1
    assert errors(check(HEAD + "    every: 30s\n    when: cpu > 1%\n")) == [codes.WINDOWLESS_FIELD]


def test_levels_stand_most_severe_first_with_their_holds(check: Check) -> None:
    """Whatever their order in the file."""
    levels = (
        "    values: {used: avg(disk over 1m)}\n    levels:\n"
        "      warning: used > 80% for 5m until used < 75% for 2m\n      critical: used > 95%\n"
    )
    alarm = only(check(HEAD + levels))
    assert [level.severity for level in alarm.levels] == ["critical", "warning"]
    assert (alarm.levels[1].for_ms, alarm.levels[1].until_for_ms, alarm.levels[0].until) == (300_000, 120_000, None)


@pytest.mark.parametrize(
    ("rule", "windowless"),
    [
        ("when: cpu > 85%", True),
        ("when: cpu > 85% for 5m until cpu < 50%", True),
        ("values: {x: cpu * 2}\n    when: x > 85%", True),
        ("when: avg(cpu over 5m) > 85%", False),
        ("values: {x: avg(cpu over 5m)}\n    when: x > 85%", False),
        ("values: {x: avg(cpu over 5m)}\n    when: role == core", False),
        ("levels: {critical: p99(cpu over 5m) > 85%}", False),
    ],
)
def test_an_alarm_without_any_aggregate_is_windowless(check: Check, rule: str, windowless: bool) -> None:
    """Wherever the aggregate stands."""
    assert only(check(f"{HEAD}    {rule}\n")).windowless is windowless


@pytest.mark.parametrize(
    ("rule", "in_order"),
    [
        ("by: host\n    when: cpu > 85%", False),
        ("by: [host, mount]\n    when: cpu > 85%", False),
        ("by: mount\n    when: cpu > 85%", True),
        ("by: host\n    when: cpu > 85% for 1m", True),
        ("by: host\n    when: cpu > 85%\n    in_order: true", True),
        ("when: cpu > 85%", False),
    ],
)
def test_rows_are_judged_in_order_where_they_must_be(check: Check, rule: str, in_order: bool) -> None:
    """For holds, on demand, and where a key's events lie in several partitions."""
    assert only(check(f"source: metrics\nrules:\n  - alarm: a\n    {rule}\n")).in_order is in_order


def test_windowless_values_and_message_read_the_row(check: Check) -> None:
    """Fields, table columns and values."""
    alarm = only(check(HEAD + '    values: {x: cpu * 2}\n    when: x > 85%\n    message: "{x:.1f} {mount} {role}"\n'))
    assert isinstance(alarm.levels[0].when.left, Value)  # type: ignore[union-attr]
    assert alarm.message is not None
    parts = [part.expr for part in alarm.message.parts if isinstance(part, Placeholder)]
    assert [type(part) for part in parts] == [Value, Field, TableColumn]


def test_context_is_what_the_key_brings_along_and_the_message_reads(check: Check) -> None:
    """Tables that are joined on another field only count where the message reads them."""
    head = "source: loose\nrules:\n  - alarm: a\n    by: host\n    when: x > 5\n"
    alarm = only(check(head + '    message: "{owner}"\n'))
    assert [(column.table, column.column) for column in alarm.context] == [  # type: ignore[union-attr]
        ("devices", "role"), ("devices", "region"), ("sites", "owner"),
    ]  # fmt: skip
    assert len(only(check(head)).context) == 2


def test_columns_of_two_tables_with_one_name_need_their_table(check: Check) -> None:
    """`region` is in both; `devices.region` says which."""
    head = "source: loose\nrules:\n  - alarm: a\n    by: host\n    when: x > 5\n    where: "
    assert errors(check(head + "region == eu\n")) == ["SW205"]
    where = only(check(head + "devices.region == eu\n")).where
    assert where is not None
    assert where.left.table == "devices"  # type: ignore[union-attr]


KPI = "  - kpi: load\n    by: host\n    every: 1m\n    values: {x: avg(cpu)}\n"


@pytest.mark.parametrize(
    ("rule", "every_ms"),
    [("when: x > 5%", 0), ("when: avg(x over 5m) > 5%", 60_000), ("when: avg(x over 5m) > 5%\n    every: 2m", 120_000)],
)
def test_an_alarm_on_a_kpi_is_judged_at_its_window_ends(check: Check, rule: str, every_ms: int) -> None:
    """The file's `every: 10s` is not meant for it."""
    text = "source: metrics\nevery: 10s\nrules:\n" + KPI + f"  - alarm: a\n    source: load\n    by: host\n    {rule}\n"
    alarm = only(check(text))
    assert (alarm.sources, alarm.every_ms) == (("load",), every_ms)


def test_forget_reaches_as_far_back_as_the_rule_looks(check: Check) -> None:
    """`over`, `ago` and `for` together."""
    alarm = only(check(HEAD + "    when: avg(cpu over 1d) > avg(cpu over 1d ago 7d) for 1h\n"))
    assert alarm.forget_ms == (8 * 24 + 1) * 3_600_000


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ("    partial: true\n", codes.WINDOWLESS_FIELD),
        ("    min_history: 1h\n", codes.WINDOWLESS_FIELD),
        ("    every: 30s\n", codes.WINDOWLESS_FIELD),
        ("    limit: sixty\n", codes.WRONG_TYPE),
        ("    max_active: 0\n", codes.OUT_OF_RANGE),
        ("    amend_for: 1h\n", codes.EXCLUSIVE_FIELDS),
        ("    late: amend\n", codes.WINDOWLESS_FIELD),
        ("    in_order: maybe\n", codes.WRONG_TYPE),
        ("    until: cpu < 5%\n", codes.EXCLUSIVE_FIELDS),
    ],
)
def test_fields_that_do_not_fit_an_alarm_on_rows(check: Check, more: str, code: str) -> None:
    """Said at the field."""
    assert errors(check(ON_ROWS + more)) == [code]


@pytest.mark.parametrize("more", ["    in_order: true\n"])
def test_fields_that_do_not_fit_an_alarm_on_windows(check: Check, more: str) -> None:
    """Said at the field."""
    assert errors(check(WINDOWED + more)) == [codes.WINDOWLESS_FIELD]


def test_keep_firing_for_is_the_hold_of_levels_that_clear_when_their_condition_is_false(check: Check) -> None:
    """`until` and its hold as they would be written out; the reach of the key grows with it."""
    kept = only(check(WINDOWED + "    keep_firing_for: 5m\n"))
    assert (kept.levels[0].until, kept.levels[0].until_for_ms) == (None, 300_000)
    on_rows = only(check(ON_ROWS + "    keep_firing_for: 5m\n"))
    assert on_rows.in_order, "a hold waits for the watermark"


def test_keep_firing_for_needs_keys_and_no_other_word_on_clearing(check: Check) -> None:
    """`until` says it already; an occurrence has no end."""
    until = "    when: avg(cpu over 5m) > 85% until avg(cpu over 5m) < 75%\n    keep_firing_for: 5m\n"
    assert errors(check(HEAD + until)) == [codes.EXCLUSIVE_FIELDS]
    assert errors(check(HEAD.replace("    by: host\n", "") + "    when: cpu > 85%\n    keep_firing_for: 5m\n")) == [
        codes.WINDOWLESS_FIELD
    ]
