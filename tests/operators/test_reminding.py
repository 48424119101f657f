"""When an alarm is told again, one event after the other; whole rules are in test_notices.py."""

from __future__ import annotations

from typing import Any

from streamwatchd.calendars.silence import Ack
from streamwatchd.operators.dimension import Dimensions
from streamwatchd.operators.lifecycle import Transition
from streamwatchd.operators.reminding import Reminders
from streamwatchd.operators.spec import Repeat

RULES = frozenset(["hot"])


def said(event: str, at_ms: int, place: int = 0) -> Transition:
    closes = event == "resolved"
    return Transition(place, 0, at_ms, event, "resolved" if closes else "firing", 0, 0, 0, 1, False, closes, "")


def reminders() -> Reminders:
    return Reminders([Repeat("hot", 10, 30)], RULES)


def waits(*events: str) -> list[int | None]:
    """When the next is due after each event, which comes when the last was due, or 1 ms later."""
    found, at_ms, answers = reminders(), 0, list[int | None]()
    for event in events:
        found.take(said(event, at_ms), "hot", "")
        answers.append(None if found.next_ms() is None else found.next_ms() - at_ms)  # type: ignore[operator]
        at_ms = found.next_ms() or at_ms + 1
    return answers


def test_waits_double_up_to_the_longest_and_news_begin_anew() -> None:
    """What resolves is not told again."""
    assert waits("fired", "repeated", "repeated", "repeated", "escalated") == [10, 20, 30, 30, 10]
    assert waits("fired", "repeated", "resolved") == [10, 20, None]


def test_what_is_muted_was_told_to_nobody() -> None:
    """Of another rule, nothing is repeated."""
    found = reminders()
    found.take(said("fired", 0), "hot", "during(works)")
    found.take(said("fired", 0, place=1), "cold", "")
    assert found.next_ms() is None
    found.take(said("unmuted", 5), "hot", "")
    assert (found.due(14), found.due(15)) == ([], [0])


def test_acknowledged_until_it_grows_worse() -> None:
    """Each acknowledgement is heard once."""
    found = reminders()
    found.take(said("fired", 0), "hot", "")
    found.acked.add(0)
    found.take(said("acknowledged", 1), "hot", "")
    assert (found.due(100), found.next_ms()) == ([], None)
    found.take(said("escalated", 20), "hot", "")
    assert found.due(30) == [0]
    dimensions = Dimensions({}, {}, acks={"hot": (Ack("k", None, "anna"),), "cold": (Ack("l"),)})
    assert found.expects(dimensions) is not None
    assert found.unheard(dimensions, 30) == [("hot", "k", None, "anna")]
    assert found.unheard(dimensions, 40) == []
    assert found.expects(dimensions) is None


def test_a_snapshot_goes_by_names() -> None:
    """Where there is nothing to keep there is none."""
    found: Reminders = reminders()
    assert found.snapshot(lambda place: [place]) is None
    found.take(said("fired", 0, place=3), "hot", "")
    found.take(said("repeated", 10, place=3), "hot", "")
    found.acked.add(4)
    state: Any = found.snapshot(lambda place: ["hot", f"key {place}"])
    again = reminders()
    again.restore(state, {("hot", "key 3"): 0, ("hot", "key 4"): 1})
    assert (again.due_ms, again.waits, again.acked) == ({0: 30}, {0: 20}, {1})
