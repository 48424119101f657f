"""One run: files are written, the reloader looks, the engine goes on under traffic; a model says what must be in force.

The model knows of each file by itself whether it checks, beside the steady rules and nothing else. So what is in force
must be, file by file, the last content that checked: a file that does not check holds up no other, and of no file a
part. One of them is `shared.yaml`, whose words must hold for all other rules, from one version of it or none. The
steady rules, which take none over, must say, byte for byte, what they say when nobody touches a file.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from streamwatchd.batch import RawBatch
from streamwatchd.compiler import Compiled, compile_project
from streamwatchd.daemon.changes import Proposal
from streamwatchd.daemon.contents import Bundle
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.pending_settings import PendingSettings
from streamwatchd.daemon.reloader import Project, Refusals, Reloader
from streamwatchd.rules.document import plain
from streamwatchd.rules.loader import load
from streamwatchd.rules.reader import parse
from streamwatchd.testing.driver import Driver
from tests.daemon.project import ListLog
from tests.oracle.compare import by_law, differences, plain_outputs
from tests.oracle.world import START_MS
from tests.reloads.writes import write

CONFIG = """\
kafka: {bootstrap.servers: 'localhost:9092'}
sources:
  m: {topic: m, time: ts, unit: ms, max_delay: 1s, key: host,
      fields: {host: string, site: string, x: {type: float}}}
"""
STEADY = """\
source: m
every: 10s
labels: null
rules:
  - {alarm: steady_hot, by: host, when: avg(x over 30s) > 55 for 20s}
  - {alarm: steady_now, by: host, when: x > 90}
  - {alarm: steady_far, by: site, when: max(x over 60s) > 97}
  - {kpi: steady_sums, by: host, every: 30s, values: {total: sum(x), n: count()}}
  - {alarm: steady_next, source: steady_sums, by: host, when: total > 4000}
