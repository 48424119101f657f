"""What `swctl plan` says, held to what the running engine then does."""

from __future__ import annotations

import pytest

from streamwatchd.compiler import Compiled
from streamwatchd.plan.change import Change, RuleChange, Side, compare
from streamwatchd.shard.output import Sink
from tests.operators.bench import Bench, compiled
from tests.oracle.compare import iso_ms
from tests.oracle.world import START_MS


def between(old: Compiled, new: Compiled, backfill_ms: int = 0) -> Change:
    assert old.program is not None
    assert new.program is not None
    before, after = (Side(each.program.plan, each.loaded.ruleset) for each in (old, new) if each.program is not None)
    return compare(before, after, backfill_ms)


def of_rule(found: Change, name: str) -> RuleChange:
    return next(each for each in found.rules if each.name == name)


EDITS = [
    # kept panes cover it
    ("by: host, when: avg(x over 60s) < -1", "by: host, when: avg(x over 60s) > 0"),
    ("by: host, when: avg(x over 60s) < -1", "by: host, when: avg(x over 20s) > 0"),
    ("by: host, when: avg(x over 60s) < -1", "by: host, when: avg(x over 60s) > 0 for 30s"),
    # wider, coarser, further back
    ("by: host, when: avg(x over 60s) < -1", "by: host, when: avg(x over 120s) > 0"),
    ("by: host, when: avg(x over 60s) < -1", "by: host, when: avg(x over 1h) > 0"),
    ("by: host, when: avg(x over 60s) < -1", "by: host, when: avg(x over 60s ago 2m) > 0"),
    ("by: host, when: avg(x over 60s) < -1", "by: host, min_history: 5m, when: avg(x over 20m) > 0"),
    ("by: host, when: avg(x over 60s) < -1", "by: host, partial: true, when: avg(x over 20m) > 0"),
    # other steps, aggregates, filters, keys
    ("by: host, when: avg(x over 60s) < -1", "by: host, every: 7s, when: avg(x over 63s) > 0"),
    ("by: host, when: avg(x over 60s) < -1", "by: host, when: max(x over 60s) > 0"),
    ("by: host, when: avg(x over 60s) < -1", "by: host, when: max(x over 30s) + avg(x over 40s) > 0"),
    ("by: host, when: avg(x over 60s) < -1", "by: host, where: x > 1, when: avg(x over 60s) > 0"),
    ("by: host, when: avg(x over 60s) < -1", "by: [host, site], when: avg(x over 60s) > 0"),
    ("by: host, where: site == 's', when: avg(x over 60s) < -1", "by: host, when: avg(x over 60s) > 0"),
    ("by: host, where: site == 'z', when: avg(x over 60s) < -1", "by: host, where: site == 's', when: avg(x over 60s) > 0"),  # noqa: E501
    # behind the exchange
    ("by: host, when: avg(x over 60s) < -1", "by: site, when: avg(x over 60s) > 0"),
    ("by: site, when: avg(x over 60s) < -1", "by: site, when: avg(x over 150s) > 0"),
    ("by: site, when: avg(x over 60s) < -1", "by: site, when: avg(x over 60s) > 0"),
    ("by: site, when: avg(x over 60s) < -1", "by: site, when: max(x over 30s) > 0"),
]  # fmt: skip


@pytest.mark.parametrize("backfill_s", [0, 50, 900, 7200])
@pytest.mark.parametrize(("old", "new"), EDITS)
def test_it_says_to_the_step_when_a_rule_is_judged_again(old: str, new: str, backfill_s: int) -> None:
    """A condition that is always true is so at the first judgement that is not null; with old records read or not."""
    before, after = f"  - {{alarm: r, {old}}}\n", f"  - {{alarm: r, {new}}}\n"
    event = {"host": "a", "site": "s", "x": 80}
    bench = Bench(before, backfill_s=backfill_s).feed(*((at, event) for at in range(0, 3601, 5)))
    assert bench.alerts() == []
    bench.change(after)
    said = of_rule(between(compiled(before), compiled(after), backfill_s * 1000), "r")
    bench.feed(*((at, event) for at in range(3602, 7800, 5))).clock(7900)
    events = [each for each in bench.documents(Sink.ALERTS) if each["event"] in ("fired", "pending")]
    first_ms = iso_ms(str(events[0]["at"])) - START_MS
    step = 7_000 if "every: 7s" in new else 10_000
    at_once = (3_600_000 + START_MS) // step * step + step - START_MS
    waits = max((wait.ms for wait in said.waits), default=0)
    # the change is just above a multiple of all steps but 7 s, as the plan has it
    if step == 7_000:
        assert at_once <= first_ms <= max(at_once, 3_600_000 + waits + step)
    else:
        assert first_ms == (3_600_000 + waits if waits else at_once)


