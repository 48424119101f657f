"""Where alarms are judged that ask for the state of others."""

from __future__ import annotations

from streamwatchd.operators.firing import stream_of
from tests.operators.bench import compiled

MUTES = "  - {alarm: mutes, by: host, when: avg(x over 10s) > 50%}\n"
MUTED = "  - {alarm: muted, by: host, when: avg(x over 10s) > 40%, unless: firing(mutes)}\n"


def test_states_go_to_every_task_of_a_later_stage() -> None:
    """Told by the one, waited for by the other, in steps of the one who asks."""
    found = compiled(MUTES + MUTED.replace("host", "site").replace("firing(mutes)", "firing(all)") + (
        "  - {alarm: all, when: avg(x over 10s) > 50%}\n"
    ))  # fmt: skip
    assert found.program is not None
    plan = found.program.plan
    second, third = plan.later
    assert second.told == ("all",)
    (feed,) = second.feeds
    assert (feed.everywhere, feed.step_ms, second.targets[feed.name]) == (True, 10_000, 3)
    (muted,) = third.window_alarms
    assert third.roots[muted.id] == {"m", stream_of("all")}


def test_who_asks_for_calendars_only_stays_where_it_is() -> None:
    """No state has to come to it."""
    rule = MUTED.replace("firing(mutes)", "during(works)")
    found = compiled(MUTES + rule, calendars={"works": 'during: [{days: sun, from: "01:00", to: "02:00"}]\n'})
    assert found.program is not None
    assert found.program.plan.later == ()


def test_rules_that_ask_nothing_mean_what_they_meant() -> None:
    """A calendar that nobody names, and the order of files, change no digest."""
    plain, other = (
        compiled(MUTES),
        compiled(MUTES, calendars={"works": 'during: [{days: sun, from: "01:00", to: "02:00"}]\n'}),
    )
    assert plain.program is not None
    assert other.program is not None
    assert plain.program.digest == other.program.digest
