"""Sequences: which events are taken, when, and what is left for the next one."""

from __future__ import annotations

import pytest

from streamwatchd.shard.output import Sink
from tests.operators.bench import SOURCES, Bench

FLAPS = "  - {alarm: s, by: host, within: 10s, sequence: [kind == flap, kind == flap, kind == down]%s}\n"
NEVER = "  - {alarm: s, by: host, within: 10s, sequence: [kind == down, not kind == up]%s}\n"


def bench(rule: str, *events: tuple[float, str, str], restarts: bool = False, more: str = "") -> Bench:
    made = Bench(rule % more)
    for at, host, kind in events:
        made.at(at, host=host, kind=kind)
        if restarts:
            made.restart()
    return made


@pytest.mark.parametrize("restarts", [False, True])
def test_events_in_order_of_event_time_whatever_stands_between(restarts: bool) -> None:
    """Each host has its own; others, and events of other kinds, may stand between."""
    events = (
        (1, "a", "flap"),
        (2, "b", "flap"),
        (3, "a", "poll"),
        (4, "a", "flap"),
        (5, "b", "down"),
        (6, "a", "down"),
    )
    assert bench(FLAPS, *events, restarts=restarts).clock(30).alerts() == ["6 s fired warning a"]


DEPLOYED = """
  - alarm: s
    by: host
    within: 10s
    sequence: [{other: n == 1}, kind == down]
    message: "{host}: {kind} after a deploy, {role}"
"""


@pytest.mark.parametrize("partitions", [1, 2])
def test_a_step_may_be_of_another_source(partitions: int) -> None:
    """In order of event time over both, per key; what the message says is of the rule's own source."""
    made = Bench(DEPLOYED, partitions=partitions)
    made.at(1, topic="other", host="a", n=1).at(3, topic="other", host="b", n=1)
    made.at(2, host="a", kind="down", partition=partitions - 1).restart().at(2.5, host="b", kind="down")
    (alert,) = made.clock(30).documents(Sink.ALERTS)
    assert (alert["message"], alert["key"]) == ("a: down after a deploy, critical", {"host": "a"})
    assert alert["window"] == {"start": "2026-01-05T00:00:01.000Z", "end": "2026-01-05T00:00:02.000Z"}


BUSY = """
  - {{kpi: busy, by: host, every: 10s, values: {{n: count(), peak: max(x)}}}}
  - {{anomaly: odd, source: busy, model: mix, features: [peak], when: score > 0.9}}
  - {{alarm: s, by: host, within: 20s, sequence: [{}: peak > 50, kind == down]}}
"""


@pytest.mark.parametrize("other", ["busy", "odd"])
@pytest.mark.parametrize("restarts", [False, True])
def test_a_step_may_be_a_row_of_a_kpi_or_an_anomaly_rule(other: str, restarts: bool) -> None:
    """Also where it lies with the rule's own events: at the end of its window, less 1 ms."""
    made = Bench(BUSY.format(other), partitions=2)
    for at, x in ((1, 90), (12, 10), (24, 10), (35, 10)):
        for partition, host in enumerate("ab"):
            made.at(at, host=host, x=x, kind="poll", partition=partition)
        if at == 1:
            made.at(9, partition=1, host="b", kind="down", x=90)
        if at == 12:
            made.at(14, host="a", kind="down", x=10)
        if restarts:
            made.restart()
    alerts = made.clock(60).documents(Sink.ALERTS)
    assert [(alert["rule"], alert["key"]) for alert in alerts] == [("s", {"host": "a"})]
    assert alerts[0]["window"] == {"start": "2026-01-05T00:00:09.999Z", "end": "2026-01-05T00:00:14.000Z"}


VISITS = """
  - {kpi: visits, by: host, session: 10s, values: {n: count()}}
  - {alarm: s, by: host, within: 20s, sequence: [visits: n >= 2, other: n == 1]}
"""


@pytest.mark.parametrize("partitions", [1, 2])
@pytest.mark.parametrize(("down", "fires"), [(11, False), (12.5, True)])
def test_a_step_may_be_a_session(down: float, fires: bool, partitions: int) -> None:
    """Over at 12 s, its gap after the last event, and known later where events of a host lie in two partitions."""
    sources = SOURCES.replace("key: host, ", "") if partitions == 2 else SOURCES
    made = Bench(VISITS, partitions=partitions, sources=sources)
    made.at(1, host="a", kind="poll").at(2, host="a", kind="poll", partition=partitions - 1)
    made.at(down, topic="other", host="a", n=1).clock(60)
    assert made.alerts() == ([f"{down:g} s fired warning a"] if fires else [])


