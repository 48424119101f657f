"""One run of the crash loop: cycles of traffic, reloads and blows; at the end of each nothing is lost or doubled."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from streamwatchd.compiler import Compiled, compile_project
from streamwatchd.daemon.contents import content_of
from streamwatchd.ports.kafka import Kafka, NewTopic, Record
from streamwatchd.ports.librdkafka import Librdkafka
from tests.crashloop import project
from tests.crashloop.blows import STRIKES, Blows, Daemon
from tests.crashloop.kafka_log import Journal, Logs
from tests.crashloop.reenactment import Reenactment
from tests.kafka.process import free_port, read_letters
from tests.laws.engine import spread, without_storms
from tests.oracle.compare import Plain, as_oracle, by_law, differences, iso_ms, plain_topics
from tests.oracle.world import START_MS

SINKS = ("alerts", "kpis", "anomalies", "shadow", "late", "dead_letters")
OWN_TOPICS = ("exchange", "journal", "self_alerts", "heartbeat")
LARGEST_INPUT = 10_000.0
BAD_NEWS = ("worker_crashed", "worker_refused", "reload_crashed", "reload_refused", "file_refused")
"""What a daemon that is only killed has no reason to log."""
_TURN_S = 0.7
_PAUSES_MS = (5_000, 20_000, 1_200_000)
"""Event time between two cycles: sometimes more than versions are kept for."""
_CLOSING_MS = 40_000
_SETTLED_MS = 10_000
"""Closing records come so long after the last ones; what was said of times up to `_SETTLED_MS` after those counts."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a run is: `kills` a cycle, `density` events a partition and turn, `rules` random rules beside ours,
    `strikes` how often each kind of blow comes."""

    cycles: int = 4
    kills: int = 10
    shards: int = 3
    density: int = 8
    rules: int = 8
    snapshot_every: str = "1s"
    strikes: Mapping[str, int] = field(default_factory=lambda: STRIKES)


@dataclass(slots=True)
class Result:
    """What came of a run. `faults` are empty where nothing was lost, doubled or otherwise wrong."""

    kills: int = 0
    killed: int = 0
    blows: Counter[str] = field(default_factory=Counter)
    points: list[str] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    switches: int = 0
    moves: int = 0
    records: int = 0
    outputs: int = 0
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Run:
    """A daemon of its own with topics of its own, in `folder`."""

    def __init__(self, servers: str, folder: Path, seed: int, shape: Shape) -> None:
        self._kafka: Kafka = Librdkafka({"bootstrap.servers": servers})
        self._servers, self._folder, self._seed, self._shape = servers, folder, seed, shape
        self._rng = random.Random(seed)
        self._prefix = f"c{uuid.uuid4().hex[:10]}."
        self._world = project.random_world(seed, shape.rules) if shape.rules else None
        self._counts = project.PARTITIONS | (self._world.partitions if self._world else {})
        self._exchange_partitions = 3
        self._daemon = self._make_daemon()
        self._traffic = project.Traffic(seed, shape.density)
        self._edits = project.Edits(random.Random(seed + 1))
        self._blows = Blows(self._daemon, random.Random(seed + 2), self._edit, shape.strikes)
        self._contents: dict[str, Compiled] = {}
        self._first = self._remember()
        self._end_ms = START_MS
        self.result = Result()

    def _make_daemon(self) -> Daemon:
        admin = self._kafka.admin()
        admin.ensure_topics(NewTopic(self._prefix + topic, count) for topic, count in self._counts.items())
        admin.close()
        port, state = free_port(), self._folder / "state"
        settings = {
            "app": f"{self._prefix}app", "state_dir": str(state),
            # Half of the runs leave records of open transactions on the broker wherever it is killed.
            "kafka": {"bootstrap.servers": self._servers, "linger.ms": 10 * (self._seed // 4 % 2)},
            "shards": self._shape.shards, "listen": f"127.0.0.1:{port}", "snapshot_every": self._shape.snapshot_every,
            "commit_every": "100ms", "exchange_partitions": self._exchange_partitions,
            "topics": {name: self._prefix + name for name in (*SINKS, *OWN_TOPICS)},
        }  # fmt: skip
        config = project.write_project(self._folder, self._prefix, self._world, settings)
        return Daemon(config, port, self._folder / "log", state)

    # project and traffic

    def _remember(self) -> Compiled:
        """Compile the project as it is now, so that a version of it is known by its digest."""
        compiled = compile_project(self._daemon.config)
        errors = [each.message for each in compiled.loaded.diagnostics if each.is_error]
        content = content_of(compiled)
        assert content is not None
        assert not errors, errors
        self._contents[content.digest] = compiled
        return compiled

    def _edit(self) -> None:
        edit = self._edits.next()
        path = self._folder / edit.path
        if edit.text is None:
            path.unlink(missing_ok=True)
        else:
            temporary = self._folder / "edited"
            temporary.write_text(edit.text)
            temporary.replace(path)
        self._remember()

    def _send(self, records: list[Record]) -> None:
        writer = self._kafka.plain_writer()
        writer.send(msgspec.structs.replace(record, topic=self._prefix + record.topic) for record in records)
        writer.flush(60)
        writer.close()
        self.result.records += len(records)

    def _feed(self, begin_ms: int, over: threading.Event, least: int) -> None:
        """Traffic from event time `begin_ms` on, in a thread, until the blows are over."""
        theirs = self._theirs(begin_ms)
        at_ms, turns = begin_ms, 0
        while not over.is_set() or turns < least:
            at_ms += project.STRETCH_MS
            turns += 1
            due = [record for record in theirs if (record.timestamp_ms or 0) < at_ms]
            theirs = theirs[len(due) :]
            self._send(self._traffic.stretch(at_ms - project.STRETCH_MS) + due)
            if not over.is_set():
                time.sleep(_TURN_S)
        self._send(theirs)
        self._end_ms = max([at_ms, *(record.timestamp_ms or 0 for record in theirs)])

    def _theirs(self, begin_ms: int) -> list[Record]:
        if self._world is None:
            return []
        return project.world_records(self._world, self._rng.randrange(2**32), begin_ms, 100)

    # the run

    def run(self) -> Result:
        """Raises AssertionError when the daemon does not come back or does not go on."""
        begun = time.monotonic()
        try:
            self._daemon.start_and_wait()
            self._journal = Journal(self._kafka, f"{self._prefix}journal")
            self._inputs = Logs(self._kafka, [self._prefix + topic for topic in self._counts])
            self._again = Reenactment(self._first, dict.fromkeys(self._inputs.partitions), self._exchange_partitions)
            for number in range(self._shape.cycles):
                last = number + 1 == self._shape.cycles
                self._cycle(number, oracle=last)
                if self.result.faults:
                    break
            self._journal.close()
            self._inputs.close()
        finally:
            self._daemon.end()
            self._sum_up(time.monotonic() - begun)
        return self.result

    def _sum_up(self, seconds: float) -> None:
        self.result.kills, self.result.killed = self._daemon.kills, self._daemon.killed
        self.result.blows = Counter(each.split()[0] for each in self._blows.struck)
        self.result.points = sorted(self._blows.fired)
        self.result.calls = Counter(self._blows.calls)
        self.result.seconds = seconds
        for name in BAD_NEWS:
            self.result.faults += [f"{name}: {str(line)[:2000]}" for line in self._daemon.logged(name)]

    def _cycle(self, number: int, oracle: bool) -> None:
        over = threading.Event()
        begin_ms = self._newest_watermark() + self._rng.choice(_PAUSES_MS)
        feeder = threading.Thread(target=self._feed, args=(begin_ms, over, 8), daemon=True)
        feeder.start()
        while self._daemon.kills < (number + 1) * self._shape.kills:
            self._blows.rest()
            if self._rng.random() < 0.35:
                self._edit()
                time.sleep(self._rng.choice((0.0, 0.2, 0.3, 0.5)))
            self._blows.strike()
        over.set()
        feeder.join(60)
        self._send(project.closing(self._counts, self._end_ms + _CLOSING_MS))
        settled_ms = self._end_ms + _SETTLED_MS
        self._daemon.until(lambda: self._is_past(settled_ms), 180)
        self._judge(f"cycle {number}", settled_ms, oracle)

    def _newest_watermark(self) -> int:
        self._read()
        epochs = [records[-1] for records in self._journal.epochs if records]
        marks = [mark for record in epochs for task, mark in record.watermarks_ms.items() if task.stage == 1]
        return max([self._end_ms, *marks])

    def _read(self) -> None:
        self._again.add_records(self._inputs.read())
        for epochs in self._journal.read():
            self._again.add_epochs(epochs)

    def _is_past(self, settled_ms: int) -> bool:
        """Every shard has the same rules and has taken in everything, and every task's watermark is beyond."""
        time.sleep(0.3)
        self._blows.revive()
        self._read()
        last = [records[-1] for records in self._journal.epochs if records]
        tasks = {task for record in last for task in record.ranges}
        sources = sum(task.stage == 1 for task in tasks)
        if sources < sum(self._counts.values()) or len({record.version for record in last}) > 1:
            return False
        stages = 1 + len(self._program_of(last[0].content).plan.later)
        watermarks = [at for record in last for task, at in record.watermarks_ms.items() if task.stage <= stages]
        return min(watermarks) >= settled_ms

    def _program_of(self, digest: str):
        program = self._contents[digest].program
        assert program is not None
        return program

    # the verdict

    def _judge(self, name: str, settled_ms: int, oracle: bool) -> None:
        self._settled_ms = settled_ms
        self._again.play(self._contents)
        said = self.outputs()
        faults = [*self._journal.faults, *([f"{self._again.left} acts left"] if self._again.left else [])]
        faults += self.differences(said)
        mine = up_to(settled_ms, said)
        if oracle:
            names = {rule.name for rule in self._first.loaded.ruleset.rules} - project.MOVING
            several = spread(self._first, self._exchange_partitions)
            expected = without_storms(of_rules(names, up_to(settled_ms, self._again.oracle())), several)
            said = without_storms(of_rules(names, as_oracle(mine)), several)
            faults += differences(expected, said, LARGEST_INPUT)
        self.result.faults += [f"{name}: {fault}" for fault in faults]
        self.result.outputs = sum(map(len, mine.values()))
        self.result.switches, self.result.moves = len(self._again.switches), self._journal.moves

    def differences(self, said: dict[str, list[Plain]]) -> list[str]:
        """From what undisturbed shards say, up to the last time that is settled."""
        mine, played = up_to(self._settled_ms, said), up_to(self._settled_ms, self._again.engine())
        return differences(by_law(played), by_law(mine), LARGEST_INPUT)

    def outputs(self) -> dict[str, list[Plain]]:
        """All that a read_committed consumer sees."""
        letters = {name: read_letters(self._servers, self._prefix + name) for name in SINKS}
        values = {name: [value or b"" for _, value in letters[name]] for name in SINKS[:4]}
        return plain_topics(values, letters["late"], letters["dead_letters"])


