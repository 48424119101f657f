"""Rules of every kind over two sources, the edits that are made while they run, and traffic for them.

The rules of `STEADY` stay as they are through a whole run; those of `PASSING` come, change and go, and the table
`tiers` changes under `by_tier`. Event time goes on in stretches of some seconds, as the loop asks for them.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from streamwatchd.operators.document import iso
from streamwatchd.ports.kafka import Record
from tests.crashloop.scored import CHANGES, CHANGING, SCORED, turned, write_models
from tests.oracle import reading
from tests.oracle.compare import iso_ms
from tests.oracle.random_records import draw_log
from tests.oracle.random_rules import World, build_world
from tests.oracle.world import START_MS

PARTITIONS = {"calls": 4, "links": 3}
MAX_DELAY_MS = 3_000
HOSTS = [f"h{number:02d}" for number in range(12)]
LINKS = [f"l{number}" for number in range(7)]
SITES = ("north", "south", "west")
STRETCH_MS = 5_000
"""Of event time, per partition, between two turns of the traffic."""

SOURCES = """
  calls:
    topic: {prefix}calls
    time: t
    unit: ms
    max_delay: 3s
    idle_after: 1s
    key: host
    fields: {{host: string, x: float, kind: string, n: int}}
    enrich: {{fleet: host, tiers: host}}
  links:
    topic: {prefix}links
    time: t
    unit: ms
    max_delay: 3s
    idle_after: 1s
    fields: {{link: string, state: string, load: float}}
"""

STEADY = """
source: calls
every: 5s
labels: {team: noc}
rules:
  - kpi: host_load
    by: host
    every: 10s
    values: {n: count(), mean: avg(x), high: p90(x), spread: stddev(x)}
  - kpi: site_load
    by: site
    every: 10s
    over: 30s
    values: {total: sum(x), hosts: distinct(host), worst: max(x)}
  - kpi: everything
    every: 5s
    values: {n: count(), big: ratio(x > 50)}
  - kpi: host_sessions
    by: host
    session: 12s
    values: {events: count(), top: max(x)}
  - kpi: link_sessions
    source: links
    by: link
    session: 10s
    values: {reports: count(), mean_load: avg(load)}

  - alarm: host_hot
    by: host
    values: {m: avg(x over 20s)}
    levels:
      critical: m > 62 for 15s
      warning: m > 50 for 5s until m < 44 for 10s
    message: "{host} at {m}"
  - alarm: site_hot
    by: site
    values: {m: avg(x over 30s), quiet: count(over 30s)}
    levels:
      critical: m > 56 for 10s until m < 52 for 5s
      warning: m > 50 until m < 48 for 15s
  - alarm: silent_host
    by: host
    when: count(over 10s) > 60
    no_data: alert after 20s
  - alarm: silent_link
    source: links
    by: link
    when: avg(load over 15s) > 80 for 5s
    no_data: resolve after 15s
  - alarm: ago
    by: site
    partial: true
    when: sum(x over 20s) > 1.3 * sum(x over 20s ago 40s) for 5s

  - alarm: spike
    by: host
    when: x > 92 until x < 30
    severity: major
  - alarm: held_spike
    by: host
    when: x > 60 for 4s until x < 35 for 2s
  - alarm: ordered
    by: host
    in_order: true
    when: x > 85 until x < 40
  - alarm: link_down
    source: links
    by: link
    when: state == "down" until state == "up" for 3s
    severity: critical
  - alarm: panic
    when: kind == "panic" and role == "core"

  - alarm: busy_site
    source: site_load
    by: site
    when: total > 2000 and hosts >= 3 for 10s
  - alarm: busy_host
    source: host_load
    by: host
    every: 10s
    when: max(high over 40s) > 90
  - alarm: all_busy
    source: site_load
    every: 10s
    when: sum(total over 30s) > 9000 for 10s until sum(total over 30s) < 7000
"""

BY_TIER = """
source: calls
every: 5s
rules:
  - kpi: by_tier
    by: tier
    every: 10s
    values: {n: count(), total: sum(x)}
  - alarm: tier_hot
    by: host
    where: tier == "gold"
    when: avg(x over 15s) > 55 for 5s
"""

PASSING = (
    "",
    """
source: calls
every: 5s
rules:
  - alarm: passing
    by: host
    values: {m: avg(x over 20s)}
    when: m > 48 for 5s
""",
    """
source: calls
every: 5s
rules:
  - alarm: passing
    by: host
    values: {m: avg(x over 20s)}
    when: m > 55 for 10s
  - kpi: passing_counts
    by: kind
    every: 5s
    values: {n: count()}
""",
    """
source: links
rules:
  - kpi: passing_links
    by: state
    every: 7s
    values: {n: count(), load: avg(load)}
  - alarm: passing_rows
    by: link
    when: load > 70 for 3s
