"""What expressions mean: names, units, one form for one meaning."""

from __future__ import annotations

import pytest

from streamwatchd.functions import signatures
from streamwatchd.lang import check, check_condition
from streamwatchd.lang.scope import JoinedTable, Scope, Undeclared, joined_scope, row_scope
from streamwatchd.lang.typed import (
    BOOL,
    STRING,
    Aggregate,
    And,
    Arithmetic,
    Call,
    Compare,
    Expr,
    Field,
    Key,
    Kind,
    Literal,
    Not,
    TableColumn,
    Time,
    Type,
    Value,
)

PERCENT = Type(Kind.NUMBER, "percent")
PLAIN = Type(Kind.NUMBER)


def meaning(text: str, scope: Scope) -> Expr:
    checked = check(text, scope, None, signatures())
    assert not checked.failed, checked.problems
    assert checked.expr is not None
    return checked.expr


def literal(text: str, scope: Scope) -> float | str | bool | None:
    """The constant on the right of a comparison."""
    expr = meaning(text, scope)
    assert isinstance(expr, Compare)
    assert isinstance(expr.right, Literal)
    assert expr.right.type.unit == expr.left.type.unit
    return expr.right.value


SAME = [
    ("row", "cpu > 85%", "cpu > 85"),
    ("row", "error_rate > 5%", "error_rate > 0.05"),
    ("row", "latency > 400ms", "latency > 0.4s"),
    ("row", "duration > 90s", "duration > 1m30s"),
    ("row", "octets > 10MiB", "octets > 10485760"),
    ("row", "octets > 1kB", "octets > 8kbit"),
    ("row", "traffic > 8Mbps", "traffic > 1000000"),
    ("row", "5 < cpu", "cpu > 5"),
    ("row", "5 >= cpu", "cpu <= 5"),
    ("row", "service = billing", 'service == "billing"'),
    ("row", "service <> 'a'", 'service != "a"'),
    ("row", "up AND NOT up Or up", "up and not up or up"),
    ("row", "up and (cpu > 1 and mem > 1)", "up and cpu > 1 and mem > 1"),
    ("row", "up or up or cpu > 1", "up or cpu > 1"),
    ("row", "not not up", "up"),
    ("row", "up == true", "up"),
    ("row", "up != true", "not up"),
    ("row", "up = false", "not up"),
    ("row", "service in (b, a, a)", "service in ('a', 'b')"),
    ("row", "service in (a)", "service == a"),
    ("row", "service not in (a, b)", "not service in (a, b)"),
    ("row", "cpu is not null", "not (cpu is null)"),
    ("row", "cpu > 2 * 40", "cpu > 80%"),
    ("row", "cpu > -(-5)", "cpu > 5"),
    ("row", "cpu > 60% * mem", "cpu > 0.6 * mem"),
    ("row", "latency > 2 * 200ms", "latency > 400"),
    ("row", "latency > 50% * 80ms", "latency > 40ms"),
    ("row", "cpu in (85%, 90)", "cpu in (85, 90%)"),
    ("row", "devices.role == core", "role == 'core'"),
    ("row", "up and true", "up"),
    ("row", "coalesce(cpu, 5%) > 1", "coalesce(cpu, 5) > 1%"),
    ("alarm", "cpu5 > 85%", "cpu5 > 85"),
    ("alarm", "count(where up over 5m) > 3", "count(over 300s where up) > 3"),
    ("alarm", "sum(octets over 1h by host mount) > 3", "sum(octets over 60m) > 3"),
    ("alarm", "sum(octets over 1h by [host]) > 3", "sum(octets by host over 1h) > 3"),
    ("alarm", "sum(octets over 5m) / 5m > 1KiB/s", "sum(octets over 5m) / 300s > 1024"),
    ("alarm", "count(over 5m ago 1h) > 3", "count(ago 60m over 5m) > 3"),
    ("kpi", "p99.9(latency)", "p99.9(latency where true)"),
]


@pytest.mark.parametrize(("scope", "one", "other"), SAME)
def test_equal_meanings_give_equal_trees(scopes: dict[str, Scope], scope: str, one: str, other: str) -> None:
    """So rules that say one thing in two ways share their work."""
    first = meaning(one, scopes[scope])
    assert first == meaning(other, scopes[scope])
    assert hash(first) == hash(meaning(other, scopes[scope]))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("cpu > 85%", 85.0),
        ("error_rate > 5%", 0.05),
        ("latency > 1m", 60_000.0),
        ("duration > 400ms", 0.4),
        ("octets > 10MiB", 10 * 2.0**20),
        ("rssi < -85dBm", -85.0),
        ("rssi - -60dBm > 2dB", 2.0),
        ("traffic > 1kB/s", 1000.0),
        ("cpu / mem > 150%", 1.5),
        ("total / weight > 5%", 0.05),
        ("total > 1_000.5e1", 10_005.0),
    ],
)
def test_a_constant_is_in_the_unit_of_what_it_is_compared_with(row: Scope, text: str, value: float) -> None:
    """Evaluation knows nothing of units."""
    assert literal(text, row) == value


