"""Law 5 on the real thing: while a daemon runs on Kafka an equal rule set is reloaded and unrelated rules come, change
and go, and what the other rules say is what they say alone.

Many random rules are one project, so that one daemon tries them all.
"""

from __future__ import annotations

import json
import os
import random
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.crashloop import project
from tests.crashloop.kafka_log import Logs
from tests.crashloop.loop import up_to
from tests.crashloop.reenactment import Reenactment
from tests.kafka.world_site import WorldSite
from tests.laws.engine import LARGEST_INPUT
from tests.laws.neighbours import closed, declared, only
from tests.oracle.compare import by_law, differences
from tests.oracle.random_rules import World
from tests.oracle.world import START_MS

pytestmark = pytest.mark.kafka

SEEDS = [int(seed) for seed in os.environ.get("STREAMWATCHD_LAW_5_SEEDS", "12").split(",")]
RULES, RECORDS = 40, 100
SETTLED_MS, CLOSING_MS = 10_000, 60_000


class Site(WorldSite):
    """A daemon over `steady` rules, of which others are told apart by name."""

    def __init__(self, servers: str, folder: Path, world: World, steady: Mapping[str, str]) -> None:
        super().__init__(servers, folder, replace(world, rules=dict(steady)))
        for name in ("steady", "by_tier", "scored", "changing"):
            (folder / "rules.d" / f"{name}.yaml").unlink()

    def set_rules(self, rules: Mapping[str, str]) -> None:
        """The files of the rules as they shall be now, and no others; back when the daemon has seen them."""
        before = self.metric("streamwatchd_reloads_total")
        folder = self.folder / "rules.d"
        for path in folder.glob("*.yaml"):
            if path.stem not in rules:
                path.unlink()
        for name, text in rules.items():
            if not (folder / f"{name}.yaml").exists() or (folder / f"{name}.yaml").read_text() != text:
                (folder / "new").write_text(text)
                (folder / "new").replace(folder / f"{name}.yaml")
        self.until(lambda: self.metric("streamwatchd_reloads_total") > before)
        self.until(self.is_settled)  # of several quick edits only the last one is put in force

    def is_settled(self) -> bool:
        """What was compiled last is in force."""
        compiled = [each["content"] for each in self.logged("rules_compiled")]
        switched = [each["content"] for each in self.logged("rules_switched")]
        return (compiled[:1] + switched)[-1:] == compiled[-1:]


@pytest.fixture
def make(kafka: str, tmp_path: Path) -> Iterator[Callable[[World, Mapping[str, str]], Site]]:
    made: list[Site] = []

    def site(world: World, steady: Mapping[str, str]) -> Site:
        made.append(Site(kafka, tmp_path, world, steady))
        return made[-1]

    yield site
    for each in made:
        each.end()


def edits(world: World, steady: dict[str, str], rng: random.Random) -> list[dict[str, str]]:
    """Rule sets that have the steady rules as they are: equal ones, more, other and fewer unrelated ones."""
    name = next(iter(steady))
    commented = steady | {name: f"# A comment means nothing.\n{steady[name]}"}

    def half() -> dict[str, str]:
        return closed(world, {*steady, *(each for each in world.rules if rng.random() < 0.5)})

    edited = {rule: text if rule in steady else text.replace(" > 1", " > 2") for rule, text in half().items()}
    return [commented, dict(world.rules), half(), edited, steady, half(), steady]


@pytest.mark.parametrize("seed", SEEDS)
def test_reloads_under_traffic_change_nothing_for_rules_that_stay_as_they_are(
    make: Callable[[World, Mapping[str, str]], Site], seed: int
) -> None:
    """Among forty random rules, over a dozen steady ones; an equal rule set is not even a change."""
    world = declared(project.random_world(seed, RULES))
    rng = random.Random(seed)
    steady = closed(world, {name for name in world.rules if rng.random() < 0.3})
    site = make(world, steady)
    compiled = site.compile()
    site.start_and_wait()

    records, changes = project.world_records(world, seed, START_MS, RECORDS), edits(world, steady, rng)
    share = len(records) // (len(changes) + 1) + 1
    for number, rules in enumerate(changes):
        site.send(records[number * share : (number + 1) * share])
        site.set_rules(rules)
    site.send(records[len(changes) * share :])
    end_ms = max(record.timestamp_ms or 0 for record in records)
    site.send(project.closing(site.counts, end_ms + CLOSING_MS))

    settled_ms = end_ms + SETTLED_MS
    assert compiled.program is not None
    stages = 1 + len(compiled.program.plan.later)
    site.until(lambda: site.is_past(settled_ms, stages))
    assert site.signal(signal.SIGTERM) == 0
    journal = site.journal
    assert journal is not None
    journal.read()
    inputs = Logs(site.kafka, [site.prefix + topic for topic in site.counts])
    alone = Reenactment(compiled, dict.fromkeys(inputs.partitions), site.exchange_partitions, heeds_switches=False)
    alone.add_records(inputs.read())
    for epochs in journal.epochs:
        alone.add_epochs(epochs)
    alone.play({})

    names = {rule.name for rule in compiled.loaded.ruleset.rules}
    said, expected = (up_to(settled_ms, only(found, names)) for found in (site.outputs(), alone.engine()))
    switched = [version.number for record in journal.epochs[0] for version in record.switches]
    assert len(switched) >= 4
    assert site.logged("rules_compiled")[0]["content"] == site.logged("rules_switched")[-1]["content"], json.dumps(
        site.logged("rules_switched")
    )
    assert len(expected["alerts"]) > 30
    assert len(expected["kpis"]) > 60
    found = differences(by_law(expected), by_law(said), LARGEST_INPUT)
    assert not found, "\n".join([*found[:30], json.dumps(site.logged("rules_switched"))])