"""
NAMES = ("early", "late", "north", "shared", "zeta")
RECORDS, STEP_MS, PARTITIONS = 16, 250, 2
LARGEST_INPUT = 100.0


@dataclass(slots=True)
class Result:
    """What a run did, and what it found wrong."""

    reloads: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    switches: int = 0
    records: int = 0
    outputs: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


class Run:
    """A project of one steady file and some that are written over and over."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.rng = folder, random.Random(seed)
        self.rules, self.tables = folder / "rules.d", folder / "enrichment.d"
        self.config = folder / "streamwatchd.yaml"
        for place in (self.rules, self.tables, folder / "alone"):
            place.mkdir(parents=True)
        self.config.write_text(CONFIG)
        (self.rules / "steady.yaml").write_text(STEADY)
        (folder / "alone" / "steady.yaml").write_text(STEADY)
        self.good: dict[str, bytes] = {}
        self.result = Result()
        first = self._compile({})
        assert first.program is not None
        self.in_force, self.proposed = first, first.program.digest
        self._reloader = self._watch(first)
        self._calm, self._busy = (Driver(first.program, {}, {"m": PARTITIONS}) for _ in range(2))
        self._offsets = [0] * PARTITIONS
        self._sent = 0

    def _watch(self, first: Compiled) -> Reloader:
        assert first.loaded.settings is not None
        settings = first.loaded.settings

        def bundle(files: Mapping[str, bytes]) -> Bundle:
            return Bundle.of(files, settings, CONFIG.encode())

        metrics = Metrics()
        log = ListLog()
        project = Project(self.config, replace(settings, rules_dir=self.rules, enrichment_dir=self.tables))
        pending = PendingSettings(self.config, self.config.read_bytes(), log, metrics)
        refusals = Refusals(log, metrics)
        return Reloader(
            project, self._compile, first.loaded.files, bundle, self._propose, refusals, pending, log, metrics
        )

    def _compile(self, last_good: Mapping[str, bytes]) -> Compiled:
        self._compiled = compile_project(
            self.config, rules_dir=self.rules, enrichment_dir=self.tables, last_good=last_good
        )
        return self._compiled

    # the loop

    def run(self, reloads: int) -> Result:
        begun = time.monotonic()
        for number in range(reloads):
            if number % 2 == 0:
                self._traffic()
            self._reload()
            if self.result.faults:
                break
        self._traffic()
        self._compare()
        self.result.seconds = time.monotonic() - begun
        return self.result

    def _reload(self) -> None:
        name = self.rng.choice(NAMES)
        path = self.rules / f"{name}.yaml"
        one = write(self.rng, name, path.read_bytes() if path.exists() else None)
        if one.content is None:
            path.unlink(missing_ok=True)
            self.good.pop(name, None)
        else:
            path.write_bytes(one.content)
            if self._checks(name, one.content):
                self.good[name] = one.content
        self.result.kinds[one.kind] += 1
        self.result.reloads += 1
        self._expected = {f"{each}.yaml": content for each, content in self.good.items()}
        self._reloader.check(force=True)
        self.result.refused += bool(self._compiled.loaded.refused)

    def _checks(self, name: str, content: bytes) -> bool:
        """Whether a file checks beside the steady rules, and nothing else."""
        alone = self.folder / "alone"
        (alone / f"{name}.yaml").write_bytes(content)
        steady = {str(alone / "steady.yaml"): STEADY.encode()}
        found = load(self.config, rules_dir=alone, enrichment_dir=self.tables, last_good=steady)
        (alone / f"{name}.yaml").unlink()
        return not found.refused

    def _propose(self, proposal: Proposal) -> None:
        """What the daemon puts in force, once it is another than what is."""
        wrong = proposal.bundle.rules != {"steady.yaml": STEADY.encode(), **self._expected}
        if wrong:
            said = {path: text[:60] for path, text in proposal.bundle.rules.items()}
            self.result.faults.append(f"reload {self.result.reloads}: {said} in force, not {self._expected}")
        refused = {Path(path).name for path in self._compiled.loaded.refused}
        on_disk = {path.name: path.read_bytes() for path in self.rules.glob("*.yaml")}
        unfit = {
            name
            for name, text in on_disk.items()
            if {"steady.yaml": STEADY.encode(), **self._expected}.get(name) != text
        }
        if refused != unfit:
            self.result.faults.append(f"reload {self.result.reloads}: refused {sorted(refused)}, not {sorted(unfit)}")
        rules = self._compiled.loaded.ruleset.rules
        words = {str(rule.labels) for rule in rules if not rule.name.startswith("steady")}
        shared = _labels(self._expected.get("shared.yaml"))
        if words - {shared}:
            self.result.faults.append(f"reload {self.result.reloads}: {words} hold, not {shared}")
        if proposal.content.program.digest != self.proposed:
            self.proposed = proposal.content.program.digest
            self._busy.switch(proposal.content.program, {})
            self.result.switches += 1

    # traffic

    def _traffic(self) -> None:
        """Records for both engines, in both partitions."""
        rows: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
        for _ in range(RECORDS):
            self._sent += 1
            host = self.rng.randrange(6)
            at_ms = START_MS + self._sent * STEP_MS - self.rng.randrange(900)
            event = {"ts": at_ms, "host": f"h{host}", "site": f"s{host % 3}", "x": self.rng.randrange(101)}
            rows[host % PARTITIONS].append(json.dumps(event).encode())
        for partition, payloads in enumerate(rows):
            if payloads:
                first = self._offsets[partition]
                self._offsets[partition] += len(payloads)
                offsets = range(first, first + len(payloads))
                for driver in (self._calm, self._busy):
                    driver.feed(RawBatch("m", partition, payloads, offsets, [0] * len(payloads)))
        self.result.records += RECORDS

    def _compare(self) -> None:
        """What the steady rules said, touched and untouched."""
        found = []
        for driver in (self._calm, self._busy):
            driver.flush()
            said = plain_outputs(driver.take_outputs())
            steady = {
                "alerts": [each for each in said["alerts"] if str(each["rule"]).startswith("steady")],
                "kpis": [each for each in said["kpis"] if str(each["kpi"]).startswith("steady")],
            }
            found.append(said | steady)
        self.result.outputs = sum(map(len, found[0].values()))
        wrong = differences(by_law(found[0]), by_law(found[1]), LARGEST_INPUT)
        self.result.faults += [f"a steady rule: {each}" for each in wrong[:20]]


def _labels(shared: bytes | None) -> str:
    """What a content of `shared.yaml` says of labels."""
    top = parse("shared.yaml", shared or b"").top
    found = top.get("labels") if top is not None else None
    return str(plain(found) if found is not None else {})


def run(folder: Path, seed: int, reloads: int) -> Result:
    return Run(folder, seed).run(reloads)