def test_what_must_not_happen_may_be_of_another_source() -> None:
    """The watermarks of both have to pass."""
    made = Bench("  - {alarm: s, by: host, within: 10s, sequence: [kind == down, other: not n == 1]}\n")
    made.at(1, host="a", kind="down").at(2, host="b", kind="down")
    made.at(5, topic="other", host="b", n=1).at(5, topic="other", host="a", n=2).clock(30, topics=["m"])
    assert made.alerts() == []
    assert made.clock(30).alerts() == ["11 s fired warning a"]


def test_disorder_within_the_delay_does_not_matter() -> None:
    """The down comes first in the log and last in time."""
    made = bench(FLAPS, (6, "a", "down"), (5.5, "a", "flap"), (5.2, "a", "flap")).clock(30)
    assert made.alerts() == ["6 s fired warning a"]


@pytest.mark.parametrize(("last", "fires"), [(11, True), (11.001, False)])
def test_first_to_last_within(last: float, fires: bool) -> None:
    """The limit belongs to it."""
    made = bench(FLAPS, (1, "a", "flap"), (2, "a", "flap"), (last, "a", "down")).clock(30)
    assert bool(made.alerts()) is fires


def test_each_event_is_used_once_and_the_latest_first() -> None:
    """Of three flaps the last two go to the first down; one is left, which is not enough."""
    flaps = tuple((at, "a", "flap") for at in (1, 2, 3))
    assert bench(FLAPS, *flaps, (4, "a", "down"), (5, "a", "down")).clock(30).alerts() == ["4 s fired warning a"]
    four = (*flaps, (3.5, "a", "flap"))
    made = bench(FLAPS, *four, (4, "a", "down"), (5, "a", "down")).clock(30)
    assert made.alerts() == ["4 s fired warning a", "5 s fired warning a"]


def test_two_at_one_instant_have_ids_of_their_own() -> None:
    """Also across a restart."""
    flaps = tuple((at, "a", "flap") for at in (1, 2, 3, 3.5))
    made = bench(FLAPS, *flaps, (4, "a", "down"), (4, "a", "down"), restarts=True).clock(30)
    assert len({alert["id"] for alert in made.documents(Sink.ALERTS)}) == 2


def test_an_occurrence_says_from_when_to_when() -> None:
    """The window is that of its events; it has no end."""
    (alert,) = bench(FLAPS, (1, "a", "flap"), (2, "a", "flap"), (4, "a", "down")).clock(30).documents(Sink.ALERTS)
    assert alert["window"] == {"start": "2026-01-05T00:00:01.000Z", "end": "2026-01-05T00:00:04.000Z"}
    assert (alert["state"], alert["ends_at"], alert["seq"]) == ("firing", None, 1)


@pytest.mark.parametrize("restarts", [False, True])
def test_until_ends_it_and_while_it_is_up_nothing_is_said(restarts: bool) -> None:
    """What is completed in the meantime is used up."""
    kinds = (*zip((1, 2, 3, 4, 5, 6), ("flap", "flap", "down", "flap", "flap", "down"), strict=True), (8, "up"))
    events = tuple((at, "a", kind) for at, kind in kinds)
    again = tuple((at, "a", kind) for at, kind in ((9, "down"), (10, "flap"), (11, "flap"), (12, "down")))
    made = bench(FLAPS, *events, *again, restarts=restarts, more=", until: kind == up").clock(30)
    assert made.alerts() == ["3 s fired warning a", "8 s resolved warning a cleared", "12 s fired warning a"]


@pytest.mark.parametrize("restarts", [False, True])
def test_what_does_not_happen_in_time(restarts: bool) -> None:
    """It fires at the end of `within`; an up before or at that instant prevents it."""
    events = (
        (1, "a", "down"),
        (2, "b", "down"),
        (3, "c", "down"),
        (11, "a", "up"),
        (12.001, "b", "up"),
        (13, "c", "up"),
    )
    assert bench(NEVER, *events, restarts=restarts).clock(40).alerts() == ["12 s fired warning b"]


