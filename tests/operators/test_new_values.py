"""Idioms for values that were not there before, among few and among thousands."""

from __future__ import annotations

from tests.operators.bench import Bench

MINUTE = 60
NEW_FROM = 15
COUNTED = """\
  - alarm: new
    by: host
    every: 1m
    values: {before: distinct(kind over 10m ago 1m)}
    when: distinct(kind over 11m) > before and before < 900
"""
SINGLY = """\
  - alarm: new
    by: [host, kind]
    every: 1m
    partial: true
    when: count(over 11m) > 0 and count(over 10m ago 1m) == 0
"""


def told(rule: str, known: int) -> int:
    """Alarms from minute 15 on, when one new value a minute comes for five minutes beside those that come always."""
    bench = Bench(rule)
    for minute in range(NEW_FROM + 6):
        events = [(MINUTE * minute, {"host": "a", "kind": f"k{n}"}) for n in range(known)]
        if NEW_FROM <= minute < NEW_FROM + 5:
            events.append((MINUTE * minute + 30, {"host": "a", "kind": f"new{minute}"}))
        bench.feed(*events)
    bench.clock(MINUTE * (NEW_FROM + 7))
    return sum(fired_s > MINUTE * NEW_FROM for fired_s in fired(bench))


def fired(bench: Bench) -> list[float]:
    return [float(line.split()[0]) for line in bench.alerts() if line.split()[2] == "fired"]


def test_of_few_values_a_count_says_that_one_is_new() -> None:
    """The alarm goes on while each minute brings another."""
    assert told(COUNTED, 20) == 1


def test_of_thousands_each_is_told_by_itself() -> None:
    """Above 1,024 a count is an estimate, in which one more is lost; its bound keeps it silent."""
    assert told(COUNTED, 1_500) == 0
    assert told(SINGLY, 1_500) == 5
