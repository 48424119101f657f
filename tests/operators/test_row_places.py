"""The alarms of a node that judges rows, by number."""

from __future__ import annotations

from streamwatchd.operators.row_alarm import RowAlarmNode
from tests.operators.bench import Bench

RULES = """\
  - {alarm: hot, by: host, when: x > 50%}
  - {alarm: hotter, by: host, when: x > 80%}
"""


def node(bench: Bench) -> RowAlarmNode:
    (found,) = (
        each
        for shard in bench.driver.shards
        for task in shard.tasks.values()
        for each in task.flow.nodes.values()
        if isinstance(each, RowAlarmNode) and each.places
    )
    return found


def test_a_number_that_was_let_go_is_given_again() -> None:
    """As soon as its alarm is at rest; names say whose a number is now."""
    it = Bench(RULES).at(0, host="a", x=90).at(1, host="b", x=60)
    alarms = node(it).alarms
    assert alarms.by_name().keys() == {("hot", "a"), ("hot", "b"), ("hotter", "a")}
    before = set(alarms.places.values())
    it.at(2, host="a", x=10).at(3, host="c", x=90)
    assert set(alarms.places.values()) == before
    assert alarms.by_name().keys() == {("hot", "b"), ("hot", "c"), ("hotter", "c")}
    assert alarms.let_go(alarms.by_name()["hot", "b"])
    assert ("hot", "b") not in alarms.by_name()


def test_rows_without_an_event_have_the_key_and_the_constants_of_the_rule() -> None:
    it = Bench(RULES).at(0, host="a", x=90)
    alarms = node(it).alarms
    frame = alarms.bare_at(list(alarms.places.values()), 5)
    assert (len(frame), set(frame.time.tolist())) == (2, {5})
    assert alarms.key(0) == {"host": "a"}
