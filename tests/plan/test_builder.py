"""What expressions of a rule read."""

from __future__ import annotations

from streamwatchd.lang.typed import Field
from streamwatchd.plan.builder import aggregates, aggregates_below, expressions, key_columns, row_fields
from streamwatchd.rules.ruleset import Alarm
from tests.operators.bench import compiled

RULE = """\
  - alarm: a
    by: host
    values: {v: avg(x over 1m), w: v + max(x over 30s)}
    levels:
      critical: w > 90%
      warning: v > 50% until v < 40%
    message: "{v} {role}"
"""


def alarm(text: str = RULE) -> Alarm:
    found = compiled(text).loaded.ruleset.rule("a")
    assert isinstance(found, Alarm)
    return found


def test_aggregates_are_listed_once_in_the_order_of_the_text() -> None:
    """Through `values:` too."""
    assert [node.function for node in aggregates(alarm())] == ["avg", "max"]
    critical, warning = alarm().levels
    assert {node.function for node in aggregates_below(critical.when, alarm())} == {"avg", "max"}
    assert {node.function for node in aggregates_below(warning.when, alarm())} == {"avg"}


def test_fields_are_those_that_rows_must_carry() -> None:
    """The fields that table columns are joined on included, by name."""
    rule = alarm("  - {alarm: a, by: site, where: kind == 'cpu', when: x > 1 and role == 'core', message: '{n}'}\n")
    assert [field.name for field in row_fields((*expressions(rule), rule.where))] == ["host", "kind", "n", "x"]
    assert all(isinstance(field, Field) for field in row_fields(expressions(rule)))


def test_keys_have_kinds() -> None:
    """Columns over keys are made by them."""
    rule = alarm("  - {alarm: a, by: [host, n, ok], when: x > 1}\n")
    assert [(key.name, key.kind) for key in key_columns(rule)] == [("host", "string"), ("n", "number"), ("ok", "bool")]


def test_a_source_knows_what_its_readers_ask_of_it() -> None:
    """Decoding is told by the plan alone: declared and inferred kinds, time, delay."""
    program = compiled("  - {alarm: a, by: host, when: extra > 5}\n").program
    assert program is not None
    source = program.plan.sources["m"]
    assert source.declared["x"] == "number"
    assert source.inferred == {"extra": "number"}
    assert (source.time, source.time_unit, source.max_delay_ms, source.key) == ("ts", "ms", 1_000, "host")
    assert program.plan.feeders["m"] == ("m",)