""",
    """
rules:
  - kpi: passing_total
    source: site_load
    every: 10s
    values: {all: sum(total)}
  - alarm: passing_high
    source: passing_total
    every: 10s
    when: sum(all over 20s) > 3000 for 10s
""",
)
TIERS = (
    "host,tier\n" + "".join(f"{host},{'gold' if n % 3 else 'iron'}\n" for n, host in enumerate(HOSTS)),
    "host,tier\n" + "".join(f"{host},{'iron' if n % 2 else 'gold'}\n" for n, host in enumerate(HOSTS)),
    "host,tier\n" + "".join(f"{host},tin\n" for host in HOSTS[:7]),
)
FLEET = "host,site,role\n" + "".join(
    f"{host},{SITES[n % 3]},{'core' if n % 4 == 0 else 'edge'}\n" for n, host in enumerate(HOSTS)
)
MOVING = {"by_tier", "tier_hot", *CHANGES}
"""Rules that read the table or the model that changes."""


# --- files ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Edit:
    """A file below the project, and its new text; None where it goes."""

    path: str
    text: str | None


class Edits:
    """One file at a time: an unrelated rule comes, changes or goes, a table changes, a version of a model is taken or
    taken back, an equal rule set is written."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._passing, self._tiers, self._comments = 0, 0, 0
        self._good = {2: False, 3: False}

    def next(self) -> Edit:
        kind = self._rng.choice(("passing", "passing", "passing", "tiers", "model", "equal"))
        if kind == "model":
            version = self._rng.choice(list(self._good))
            self._good[version] = not self._good[version]
            return Edit(*turned(self._good[version], version))
        if kind == "passing":
            self._passing = self._other(self._passing, len(PASSING))
            return Edit("rules.d/passing.yaml", PASSING[self._passing] or None)
        if kind == "tiers":
            self._tiers = self._other(self._tiers, len(TIERS))
            return Edit("enrichment.d/tiers.csv", TIERS[self._tiers])
        self._comments += 1
        return Edit("rules.d/steady.yaml", f"# Edit {self._comments}: a comment means nothing.\n{STEADY}")

    def _other(self, now: int, count: int) -> int:
        return self._rng.choice([each for each in range(count) if each != now])


