"""Law 4: records shuffled by strictly less than `max_delay` give equal outputs, alarms judged at once apart."""

from __future__ import annotations

import random
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from streamwatchd.compiler import Compiled
from streamwatchd.rules.ruleset import Alarm
from tests.laws.engine import compile_world, equal, run_driver, without_storms
from tests.laws.examples import EXAMPLES
from tests.oracle.compare import Plain
from tests.oracle.random_rules import World, worlds
from tests.oracle.reading import LogItem, Record, Unfit, decode
from tests.oracle.streams import Stream, is_at_once


@EXAMPLES
@given(world=worlds(rules=3, records=40), seed=st.integers(0, 2**32 - 1))
def test_shuffling_within_the_delay_changes_nothing(world: World, seed: int) -> None:
    """Two arrival orders of the same records, no record moved by the source's `max_delay` or more, say the same."""
    with tempfile.TemporaryDirectory() as folder:
        compiled = compile_world(world, Path(folder))
        one, two = (run_driver(compiled, shuffled(compiled, world, seed + i)) for i in range(2))
        assert not one["late"]
        assert not two["late"]
        assert not equal(in_order_only(compiled, one), in_order_only(compiled, two), ids=False)


def shuffled(compiled: Compiled, world: World, seed: int) -> World:
    """Valid records only, each moved by less than `max_delay`; without a delay a tie is late, so ties are left out."""
    rng = random.Random(seed)
    sources = {source.topic: source for source in compiled.loaded.ruleset.sources.values()}
    logs: dict[tuple[str, int], list[LogItem]] = {}
    for (topic, partition), log in sorted(world.logs.items()):
        delay = sources[topic].max_delay_ms
        timed: dict[tuple[int, int], Record] = {}
        for number, item in enumerate(log):
            if isinstance(item, Record):
                try:
                    time = decode(sources[topic], item)[1]
                except Unfit:
                    continue
                timed[time, number if delay else 0] = item
        order = sorted(timed, key=lambda at: (at[0] + rng.randrange(max(delay, 1)), rng.random()))
        logs[topic, partition] = [replace(timed[at], offset=offset) for offset, at in enumerate(order)]
    return replace(world, logs=logs)


def in_order_only(compiled: Compiled, found: dict[str, list[Plain]]) -> dict[str, list[Plain]]:
    """Without keyed alarms that are judged at once; `limit` counts in the order of the log, so its storms are left
    out."""
    rules = compiled.loaded.ruleset
    streams = {source.name: Stream(source.name, {}, source.key, source.name) for source in rules.sources.values()}
    at_once = {
        rule.name
        for rule in rules.rules
        if isinstance(rule, Alarm)
        and rule.windowless
        and rule.by
        and set(rule.sources) <= streams.keys()
        and is_at_once(rule, streams)
    }
    limited = {rule.name for rule in rules.rules if isinstance(rule, Alarm) and rule.limit_per_minute}
    left = found | {"alerts": [alert for alert in found["alerts"] if alert["rule"] not in at_once]}
    return without_storms(left, limited)
