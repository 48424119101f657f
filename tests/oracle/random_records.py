"""Random records of one partition, and random calendars."""

from __future__ import annotations

import json
import random
import zlib
from datetime import UTC, datetime

from tests.oracle.reading import LogItem, MarkAt, Record
from tests.oracle.world import START_MS

HOSTS = ("a", "b", "c", "d")
SITES = ("x", "y")
KINDS = ("k1", "k2", "k3")


def draw_log(
    rng: random.Random,
    unit: int,
    delay: int,
    count: int,
    partition: int,
    partitions: int,
    keyed: bool,
    late: float = 0.06,
    start_ms: int = START_MS,
) -> list[LogItem]:
    """Records of one partition: out of order within the delay, some late, some malformed, ties and gaps."""
    hosts = [h for h in HOSTS if not keyed or zlib.crc32(h.encode()) % partitions == partition]
    log: list[LogItem] = []
    clock = start_ms + rng.randrange(3) * unit
    offset = 0
    for _ in range(count):
        clock += rng.choice((0, unit // 10, unit // 4, unit // 2, unit))
        if rng.random() < 0.02:
            clock += unit * rng.choice((10, 25, 60))
        time = clock - rng.randrange(delay + 1) if delay and rng.random() < 0.6 else clock
        if rng.random() < late:
            time -= delay + rng.randrange(4 * unit)
        if rng.random() < 0.4:
            time = time // (unit // 2) * (unit // 2)
        offset += rng.choice((1, 1, 1, 2))
        log.append(Record(_payload(rng, time, hosts), offset, clock))
        if rng.random() < 0.01:
            log.append(MarkAt(clock + rng.randrange(unit)))
    return log


def _payload(rng: random.Random, time: int, hosts: list[str]) -> bytes | None:
    event: dict[str, object] = {
        "ts": time,
        "host": rng.choice(hosts) if hosts and rng.random() < 0.95 else None,
        "site": rng.choice((*SITES, None)),
        "x": rng.randrange(401) / 4,
        "y": rng.choice((None, rng.randrange(-20, 21))),
        "n": rng.randrange(6),
        "ok": rng.choice((True, False, None)),
        "kind": rng.choice(KINDS),
    }
    for name in ("site", "y", "n", "ok", "kind"):
        if rng.random() < 0.08:
            del event[name]
    if rng.random() < 0.2:
        event["ts"] = _iso(time)
    if rng.random() < 0.04:
        return _malformed(rng, event)
    return json.dumps(event).encode()


def _iso(time: int) -> str:
    return datetime.fromtimestamp(time // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{time % 1000:03d}Z"


def _malformed(rng: random.Random, event: dict[str, object]) -> bytes | None:
    good = json.dumps(event).encode()
    return rng.choice(
        (
            good[:-1],
            b"",
            None,
            b"[1, 2]",
            b'"text"',
            good + b"\n" + good,
            json.dumps(event | {"x": "5"}).encode(),
            json.dumps(event | {"host": 7}).encode(),
            json.dumps(event | {"ts": "soon"}).encode(),
            json.dumps({k: v for k, v in event.items() if k != "ts"}).encode(),
            good.replace(b'"x": ', b'"x": NaN, "z": '),
            b"\xff\xfe" + good,
            json.dumps(event, indent=1).encode(),
            json.dumps(event | {"kind": 5, "ok": "yes", "n": "many", "more": {"deep": [1, None]}}).encode(),
        )
    )


def draw_calendar(rng: random.Random, unit: int) -> str:
    """Single stretches in UTC."""
    lines = ["during:"]
    for _ in range(rng.choice((1, 2, 3))):
        start = START_MS + rng.randrange(40) * unit
        end = start + rng.choice((1, 2, 5, 9)) * unit
        times = [datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S") for at in (start, end)]
        lines.append(f'  - {{from: "{times[0]}", to: "{times[1]}"}}')
    return "\n".join(lines) + "\n"
