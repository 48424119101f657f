"""Names across files."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streamwatchd.lang.typed import NUMBER, Field, IsNull
from streamwatchd.rules import codes
from streamwatchd.rules.loader import Loaded
from streamwatchd.rules.ruleset import Alarm

Check = Callable[..., Loaded]
HEAD = "source: metrics\nevery: 1m\nrules:\n"


def chain(length: int) -> str:
    """KPIs that read each other, the last first in the file."""
    first = "  - kpi: k0\n    by: host\n    values: {x: avg(cpu)}\n"
    rest = (
        f"  - kpi: k{i}\n    source: k{i - 1}\n    by: host\n    values: {{x: avg(x)}}\n" for i in range(length, 0, -1)
    )
    return HEAD + "".join(rest) + first


def test_a_kpi_may_stand_behind_what_reads_it(check: Check) -> None:
    """Order in files is for people; a long chain is no recursion."""
    loaded = check(chain(400))
    assert loaded.diagnostics == ()
    assert [rule.name for rule in loaded.ruleset.rules][:2] == ["k400", "k399"]
    assert loaded.ruleset.rule("k400").values[0].expr.type.unit == "percent"


def test_a_circle_is_told_once_and_leaves_other_rules_of_other_files(check: Check) -> None:
    """Also when what reads the circle is checked."""
    circle = chain(3).replace("  - kpi: k0\n", "  - kpi: k0\n    source: k3\n").replace("avg(cpu)", "avg(x)")
    loaded = check(circle, rules_dot_d__other_dot_yaml=HEAD + "  - kpi: o\n    values: {x: avg(cpu)}\n")
    assert [each.code for each in loaded.diagnostics] == [codes.KPI_CYCLE]
    assert "`k0` → `k3` → `k2` → `k1` → `k0`" in loaded.diagnostics[0].message
    assert [rule.name for rule in loaded.ruleset.rules] == ["o"]


def test_one_finding_for_all_rules_that_read_what_is_refused(check: Check) -> None:
    """No echoes."""
    readers = HEAD + "".join(f"  - alarm: a{i}\n    source: k0\n    by: host\n    when: x > 5%\n" for i in range(20))
    loaded = check(readers, rules_dot_d__kpis_dot_yaml=chain(0).replace("avg", "agv"))
    assert sorted(each.code for each in loaded.diagnostics)[-1] == codes.READ_ELSEWHERE
    assert len(loaded.diagnostics) == 2


def test_all_mistakes_of_a_file_are_told_at_once(check: Check) -> None:
    """Those of form, of names and of expressions."""
    text = (
        HEAD
        + "  - kpi: a\n    values: {x: avg(cpu)}\n    wat: 1\n"
        + "  - kpi: b\n    source: nowhere\n    values: {x: avg(cpu)}\n"
        + "  - kpi: c\n    values: {x: avg(host), y: avg(cpu over 5 parsecs)}\n"
    )
    found = {each.code for each in check(text).diagnostics}
    assert {codes.UNKNOWN_FIELD, codes.UNKNOWN_SOURCE, "SW207"} <= found
    assert len(found) == 4


def test_a_mistake_of_form_does_not_hide_the_others_of_its_rule(check: Check) -> None:
    """Nor that its name is taken; only what its wrong fields would have said is not missed."""
    rule = "  - alarm: a\n    by: hosst\n    wat: 1\n    severity: bad\n    no_data: 5\n    when: avg(cpu) > 5MiB\n"
    found = [each.code for each in check(HEAD + rule + rule).diagnostics]
    assert found.count(codes.UNKNOWN_FIELD) == 2
    assert found.count(codes.BAD_CHOICE) == 3
    assert found.count(codes.NAME_TAKEN) == 1
    assert {"SW202", "SW219"} <= set(found)


def test_nothing_is_missed_that_a_wrong_field_would_have_said(check: Check) -> None:
    """`evry: 1m` is one mistake, not two."""
    text = "source: metrics\nrules:\n  - kpi: a\n    by: host\n    evry: 1m\n    values: {x: avg(cpu)}\n"
    assert [each.code for each in check(text).diagnostics] == [codes.UNKNOWN_FIELD]


def test_values_that_yaml_cuts_do_not_hide_the_rest_of_the_file(check: Check) -> None:
    """It goes on as if they were quoted; of their lines no more is said."""
    rules = (
        '  - alarm: a\n    by: host\n    when: last(mount over 5m) == "a: b" and nosuch(x)\n'
        "  - alarm: b\n    by: host\n    when: %5 > avg(cpu over 5m)\n"
        "  - alarm: c\n    by: host\n    when: >5\n"
        "  - alarm: d\n    by: host\n    message: 'a' is b\n    when: avg(cpu over 5m) > 5 #and more\n"
        "  - alarm: e\n    by: hosst\n    when: avg(cpu over 5m) > 5\n"
    )
    found = [(each.span.line if each.span else 0, each.code) for each in check(HEAD + rules).diagnostics]
    assert found == [
        (6, codes.COLON_CUT),
        (9, codes.LEADING_INDICATOR),
        (12, codes.LEADING_INDICATOR),
        (15, codes.QUOTED_PART),
        (16, codes.HASH_CUT),
        (18, "SW202"),
    ]


def test_an_expression_that_cannot_tell_a_kind_learns_it_from_the_others(check: Check) -> None:
    """`y is null` fits any kind; beside `y > 3`, in the same rule, another or `drop`, it reads a number."""
    loaded = check(
        "source: s\nrules:\n"
        "  - alarm: a\n    by: host\n    levels: {major: y > 3, info: y is null}\n"
        "  - alarm: b\n    by: host\n    when: y is null\n",
        config="sources: {s: {topic: t, drop: y is null}}\n",
    )
    number = IsNull(Field("y", NUMBER))
    rules = [rule for rule in loaded.ruleset.rules if isinstance(rule, Alarm)]
    assert [level.when for rule in rules for level in rule.levels][1:] == [number, number]
    assert loaded.ruleset.sources["s"].drop == number


_LOOSE = "sources: {s: {topic: t, key: host, fields: {host: string}}}\n"


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param("alarm: a, source: s, by: host, values: {v: y}, when: v < 1", id="compared"),
        pytest.param("alarm: a, source: s, by: host, values: {v: 'coalesce(y, z)', w: v}, when: w < 1", id="handed on"),
        pytest.param("alarm: a, source: s, by: host, every: 1m, when: v < 1, values: {v: last(y over 5m)}", id="last"),
        pytest.param("kpi: k, source: s, by: host, every: 1m, values: {v: first(y), w: v + 1}", id="reckoned with"),
        pytest.param("anomaly: o, source: s, by: host, every: 1m, model: m, features: [v], values: {v: last(y)}, "
                     "when: score > 0.9", id="a feature"),
    ],
)  # fmt: skip
def test_what_uses_a_value_tells_the_kind_of_its_field(check: Check, rule: str) -> None:
    """As if the value stood there itself."""
    loaded = check(f"rules:\n  - {{{rule}}}\n", config=_LOOSE)
    assert not [found.message for found in loaded.diagnostics if found.is_error and found.code not in codes.OF_MODELS]
    assert loaded.ruleset.sources["s"].inferred["y"] == NUMBER


def test_a_rule_that_fails_by_a_guess_is_checked_again_with_what_others_tell(check: Check) -> None:
    """And so is who reads it, or asks whether it fires, in whichever file."""
    loaded = check(
        "rules:\n  - {alarm: plain, source: s, by: host, when: y > 1}\n",
        config=_LOOSE,
        rules_dot_d__a_dot_yaml="rules:\n  - {kpi: k, source: s, by: host, every: 1m, values: {v: last(y), w: '-v'}}\n",
        rules_dot_d__b_dot_yaml="rules:\n  - {alarm: low, source: k, by: host, when: v < 1}\n",
        rules_dot_d__c_dot_yaml=(
            "rules:\n  - {alarm: other, source: s, by: host, when: y > 9, unless: firing(low), in_order: true}\n"
        ),
    )
    assert [found.message for found in loaded.diagnostics if found.is_error] == []
    assert {rule.name for rule in loaded.ruleset.rules} == {"plain", "k", "low", "other"}


def test_uses_of_a_value_as_two_kinds_are_a_conflict(check: Check) -> None:
    """Said of the field."""
    loaded = check(
        "rules:\n  - {alarm: a, source: s, by: host, values: {v: y}, when: v < 1 and v == 'x'}\n", config=_LOOSE
    )
    assert "`y` is used as a number and as text" in [found.message for found in loaded.diagnostics]
