"""Messages of rules that write none."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from streamwatchd.diagnostics import Span
from streamwatchd.lang.template import render
from streamwatchd.lang.typed import NUMBER, STRING, Field, Key, Kind, Template, Type, Value
from streamwatchd.plan.message import message_of
from streamwatchd.rules.ruleset import Alarm, KeyField, NamedValue

ALARM = Alarm(
    name="disk_filling",
    sources=("metrics",),
    by=(KeyField("host", Field("host", STRING)), KeyField("mount", Field("mount", STRING))),
    where=None,
    every_ms=10_000,
    values=(NamedValue("used", Field("disk", Type(Kind.NUMBER, "percent"))),),
    context=(),
    labels={},
    max_keys=0,
    forget_ms=0,
    span=Span("rules.d/storage.yaml", 1, 1, 1, 1),
    digest="",
)
FOUND = {"host": "a-1", "mount": "/var", "used": 95.13}


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (ALARM, "disk_filling: host=a-1 mount=/var, used 95.1%"),
        (replace(ALARM, values=()), "disk_filling: host=a-1 mount=/var"),
        (replace(ALARM, by=(), values=(NamedValue("used", Field("n", NUMBER)),)), "disk_filling, used 95.1"),
    ],
)
def test_names_the_rule_its_key_and_its_values(rule: Alarm, text: str) -> None:
    """So that a pager shows more than a rule's name."""
    assert render(message_of(rule), lambda expr: FOUND[cast(Key | Value, expr).name]) == text


def test_a_written_message_stays() -> None:
    """Nothing is added to it."""
    written = Template(("hot",))
    assert message_of(replace(ALARM, message=written)) is written
