"""What is written of alarms on rows: each life in order, whatever comes between two of its events."""

from __future__ import annotations

from tests.operators.bench import Bench
from tests.operators.test_muting import silence, told
from tests.operators.test_row_notices import START, hot


def test_events_of_one_batch_are_told_as_if_each_came_alone() -> None:
    """What is between two of them comes between them; numbers go on without a gap."""
    events = [(at, {"host": "a", "x": x}) for at, x in ((20, 60), (40, 60), (200, 60), (260, 10), (280, 60))]
    until = silence(f'from: "{START}00:10", until: "{START}01:30"')
    alone, together = (Bench(hot(", repeat: 1m"), silences=until) for _ in range(2))
    for at, event in events:
        alone.at(at, **event)
    together.feed(*events)
    expected = [
        "20 fired a silence(upgrade)",
        *(f"{at} {event} a" for at, event in ((120, "unmuted"), (180, "repeated"), (240, "repeated"))),
        "260 resolved a",
        "280 fired a",
        "360 repeated a",
    ]
    assert told(alone.clock(380)) == told(together.clock(380)) == expected


def test_numbers_of_a_life_go_on_over_what_needs_no_event() -> None:
    """And begin anew with the next life."""
    it = Bench(hot(", repeat: 1m"))
    it.feed((10, {"host": "a", "x": 60}), (150, {"host": "a", "x": 10}), (160, {"host": "a", "x": 60}))
    it.feed((250, {"host": "a", "x": 60}), (260, {"host": "a", "x": 10}))
    alerts = it.driver.take_outputs()
    found = [(out.value["event"], out.value["seq"]) for out in alerts if isinstance(out.value, dict)]
    assert found == [
        *(("fired", 1), ("repeated", 2), ("resolved", 3)),
        *(("fired", 1), ("repeated", 2), ("resolved", 3)),
    ]
