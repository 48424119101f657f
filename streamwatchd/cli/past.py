"""What `explain --at` reads of a time that is past: of each topic as much as the rule looks back, as far as Kafka still
has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from streamwatchd.batch import Value
from streamwatchd.cli import record
from streamwatchd.cli.traffic import Traffic, Wanted, traffic_of
from streamwatchd.cli.written import Written, written_of
from streamwatchd.compiler import Compiled, program_of
from streamwatchd.operators.document import iso
from streamwatchd.ports.kafka import Kafka, Partition
from streamwatchd.rules.ruleset import Kpi, Rule, RuleSet, reads
from streamwatchd.testing.driver import longest_reach
from streamwatchd.testing.recorder import partitions_of, stamp_at

_AFTER_MS = 3_600_000
"""Records may come so long after the time that they say."""


@dataclass(frozen=True, slots=True)
class Past:
    """What is played, what was written of the alarm, and sentences on what was read and what was no longer there."""

    traffic: Traffic
    written: Written | None
    notes: tuple[str, ...]


@contextmanager
def past_of(compiled: Compiled, rule: Rule, key: Mapping[str, Value], at_ms: int) -> Iterator[Past]:
    """Raises UnreadableInput where no record of that time is retained, Unavailable."""
    settings, rules = compiled.loaded.settings, compiled.loaded.ruleset
    assert settings is not None
    mine = read_by(rule, rules)
    names = list(dict.fromkeys(name for each in mine for name in each.sources if name in rules.sources))
    sources = [rules.sources[name] for name in names]
    wanted = Wanted(names, at_ms - lookback_ms(rules, mine), at_ms + _AFTER_MS)
    kafka = record.open_kafka(settings)
    lost = tuple(_lost(kafka, [source.topic for source in sources], wanted.from_ms or 0))
    written = None
    if not isinstance(rule, Kpi):
        topic, from_ms = settings.topics.shadow if rule.shadow else settings.topics.alerts, wanted.from_ms or 0
        documents, is_whole = written_of(kafka, topic, rule.name, key)
        written = Written(topic, documents, is_whole, from_ms, settling_ms(rules, mine))
    with traffic_of(None, wanted, compiled) as traffic:
        yield Past(traffic, written, (wanted.name, *lost))


def read_by(rule: Rule, rules: RuleSet) -> tuple[Rule, ...]:
    """The rule with those that it reads, and those that they read."""
    by_name = {each.name: each for each in rules.rules}
    found = {rule.name: rule}
    waiting = [rule]
    while waiting:
        for name in reads(waiting.pop()):
            if name in by_name and name not in found:
                found[name] = by_name[name]
                waiting.append(by_name[name])
    return tuple(each for each in rules.rules if each.name in found)


def lookback_ms(rules: RuleSet, mine: tuple[Rule, ...]) -> int:
    """How far before an instant records have a say in it: twice the longest window, as a key must have been known
    before it, the longest hold or wait, and how late events may come."""
    holds = [hold for each in mine if not isinstance(each, Kpi) for hold in _holds(each)]
    return settling_ms(rules, mine) + _reach_ms(rules, mine) + max(holds, default=0)


def settling_ms(rules: RuleSet, mine: tuple[Rule, ...]) -> int:
    """How long after its first record a replay may not judge as one that has read all: until windows are full."""
    delays = [rules.sources[name].max_delay_ms for each in mine for name in each.sources if name in rules.sources]
    return _reach_ms(rules, mine) + max(delays, default=0)


def _reach_ms(rules: RuleSet, mine: tuple[Rule, ...]) -> int:
    return longest_reach(program_of(replace(rules, rules=mine)))


def _holds(rule: Rule) -> Iterator[int]:
    if isinstance(rule, Kpi):
        return
    for level in rule.levels:
        yield level.for_ms + level.until_for_ms
    yield rule.no_data.after_ms
    sequence = getattr(rule, "sequence", None)
    yield 0 if sequence is None else sequence.within_ms


def _lost(kafka: Kafka, topics: list[str], from_ms: int) -> Iterator[str]:
    """Partitions whose first records are gone, if these may have been of the time from `from_ms` on."""
    places = [
        Partition(topic, number) for topic, count in partitions_of(kafka, topics).items() for number in range(count)
    ]
    admin = kafka.admin()
    try:
        begins, ends = admin.beginning_offsets(places), admin.end_offsets(places, read_committed=True)
        firsts = admin.offsets_at(dict.fromkeys(places, from_ms))
    finally:
        admin.close()
    for place in places:
        if begins[place] > 0 and firsts[place] <= begins[place]:
            kept = f"since {iso(stamp_at(kafka, place, begins[place]))}" if begins[place] < ends[place] else "nothing"
            yield f"{place.topic}:{place.partition} retains {kept}: what came before has no say here"