def test_it_fires_by_the_watermark_alone() -> None:
    """No event has to come."""
    assert bench(NEVER, (1, "a", "down")).clock(11).alerts() == []
    assert bench(NEVER, (1, "a", "down")).clock(11.002).alerts() == ["11 s fired warning a"]


def test_a_late_event_takes_no_part() -> None:
    """The watermark had passed it."""
    made = bench(FLAPS, (1, "a", "flap"), (6, "b", "poll"), (2, "a", "flap"), (7, "a", "down")).clock(30)
    assert made.alerts() == []


def test_values_and_message_are_of_the_event_that_completes_it() -> None:
    """The last one that happened."""
    more = ', values: {x2: x * 2}, message: "{host} at {x2}", severity: major'
    made = Bench(FLAPS % more).at(1, host="a", kind="flap", x=1).at(2, host="a", kind="flap", x=2)
    (alert,) = made.at(3, host="a", kind="down", x=4).clock(30).documents(Sink.ALERTS)
    assert (alert["values"], alert["message"], alert["severity"]) == ({"x2": 8.0}, "a at 8%", "major")


def test_keys_of_several_partitions_go_behind_the_exchange() -> None:
    """Only rows that are part of a sequence travel."""
    rule = FLAPS.replace("by: host", "by: site") % ""
    made = Bench(rule, partitions=2)
    for at, partition, kind in ((1, 0, "flap"), (2, 1, "flap"), (3, 0, "poll"), (4, 1, "down")):
        made.at(at, host=f"h{partition}", site="s", kind=kind, partition=partition)
    assert made.clock(30).alerts() == ["4 s fired warning s"]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (", severity: major", ["5 s fired major a"]),
        (", where: kind != poll", ["5 s fired warning a"]),
        (", until: kind == up", ["5 s fired warning a"]),
    ],
)
def test_an_edit_keeps_what_is_under_way(edit: str, said: list[str]) -> None:
    """As long as the steps mean the same."""
    made = bench(FLAPS, (1, "a", "flap"), (2, "a", "flap"))
    made.change(FLAPS % edit)
    assert made.at(5, host="a", kind="down").clock(30).alerts() == said


def test_what_is_up_goes_with_its_rule() -> None:
    """With a reason."""
    made = bench(FLAPS, (1, "a", "flap"), (2, "a", "flap"), (3, "a", "down"), more=", until: kind == up").at(
        8, host="b"
    )
    made.change("  - {kpi: k, by: host, every: 10s, values: {n: count()}}\n").clock(30)
    assert made.alerts()[1].split()[1:] == ["s", "resolved", "warning", "a", "rule_removed"]


def test_another_alarm_may_ask_whether_it_is_up() -> None:
    """With `until` it is a state like any other."""
    rules = FLAPS % ", until: kind == up" + (
        "  - {alarm: hot, by: host, when: avg(x over 10s) > 50%, unless: firing(s)}\n"
    )
    made = Bench(rules)
    for at in range(0, 40, 2):
        kind = {2: "flap", 4: "flap", 6: "down", 24: "up"}.get(at, "poll")
        made.at(at, host="a", kind=kind, x=90)
    alerts = [alert for alert in made.clock(40).documents(Sink.ALERTS) if alert["rule"] == "hot"]
    assert [(alert["event"], alert["muted_by"]) for alert in alerts] == [("fired", "firing(s)"), ("unmuted", None)]


def test_a_sequence_is_muted_by_a_calendar() -> None:
    """Its end too, as nobody was told of it."""
    works = 'during: [{from: "2026-01-05 00:00:00", to: "2026-01-05 00:00:05"}]\n'
    made = Bench(FLAPS % ", until: kind == up, unless: during(works)", calendars={"works": works})
    for at, kind in ((1, "flap"), (2, "flap"), (3, "down"), (8, "up"), (11, "flap"), (12, "flap"), (13, "down")):
        made.at(at, host="a", kind=kind)
    alerts = made.clock(40).documents(Sink.ALERTS)
    assert [(alert["event"], alert["muted_by"]) for alert in alerts] == [
        ("fired", "during(works)"),
        ("resolved", "during(works)"),
        ("fired", None),
    ]