def test_two_fields_of_one_dimension_are_converted(row: Scope) -> None:
    """Seconds against milliseconds: the right side is brought to the left one's unit."""
    ms = Type(Kind.NUMBER, "ms")
    seconds = Field("duration", Type(Kind.NUMBER, "s"))
    converted = Arithmetic("*", seconds, Literal(1000.0, PLAIN), ms)
    assert meaning("latency > duration", row) == Compare(">", Field("latency", ms), converted)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("avg(cpu)", "percent"),
        ("100 - 0.5 * avg(cpu) - 0.3 * avg(mem)", "percent"),
        ("avg(cpu) + 3 * stddev(cpu)", "percent"),
        ("var(cpu)", "percent^2"),
        ("sqrt(var(cpu))", "percent"),
        ("p99(latency)", "ms"),
        ("count()", ""),
        ("distinct(host)", ""),
        ("ratio(up)", "ratio"),
        ("sum(octets) / 1m", "bytes/s"),
        ("max(traffic) * 1h", "bytes"),
        ("sum(octets) / sum(octets ago 1h)", "ratio"),
        ("sum(octets) * ratio(up)", "bytes"),
        ("sum(octets) * avg(latency)", ""),
        ("count() / 1m", "/s"),
        ("max(rssi) - min(rssi)", "dB"),
        ("least(avg(cpu), 90)", "percent"),
        ("least(90, avg(cpu))", "percent"),
        ("round(avg(cpu), 1)", "percent"),
        ("ln(avg(cpu))", ""),
    ],
)
def test_results_have_units(kpi: Scope, text: str, unit: str) -> None:
    """The unit of a value follows from what it is made of."""
    assert meaning(text, kpi).type == Type(Kind.NUMBER, unit)


def test_names_are_fields_columns_keys_and_values(row: Scope, alarm: Scope) -> None:
    """One name, one typed node."""
    assert meaning("cpu", row) == Field("cpu", PERCENT)
    assert meaning("role", row) == TableColumn("devices", "role", "host", STRING)
    assert meaning("time", row) == Time()
    assert meaning("host", alarm) == Key("host", STRING)
    assert meaning("cpu5", alarm) == Value("cpu5", PERCENT)
    assert meaning("role", alarm) == TableColumn("devices", "role", "host", STRING)
    assert meaning("last(cpu over 5m where role == core)", alarm) == Aggregate(
        "last",
        Field("cpu", PERCENT),
        Compare("==", TableColumn("devices", "role", "host", STRING), Literal("core", STRING)),
        300_000,
        0,
        None,
        PERCENT,
    )


def test_a_field_wins_over_a_column_of_its_name() -> None:
    """The column stays reachable as `table.column`."""
    sites = JoinedTable("sites", "host", {"site": STRING})
    scope = row_scope("s", {"site": STRING}, [sites])
    assert meaning("site", scope) == Field("site", STRING)
    assert meaning("sites.site", scope) == TableColumn("sites", "site", "host", STRING)


def test_a_word_in_back_ticks_is_always_a_field(open_row: Scope) -> None:
    """Reserved words and odd names can be fields."""
    expr = meaning("`in` > 5 and x == `http.status-code`", open_row)
    assert isinstance(expr, And)
    assert expr.args[0] == Compare(">", Field("in", PLAIN), Literal(5.0, PLAIN))
    assert expr.args[1] == Compare("==", Field("x", STRING), Field("http.status-code", STRING))


@pytest.mark.parametrize(
    ("text", "infers"),
    [
        ("status >= 500", {"status": Kind.NUMBER}),
        ("service = billing", {"service": Kind.STRING}),
        ("enabled and not broken", {"enabled": Kind.BOOL, "broken": Kind.BOOL}),
        ("a == `b` and `b` ~ 'x'", {"a": Kind.STRING, "b": Kind.STRING}),
        ("coalesce(a, b) > 5", {"a": Kind.NUMBER, "b": Kind.NUMBER}),
        ("event in (up, down)", {"event": Kind.STRING}),
        ("x + y > 1 or lower(z) == 'a'", {"x": Kind.NUMBER, "y": Kind.NUMBER, "z": Kind.STRING}),
        ("x is null", {"x": None}),
        ("error == true", {"error": Kind.BOOL}),
    ],
)
def test_uses_tell_the_kind_of_an_undeclared_field(open_row: Scope, text: str, infers: dict[str, Kind | None]) -> None:
    """A source needs no declarations to be used."""
    checked = check(text, open_row, BOOL.kind, signatures())
    assert checked.infers == infers
    assert not checked.failed


