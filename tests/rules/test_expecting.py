"""`expect:` read and refused."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from streamwatchd.lang.typed import And, Compare, Expr, Key, TableColumn, walk
from streamwatchd.plan.describe import describe
from streamwatchd.rules import codes
from streamwatchd.rules.loader import Loaded, load
from streamwatchd.rules.ruleset import Alarm
from tests.oracle.world import write_project

SOURCES = """\
m: {topic: m, time: ts, key: host, fields: {host: string, site: string, up: bool, x: float}}
k: {topic: k, time: ts, key: host, enrich: {devices: site}, fields: {host: string, site: string}}
"""
DEVICES = {"devices": "device,role,weight\na,critical,2\n"}


def loaded(rule: str, source: str = "m") -> Loaded:
    text = f"source: {source}\nevery: 10s\nrules:\n  - {{alarm: a, {rule}}}\n"
    with tempfile.TemporaryDirectory() as folder:
        return load(write_project(Path(folder), SOURCES, {"a": text}, DEVICES))


def where(rule: str) -> Expr | None:
    found = loaded(rule)
    assert not [each for each in found.diagnostics if each.is_error], found.diagnostics
    alarm = found.ruleset.rule("a")
    assert isinstance(alarm, Alarm)
    assert alarm.expect is not None
    assert alarm.expect.table == "devices"
    return alarm.expect.where


def test_a_table_alone_expects_all_its_rows() -> None:
    """No source needs to join it."""
    assert where("by: host, expect: devices, when: count(over 1m) == 0") is None


def test_a_filter_reads_columns_and_the_key() -> None:
    """The rule's key, whatever the table calls it."""
    expr = where("by: host, expect: 'devices where role == critical and host != b', when: count(over 1m) == 0")
    assert isinstance(expr, And)
    assert {type(node) for node in walk(expr) if isinstance(node, Key | TableColumn)} == {Key, TableColumn}


def test_what_where_says_of_keys_alone_is_part_of_it() -> None:
    """What it says of events is not."""
    expr = where("by: host, where: 'weight > 1 and x > 3 and host != b', expect: devices, when: count(over 1m) == 0")
    assert expr is not None
    assert describe(expr) == 'devices.weight > 1 and host != "b"'
    assert not [node for node in walk(expr) if isinstance(node, Compare) and "x" in describe(node).split()]


@pytest.mark.parametrize(
    ("rule", "source", "code"),
    [
        ("by: host, expect: devices, when: x > 3", "m", codes.UNEXPECTED_KEYS),
        ("by: [host, site], expect: devices, when: count(over 1m) == 0", "m", codes.UNEXPECTED_KEYS),
        ("expect: devices, when: count(over 1m) == 0", "m", codes.UNEXPECTED_KEYS),
        ("by: up, expect: devices, when: count(over 1m) == 0", "m", codes.UNEXPECTED_KEYS),
        ("by: host, expect: devices, when: count(over 1m) == 0", "k", codes.UNEXPECTED_KEYS),
        ("by: host, expect: devices where, when: count(over 1m) == 0", "m", codes.BAD_CHOICE),
        ("by: host, expect: devises, when: count(over 1m) == 0", "m", codes.UNKNOWN_TABLE),
        ("by: host, expect: devices where x > 3, when: count(over 1m) == 0", "m", "SW201"),
        ("by: host, expect: devices where count(over 1m) > 3, when: count(over 1m) == 0", "m", "SW218"),
    ],
)
def test_what_cannot_be_expected_is_refused(rule: str, source: str, code: str) -> None:
    """With the way out."""
    (found,) = [each for each in loaded(rule, source).diagnostics if each.is_error]
    assert found.code == code
    assert found.hint