def test_a_rule_that_comes_to_panes_of_a_kpi_waits_until_keys_are_known() -> None:
    """A KPI does not follow since when keys are known."""
    kpi = "  - {kpi: k, by: host, every: 10s, over: 60s, values: {n: avg(x)}}\n"
    alarm = "  - {alarm: r, by: host, when: avg(x over 60s) > 0}\n"
    bench = Bench(kpi).series(range(0, 601, 5), host="a", x=80).change(kpi + alarm)
    said = of_rule(between(compiled(kpi), compiled(kpi + alarm)), "r")
    bench.series(range(602, 700), host="a", x=80).clock(700)
    first = float(bench.alerts()[0].split()[0])
    assert first == 600 + max(wait.ms for wait in said.waits) / 1000 == 670


SEQUENCE = "{alarm: r, by: host, sequence: ['x > 1', 'x > 2'], within: 1m, until: 'x < 1'}"
AT_ONCE = "{alarm: r, by: host, when: x > 1}"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (AT_ONCE, "{alarm: r, by: host, when: x > 2}", "edited stay"),
        (AT_ONCE, "{alarm: q, by: host, when: x > 1}", "renamed stay"),
        (AT_ONCE, "{alarm: r, by: site, when: x > 1}", "edited resolve rule_changed"),
        (AT_ONCE, "{alarm: r, by: host, when: avg(x over 1m) > 1}", "edited resolve rule_changed"),
        (AT_ONCE, "{kpi: q, by: host, every: 1m, values: {n: count()}}", "removed resolve rule_removed"),
        (SEQUENCE, SEQUENCE.replace("alarm: r", "alarm: q"), "renamed stay"),
        ("{alarm: r, when: x > 1}", "{alarm: q, when: x > 2}", "removed"),
        ("{alarm: r, when: x > 1}", "{alarm: r, when: x > 2}", "edited"),
        ("{alarm: r, when: avg(x over 1m) > 1}", "{alarm: q, when: x > 2}", "removed resolve rule_removed"),
    ],
)
def test_it_says_what_becomes_of_alarms(old: str, new: str, words: str) -> None:
    """They stay up, or they resolve with a reason."""
    found = between(compiled(f"  - {old}\n"), compiled(f"  - {new}\n"))
    said = next(each for each in found.rules if "r" in (each.name, each.was))
    assert " ".join(filter(None, (said.what, said.alarms, said.reason))) == words


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("", ", flapping: 6 changes in 30m", "begins"),
        (", flapping: 6 changes in 30m", ", flapping: 4 changes in 30m until 2", "recounts"),
        (", flapping: 6 changes in 30m", "", "ends"),
        (", flapping: 6 changes in 30m", ", flapping: 6 changes in 30m, severity: critical", ""),
        (", flapping: 6 changes in 30m, mode: shadow", ", flapping: 6 changes in 30m", "promoted"),
        (", mode: shadow", ", flapping: 6 changes in 30m", "promoted begins"),
        (", flapping: 6 changes in 30m", ", mode: shadow", ""),
    ],
)
@pytest.mark.parametrize("rule", [AT_ONCE, SEQUENCE, "{alarm: r, by: host, when: avg(x over 1m) > 1}"])
def test_it_says_who_is_told_of_what(rule: str, before: str, after: str, words: str) -> None:
    """Of keys that flap, and of a rule that leaves shadow; where alarms end, there is nothing more to say."""
    old, new = (compiled(f"  - {rule.replace('}', more + '}')}\n") for more in (before, after))
    said = of_rule(between(old, new), "r")
    assert " ".join(filter(None, ("promoted" if said.promoted else "", said.flapping))) == words


def test_a_rule_on_a_kpi_that_changes_is_affected() -> None:
    """Though nobody touched it; a neighbour of the same shape is not."""
    kpi = "  - {kpi: k, by: host, every: 10s, values: {n: count()}}\n"
    rest = "  - {alarm: r, source: k, by: host, when: sum(n over 1m) > 5}\n"
    rest += "  - {alarm: s, by: host, when: avg(x over 1m) > 5}\n"
    more = "  - {alarm: t, by: host, when: avg(x over 1m) > 7}\n"
    found = between(compiled(kpi + rest), compiled(kpi.replace("values", "where: x > 1, values") + rest + more))
    assert {each.name: each.what for each in found.rules} == {
        "k": "edited", "r": "affected", "s": "unchanged", "t": "added"
    }  # fmt: skip


def test_an_equal_rule_set_changes_nothing() -> None:
    """All goes on."""
    rules = "  - {alarm: r, by: host, when: avg(x over 1m) > 5}\n  - {alarm: q, by: host, when: x > 5}\n"
    found = between(compiled(rules), compiled(f"  # said\n{rules}"))
    assert {each.what for each in found.rules} == {"unchanged"}
    assert found.bytes_before == found.bytes_after


def test_days_of_a_zone_are_compared_in_a_year_that_zones_know() -> None:
    """The instant of a comparison lies far ahead, and not beyond all calendars."""
    kpi = "  - {{kpi: k, by: host, every: 1d, timezone: {}, values: {{n: count()}}}}\n"
    found = between(compiled(kpi.format("Europe/Berlin")), compiled(kpi.format("Asia/Tokyo")))
    assert (of_rule(found, "k").what, of_rule(found, "k").waits) == ("edited", ())