def up_to(end_ms: int, found: dict[str, list[Plain]]) -> dict[str, list[Plain]]:
    """What was said of the time that is over for every task."""
    alerts = [alert for alert in found["alerts"] if _ms(alert["at"]) <= end_ms]
    rows = {name: [row for row in found[name] if _ms(_end(row["window"])) <= end_ms] for name in ("kpis", "anomalies")}
    return found | {"alerts": alerts} | rows


def _ms(time: object) -> int:
    return time if isinstance(time, int) else iso_ms(str(time))


def _end(window: object) -> object:
    return window["end"] if isinstance(window, dict) else window[1]  # type: ignore[index]


def _steady(document: Plain) -> Plain:
    context = document["context"]
    assert isinstance(context, dict)
    return document | {"context": {name: value for name, value in context.items() if name != "tier"}}


def of_rules(names: set[str], found: dict[str, list[Plain]]) -> dict[str, list[Plain]]:
    """What these said; of the context what the oracle knows: it has one version of each table."""
    alerts = [_steady(alert) for alert in found["alerts"] if alert["rule"] in names]
    rows = {
        sink: [_steady(row) for row in found[sink] if row[name] in names]
        for sink, name in {"kpis": "kpi", "anomalies": "anomaly"}.items()
    }
    return found | {"alerts": alerts} | rows