def write_project(folder: Path, prefix: str, world: World | None, settings: Mapping[str, object]) -> Path:
    """The files of a run, with the rules of `world` beside ours; returns the path of the settings."""
    for name in ("rules.d", "enrichment.d"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    write_models(folder / "models")
    files = {"rules.d/steady.yaml": STEADY, "rules.d/by_tier.yaml": BY_TIER}
    files |= {"rules.d/scored.yaml": SCORED, "rules.d/changing.yaml": CHANGING}
    for name, data in {"fleet": FLEET, "tiers": TIERS[0]}.items():
        files |= {f"enrichment.d/{name}.csv": data, f"enrichment.d/{name}.yaml": f"name: {name}\nfile: {name}.csv\n"}
    sources = SOURCES.format(prefix=prefix)
    if world is not None:
        files |= {f"rules.d/{name}.yaml": text for name, text in world.rules.items()}
        if world.calendars:
            (folder / "calendars.d").mkdir(exist_ok=True)
        files |= {f"calendars.d/{name}.yaml": text for name, text in world.calendars.items()}
        if world.silences:
            (folder / "silences.d").mkdir(exist_ok=True)
        files |= {f"silences.d/{name}.yaml": text for name, text in world.silences.items()}
        head, _, body = world.tables["devices"].rpartition("\n---\n")
        files["enrichment.d/devices.csv"] = body
        files["enrichment.d/devices.yaml"] = f"name: devices\nfile: devices.csv\n{head}\n"
        theirs = world.sources.replace("topic: ", f"idle_after: 1s\n  topic: {prefix}")
        sources += "".join(f"  {line}\n" for line in theirs.splitlines())
    for path, text in files.items():
        (folder / path).write_text(text)
    config = folder / "streamwatchd.yaml"
    heads = "".join(f"{name}: {json.dumps(value)}\n" for name, value in settings.items())
    config.write_text(f"{heads}sources:{sources}")
    return config


# --- traffic ----------------------------------------------------------------------------------------------------------


class Traffic:
    """Seeded: out of order within `max_delay`, some late, some malformed, hosts and partitions silent now and then."""

    def __init__(self, seed: int, density: int) -> None:
        """`density` events a partition and stretch, about."""
        self._rng = random.Random(seed)
        self._density = density
        self._tide = [self._rng.random() for _ in HOSTS]
        self._silent: dict[str, int] = {}

    def stretch(self, at_ms: int) -> list[Record]:
        """The records of the next `STRETCH_MS` of event time, the partitions by turns."""
        records = []
        for topic, count in PARTITIONS.items():
            for partition in range(count):
                if self._rng.random() > 0.08:
                    records += [self._record(topic, partition, time) for time in self._times(at_ms)]
        return sorted(records, key=self._arrival)

    def _arrival(self, record: Record) -> int:
        """Out of order by less than `max_delay`, but for the late."""
        delay = STRETCH_MS if self._rng.random() < 0.02 else MAX_DELAY_MS - 1
        return (record.timestamp_ms or 0) + self._rng.randrange(delay)

    def _times(self, at_ms: int) -> Iterator[int]:
        for _ in range(self._rng.randrange(self._density // 2, self._density * 3 // 2)):
            yield at_ms + self._rng.randrange(STRETCH_MS)

    def _record(self, topic: str, partition: int, time: int) -> Record:
        rng = self._rng
        event = self._call(partition, time) if topic == "calls" else self._link(time)
        payload: bytes | None = json.dumps(event).encode()
        if rng.random() < 0.02:
            far = json.dumps(event | {"t": 4_102_444_800_000}).encode()
            payload = rng.choice((payload[:-1], b"", None, b"[1]", b"\xff" + payload, far))
        return Record(topic, payload, None, partition, timestamp_ms=time)

    def _call(self, partition: int, time: int) -> dict[str, object]:
        rng = self._rng
        hosts = [host for host in HOSTS if zlib.crc32(host.encode()) % PARTITIONS["calls"] == partition]
        awake = [host for host in hosts if not self._sleeps(host, time)] or hosts[:1]
        host = rng.choice(awake or ["h99"])
        swing = abs(((time - START_MS) / 90_000 + int(host[1:]) * 0.37) % 2 - 1)
        x = round(100 * min(1.0, max(0.0, swing + rng.uniform(-0.25, 0.25))) * 4) / 4
        kind = "panic" if rng.random() < 0.01 else rng.choice(("a", "b", "c"))
        return {"t": time, "host": host, "x": x, "kind": kind, "n": rng.randrange(6)}

    def _sleeps(self, host: str, time: int) -> bool:
        """One host in eight is silent for half a minute now and then."""
        stretch = (time - START_MS) // 30_000
        return zlib.crc32(f"{host}/{stretch}".encode()) % 8 == 0

    def _link(self, time: int) -> dict[str, object]:
        rng = self._rng
        link = rng.choice([link for link in LINKS if not self._sleeps(link, time)] or LINKS)
        down = zlib.crc32(f"{link}:{(time - START_MS) // 20_000}".encode()) % 3 == 0
        state = rng.choice(("down", "down", "up") if down else ("up", "up", "up", "flap"))
        return {"t": time, "link": link, "state": state, "load": rng.randrange(401) / 4}


def closing(counts: Mapping[str, int], at_ms: int) -> list[Record]:
    """Events of nobody that carry every watermark on."""
    value = json.dumps({"t": at_ms, "ts": at_ms}).encode()
    return [
        Record(topic, value, None, partition, timestamp_ms=at_ms)
        for topic, count in counts.items()
        for partition in range(count)
    ]


def random_world(seed: int, rules: int) -> World:
    """Random rules at a scale of seconds."""
    for each in range(seed * 1_000, seed * 1_000 + 1_000):
        world = build_world(random.Random(each), each, rules=rules, records=4)
        if "every: 1s" in "".join(world.rules.values()) and max(world.partitions.values()) > 1:
            return world
    raise AssertionError("no such world")


def world_records(world: World, seed: int, at_ms: int, count: int) -> list[Record]:
    """Records for the rules of `world` from `at_ms` on, some `count` a partition, by their stamps."""
    rng, records = random.Random(seed), []
    for topic, partitions in world.partitions.items():
        keyed = f"topic: {topic}\n" in world.sources and "key: host" in world.sources.split(f"{topic}:\n")[1]
        for partition in range(partitions):
            log = draw_log(rng, 1_000, world.delays[topic], count, partition, partitions, keyed)
            records += [_later(topic, partition, item, at_ms) for item in log if isinstance(item, reading.Record)]
    return sorted(records, key=lambda record: record.timestamp_ms or 0)


def _later(topic: str, partition: int, record: reading.Record, at_ms: int) -> Record:
    """The same event, as long after `at_ms` as it is after START_MS."""
    by_ms, payload = at_ms - START_MS, record.payload
    try:
        event = json.loads(payload or b"")
        if isinstance(event["ts"], str):
            event["ts"] = iso(iso_ms(event["ts"]) + by_ms)
        else:
            event["ts"] += by_ms
        payload = json.dumps(event).encode()
    except (ValueError, TypeError, KeyError):
        pass  # malformed it stays
    return Record(topic, payload, None, partition, timestamp_ms=record.timestamp + by_ms)
