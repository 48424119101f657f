"""One mapping over another: what is nearer comes first."""

from __future__ import annotations

import pytest

from streamwatchd.rules.document import Mapping, plain
from streamwatchd.rules.merging import at, less, nulls, over, without_nulls
from streamwatchd.rules.reader import parse


def node(text: str) -> Mapping:
    top = parse("f", f"{text}\n".encode()).top
    assert top is not None
    return top


@pytest.mark.parametrize(
    ("base", "own", "result"),
    [
        ("{a: 1, b: 2}", "{b: 3, c: 4}", {"a": 1, "b": 3, "c": 4}),
        ("{labels: {a: 1, b: 2}}", "{labels: {b: 3}}", {"labels": {"a": 1, "b": 3}}),
        ("{sequence: {a: 1}}", "{sequence: {b: 3}}", {"sequence": {"b": 3}}),
        ("{defaults: {labels: {x: 1}}}", "{defaults: {labels: {y: 2}}}", {"defaults": {"labels": {"x": 1, "y": 2}}}),
        ("{when: a, severity: major}", "{levels: {major: b}}", {"levels": {"major": "b"}}),
        ("{when: a, severity: major}", "{levels: null}", {"when": "a", "severity": "major", "levels": None}),
        ("{labels: {a: 1}}", "{labels: null}", {"labels": None}),
        ("{alarm: a, by: b}", "{alarm: c}", {"by": "b", "alarm": "c"}),
    ],
)
def test_what_is_nearer_comes_first(base: str, own: str, result: object) -> None:
    """Entry by entry where entries have names that people give; `null` stays until the end."""
    assert plain(over(node(base), node(own), "alarm")) == result


def test_nulls_take_back() -> None:
    """Fields and entries; what is no field stays, so that it can be told."""
    rule = node("{runbook: null, labels: {a: null, b: 1}, values: {v: ~}, wat: null, by: host}")
    assert list(nulls(rule)) == [("runbook",), ("labels", "a"), ("values", "v"), ("wat",)]
    assert plain(without_nulls(rule, ("runbook", "by"))) == {"labels": {"b": 1}, "wat": None, "by": "host"}
    words = node("{labels: {a: 1, c: 3}, source: m, runbook: x}")
    assert plain(less(words, rule, "f")) == {"labels": {"c": 3}, "source": "m"}
    assert plain(less(words, node("{labels: {a: 2}, source: n}"), "f")) == plain(words)
    assert plain(less(words, node("{labels: {a: 2}, source: n}"), "g")) == {"labels": {"c": 3}, "runbook": "x"}
    assert at(words, ("labels", "c")) is not None
    assert at(words, ("source", "c")) is None


def test_what_takes_nothing_back_stays_itself() -> None:
    """Thousands of rules say nothing of the words of their file, which are kept once."""
    words, rule = node("{labels: {a: 1}, source: m}"), node("{by: host, labels: {b: 1}}")
    assert less(words, rule, "f") is words
    assert without_nulls(rule, ("by",)) is rule
