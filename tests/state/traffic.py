"""Calls of four hosts and reports of three links that bring every rule of `tests/cases/state/project` into state.

`t` counts seconds of event time from the start. What comes is a function of it, so a stretch is always the same.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

from streamwatchd.ports.kafka import Record

START_MS = 1_767_571_200_000
"""2026-01-05T00:00Z."""
PARTITIONS = {"calls": 2, "links": 2}
HOSTS, LINKS = "abcd", ("l0", "l1", "l2")
CROWD_AT_S = 20
CROWD = 1_200
"""Users in one second, more than are counted exactly."""


def stretch(begin_s: int, end_s: int) -> Iterator[Record]:
    """Records of [begin, end), in order of time but for a late one now and then."""
    for second in range(begin_s, end_s):
        yield from _calls(second)
        if second % 2 == 0:
            yield from _links(second)
        if second == CROWD_AT_S:
            yield from (_call(second, n % 1_000, "a", 40.0, user=f"u{n}") for n in range(CROWD))


def _calls(second: int) -> Iterator[Record]:
    for number, host in enumerate(HOSTS):
        if _is_silent(host, second):
            continue
        wave = 50 + 45 * math.sin((second + 17 * number) / 13)
        kind = "panic" if second % 41 == number else "odd" if second % 3 == number % 3 else "even"
        yield _call(second, 100 * number, host, round(wave, 3), kind=kind, n=(second * 7 + number) % 11)
    if second % 37 == 36:
        yield _call(second - 30, 0, "b", 1.0)
    if second % 53 == 52:
        yield Record("calls", b'{"t": "no time"}', b"a", 0, timestamp_ms=START_MS + 1_000 * second)


def _is_silent(host: str, second: int) -> bool:
    return host == "d" and second % 120 >= 70


def _call(second: int, ms: int, host: str, x: float, kind: str = "even", n: int = 1, user: str = "") -> Record:
    event = {"t": START_MS + 1_000 * second + ms, "host": host, "x": x, "kind": kind, "n": n}
    return _record("calls", event | {"user": user or f"v{second % 7}"}, host, HOSTS.index(host) % 2)


def _links(second: int) -> Iterator[Record]:
    for number, link in enumerate(LINKS):
        if number == 2 and second % 90 >= 60:
            continue
        state = "down" if (second + 20 * number) % 70 < 12 else "up"
        event = {"t": START_MS + 1_000 * second, "link": link, "state": state, "load": float(second % (40 + number))}
        yield _record("links", event, link, (second // 2 + number) % 2)


def _record(topic: str, event: dict[str, object], key: str, partition: int) -> Record:
    return Record(topic, json.dumps(event).encode(), key.encode(), partition, timestamp_ms=int(str(event["t"])))