def test_the_kind_of_a_field_reaches_through_aggregates(open_alarm: Scope) -> None:
    """`last(x) == "up"` makes x text, `ratio(c)` makes c true or false."""
    checked = check("last(x over 5m) == up and ratio(c over 5m) > 1% and count(where y > 1 over 5m) > 3", open_alarm)
    assert checked.infers == {"x": Kind.STRING, "c": Kind.BOOL, "y": Kind.NUMBER}


def test_kinds_known_from_other_expressions_are_used(open_row: Scope) -> None:
    """A second round of checks knows what the first one inferred."""
    scope = open_row.with_inferred({"x": PLAIN})
    assert not check("x is null", scope).problems
    assert [problem.code for problem in check("x == 'a'", scope).problems] == ["SW207"]
    assert check("x > 5", scope).infers == {}


def test_a_bare_word_is_text_unless_something_declared_has_its_name(row: Scope, open_row: Scope) -> None:
    """`service = host` compares two fields, `service = billing` a field with a text."""
    assert meaning("service == host", row) == Compare("==", Field("service", STRING), Field("host", STRING))
    assert literal("service == billing", row) == "billing"
    assert literal("service == host", open_row) == "host"


def test_joined_streams_are_told_apart_by_name(row: Scope) -> None:
    """A bare name works where one side has it; keys are common."""
    kpi = row_scope("errors", {"total": PLAIN, "failed": PLAIN, "host": STRING}, undeclared=Undeclared.CLOSED)
    scope = joined_scope({"metrics": row, "errors": kpi}, ["host"])
    assert meaning("cpu", scope) == Field("cpu", PERCENT, "metrics")
    assert meaning("failed", scope) == Field("failed", PLAIN, "errors")
    assert meaning("errors.total", scope) == Field("total", PLAIN, "errors")
    assert meaning("host", scope) == Field("host", STRING)
    assert [problem.code for problem in check("total > 5", scope).problems] == ["SW205"]
    assert check("metrics.queue > 5", scope).infers == {"metrics.queue": Kind.NUMBER}
    assert [problem.code for problem in check("errors.queue > 5", scope).problems] == ["SW201"]


def test_a_condition_has_four_parts(alarm: Scope) -> None:
    """`C for D until C for D`, all but the first left out at will."""
    checked = check_condition("cpu5 > 80% for 5m until cpu5 < 75% for 2m", alarm)
    assert (checked.for_ms, checked.until_for_ms) == (300_000, 120_000)
    assert checked.when == Compare(">", Value("cpu5", PERCENT), Literal(80.0, PERCENT))
    assert checked.until == Compare("<", Value("cpu5", PERCENT), Literal(75.0, PERCENT))
    bare = check_condition("calm", alarm)
    assert (bare.when, bare.for_ms, bare.until, bare.until_for_ms) == (Value("calm", BOOL), 0, None, 0)


def test_not_is_kept_where_null_matters(row: Scope) -> None:
    """`not (a > 5 and b)` is not rewritten; nulls make it a third thing."""
    expr = meaning("not (cpu > 5 and up)", row)
    assert isinstance(expr, Not)
    assert isinstance(expr.arg, And)


def test_an_argument_in_another_unit_is_converted(row: Scope) -> None:
    """`least(latency, duration)` is in milliseconds."""
    expr = meaning("least(latency, duration, 5s)", row)
    assert isinstance(expr, Call)
    assert expr.type == Type(Kind.NUMBER, "ms")
    assert expr.args[2] == Literal(5000.0, expr.type)
    assert isinstance(expr.args[1], Arithmetic)


@pytest.mark.parametrize("word", ["disk2", "ab", "total_requests"])
def test_names_that_are_not_one_letter_off_are_only_warned_about(word: str) -> None:
    """Numbered and short names are different on purpose."""
    scope = row_scope("s", {"disk1": PLAIN, "aa": PLAIN, "total": PLAIN}, undeclared=Undeclared.WARN)
    assert [problem.code for problem in check(f"{word} > 5", scope).problems] == ["SW203"]
