"""Laws 1, 4 and 6 on the real thing: what daemons on Kafka commit does not depend on batches and epochs, nor on the
order of records within `max_delay`, and is what the oracle says.

Many random rules and those of the crash loop are one project, so that one daemon tries them all. Partitions do not fall
idle: the laws speak of equal marks, and those are the clock's. Laws 2, 3, 5 and 7 have files of their own.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from streamwatchd.ports.kafka import Record
from tests.crashloop import project
from tests.crashloop.loop import LARGEST_INPUT, of_rules, up_to
from tests.kafka.world_site import WorldSite
from tests.laws.engine import spread, without_storms
from tests.laws.test_law_4 import in_order_only, shuffled
from tests.oracle import reading
from tests.oracle.compare import Plain, as_oracle, by_law, differences, from_oracle
from tests.oracle.oracle import answers
from tests.oracle.random_rules import World
from tests.oracle.world import START_MS

pytestmark = pytest.mark.kafka

SEEDS = [int(seed) for seed in os.environ.get("STREAMWATCHD_LAW_SEEDS", "21").split(",")]
"""One a test run; a campaign names more."""
RULES, RECORDS, STRETCHES, DENSITY = 24, 80, 16, 8
CLOSING_MS, SETTLED_MS = 60_000, 10_000
NEVER = "1h"
HORIZON_MS = START_MS + 365 * 86_400_000
"""Stamps of the future bear the year 2100; all others are of the first minutes."""
LEAST = {"alerts": 150, "kpis": 100, "anomalies": 20, "late": 20, "dead_letters": 5}
"""So many of each there must be for a comparison to mean something."""
Found = dict[str, list[Plain]]


@dataclass(slots=True)
class Trial:
    """A project, its records in the order in which they are sent, and what must be settled in the end."""

    servers: str
    folder: Path
    seed: int
    world: World
    records: list[Record]
    end_ms: int
    made: list[WorldSite] = field(default_factory=list)

    def site(self, name: str, **settings: object) -> WorldSite:
        site = WorldSite(self.servers, self.folder / name, self.world, **settings)  # type: ignore[arg-type]
        text = site.config.read_text()
        site.config.write_text(text.replace("idle_after: 1s", f"idle_after: {NEVER}"))
        self.made.append(site)
        return site

    def close(self, site: WorldSite) -> None:
        site.send(project.closing(site.counts, self.end_ms + CLOSING_MS))

    def said(self, site: WorldSite) -> Found:
        """Of the time that is over for every task, once it is."""
        program = site.compile().program
        assert program is not None
        settled_ms, stages = self.end_ms + SETTLED_MS, 1 + len(program.plan.later)
        site.until(lambda: site.is_past(settled_ms, stages))
        assert site.signal(signal.SIGTERM) == 0
        return up_to(settled_ms, site.outputs())


@dataclass(slots=True)
class Live:
    """What a daemon said that took the records in bit by bit, as they came."""

    site: WorldSite
    said: Found


@pytest.fixture(scope="module", params=SEEDS)
def trial(request: pytest.FixtureRequest, kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    seed = request.param
    world = project.random_world(seed, RULES)
    traffic = project.Traffic(seed, DENSITY)
    records = project.world_records(world, seed, START_MS, RECORDS)
    stretches = max(STRETCHES, (max(record.timestamp_ms or 0 for record in records) - START_MS) // project.STRETCH_MS)
    for number in range(min(stretches, 3 * STRETCHES)):
        records += traffic.stretch(START_MS + number * project.STRETCH_MS)
    records.sort(key=lambda record: (record.timestamp_ms or 0) // project.STRETCH_MS)  # stable: late ones stay late
    end_ms = max(record.timestamp_ms or 0 for record in records)
    made = Trial(kafka, tmp_path_factory.mktemp(f"laws-{seed}"), seed, world, records, end_ms)
    yield made
    for site in made.made:
        site.end()


@pytest.fixture(scope="module")
def live(trial: Trial) -> Live:
    site = trial.site("live", batch_records=3, commit_every="20ms", snapshot_every="300ms")
    site.start_and_wait()
    rng, left = random.Random(trial.seed), trial.records
    while left:
        size = rng.choice((1, 40, 200, 400))
        site.send(left[:size])
        left = left[size:]
        time.sleep(rng.choice((0.0, 0.02, 0.05)))
    trial.close(site)
    return Live(site, trial.said(site))


def test_other_batches_and_epochs_give_equal_outputs(trial: Trial, live: Live) -> None:
    """Law 1: a daemon that finds all records there, and takes them in at one go, commits the same, ids included."""
    whole = trial.site("whole", inputs=live.site.inputs, commit_every="5s", shards=1)
    whole.start_and_wait()
    said = trial.said(whole)
    assert epochs(live.site) > 10 * epochs(whole)
    assert all(len(said[name]) >= least for name, least in LEAST.items()), {name: len(said[name]) for name in LEAST}
    assert not differences(by_law(live.said), by_law(said), LARGEST_INPUT)


def epochs(site: WorldSite) -> int:
    assert site.journal is not None
    return sum(map(len, site.journal.epochs))


def test_what_is_committed_is_what_the_oracle_says(trial: Trial, live: Live) -> None:
    """Law 6: alerts, rows, late events and dead letters."""
    compiled = live.site.compile()
    loaded = compiled.loaded
    counts = {live.site.inputs + topic: count for topic, count in live.site.counts.items()}
    logs = logs_of([*trial.records, *project.closing(live.site.counts, trial.end_ms + CLOSING_MS)], live.site.inputs)
    expected = from_oracle(answers(loaded.ruleset, loaded.tables, counts, logs, HORIZON_MS))
    names = {rule.name for rule in loaded.ruleset.rules}
    several = spread(compiled, live.site.exchange_partitions)
    settled_ms = trial.end_ms + SETTLED_MS
    expected = without_storms(of_rules(names, up_to(settled_ms, expected)), several)
    assert not differences(expected, without_storms(of_rules(names, as_oracle(live.said)), several), LARGEST_INPUT)


def logs_of(records: list[Record], prefix: str) -> dict[tuple[str, int], list[reading.LogItem]]:
    """As they lie in Kafka."""
    logs: dict[tuple[str, int], list[reading.LogItem]] = defaultdict(list)
    for record in records:
        log = logs[prefix + record.topic, record.partition or 0]
        log.append(reading.Record(record.value, len(log), record.timestamp_ms or 0))
    return dict(logs)


def test_records_shuffled_within_the_delay_give_equal_outputs(trial: Trial) -> None:
    """Law 4: alarms judged at once apart, and the dead letters, which are stamps from the future at other offsets."""
    sites = [trial.site(f"shuffled-{number}", commit_every="20ms") for number in range(2)]
    for site in sites:
        site.start()
    for number, site in enumerate(sites):
        site.until_up()
        site.send(by_turns(shuffled(site.compile(), prefixed(trial, site.inputs), trial.seed + number), site.inputs))
        trial.close(site)
    said = ((site.compile(), unprefixed(trial.said(site), site.inputs)) for site in sites)
    one, two = (in_order_only(compiled, each) | {"dead_letters": []} for compiled, each in said)
    assert not one["late"]
    assert not two["late"]
    assert all(len(one[name]) >= least // 2 for name, least in LEAST.items() if name not in ("late", "dead_letters"))
    assert not differences(by_law(one, ids=False), by_law(two, ids=False), LARGEST_INPUT)


def unprefixed(found: Found, prefix: str) -> Found:
    """A storm says of which partition it is: topics have the same names then."""
    alerts = [alert | {"message": str(alert["message"]).replace(prefix, "")} for alert in found["alerts"]]
    return found | {"alerts": alerts}


def prefixed(trial: Trial, prefix: str) -> World:
    return replace(trial.world, logs=logs_of(trial.records, prefix))


def by_turns(world: World, prefix: str) -> list[Record]:
    """The partitions by turns, each in its own order."""
    lists: Mapping[tuple[str, int], list[reading.LogItem]] = world.logs
    longest = max(map(len, lists.values()))
    return [
        Record(topic.removeprefix(prefix), log[at].payload, None, partition, timestamp_ms=log[at].timestamp)  # type: ignore[union-attr]
        for at in range(longest)
        for (topic, partition), log in lists.items()
        if at < len(log)
    ]
