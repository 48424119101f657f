"""The answer of the reference job, computed from the file of events by the plainest loop there is.

    python -m benchmarks.ref1.oracle EVENTS.ndjson HOSTS.csv > ANSWER.ndjson

The first line of an answer says which watermark closed it. A row is one JSON object with `topic` (kpis or alerts),
the rule's name and its key. Required are all rows of windows that the watermark has closed: the least over the
partitions of their greatest event time, less 5 s. No event of this data is late.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

MINUTE_MS = 60_000
MAX_DELAY_MS = 5_000
CPU_WINDOW_MINUTES = 5
Row = dict[str, object]


class Event(msgspec.Struct):
    ts: int
    host: str
    service: str
    cpu: float
    latency_ms: float
    status: int


@dataclass(slots=True)
class Mean:
    """A sum and how many it is of."""

    total: float = 0.0
    count: int = 0

    def add(self, value: float, count: int = 1) -> None:
        self.total += value
        self.count += count


@dataclass(slots=True)
class Tally:
    """What the rules need of the events, by minute (event time // 60 s)."""

    latency: dict[tuple[int, str], Mean] = field(default_factory=lambda: defaultdict(Mean))  # by region
    errors: dict[tuple[int, str], Mean] = field(default_factory=lambda: defaultdict(Mean))  # by service
    cpu: dict[tuple[int, str], Mean] = field(default_factory=lambda: defaultdict(Mean))  # by host
    slow: list[Event] = field(default_factory=list)
    greatest: dict[int, int] = field(default_factory=dict)  # event time by partition


@dataclass(frozen=True, slots=True)
class Answer:
    """`rows` of all windows that end at or before `last_window_end`, which is the last one that `watermark` closes."""

    watermark: int
    last_window_end: int
    rows: list[Row]


def murmur2(data: bytes) -> int:
    """The hash of Kafka's Java client (org.apache.kafka.common.utils.Utils.murmur2), unsigned."""
    mask, multiplier = 0xFFFFFFFF, 0x5BD1E995
    result = (0x9747B28C ^ len(data)) & mask
    whole = len(data) // 4 * 4
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little") * multiplier & mask
        word = (word ^ word >> 24) * multiplier & mask
        result = result * multiplier & mask ^ word
    if len(data) > whole:
        result = (result ^ int.from_bytes(data[whole:], "little")) * multiplier & mask
    result = (result ^ result >> 13) * multiplier & mask
    return result ^ result >> 15


def partition_of(key: bytes, partitions: int) -> int:
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def read_hosts(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return {row["host"]: row for row in csv.DictReader(file)}


def read_events(path: Path) -> Iterator[Event]:
    decode = msgspec.json.Decoder(Event).decode
    with path.open("rb") as file:
        yield from map(decode, file)


def tally(events: Iterable[Event], hosts: dict[str, dict[str, str]], partitions: int) -> Tally:
    found = Tally()
    region = {host: row["region"] for host, row in hosts.items()}
    partition = {host: partition_of(host.encode(), partitions) for host in hosts}
    for event in events:
        minute = event.ts // MINUTE_MS
        found.latency[minute, region[event.host]].add(event.latency_ms)
        found.errors[minute, event.service].add(event.status >= 500)
        found.cpu[minute, event.host].add(event.cpu)
        if event.status == 500 and event.service == "svc-07" and event.latency_ms > 400:
            found.slow.append(event)
        here = partition[event.host]
        found.greatest[here] = max(event.ts, found.greatest.get(here, event.ts))
    return found


def region_rows(found: Tally, before: int) -> Iterator[Row]:
    for (minute, region), latency in found.latency.items():
        if minute < before:
            window = {"window_start": minute * MINUTE_MS, "window_end": (minute + 1) * MINUTE_MS}
            average = latency.total / latency.count
            yield {
                "topic": "kpis", "kpi": "region_latency", "region": region, **window,
                "avg": average, "count": latency.count,
            }  # fmt: skip


def error_rows(found: Tally, before: int) -> Iterator[Row]:
    for (minute, service), errors in found.errors.items():
        ratio = errors.total / errors.count
        if minute < before and ratio > 0.05:
            end = (minute + 1) * MINUTE_MS
            yield {"topic": "alerts", "rule": "error_ratio", "service": service, "window_end": end, "value": ratio}


def cpu_rows(found: Tally, before: int, hosts: dict[str, dict[str, str]]) -> Iterator[Row]:
    windows: dict[tuple[int, str], Mean] = defaultdict(Mean)
    for (minute, host), cpu in found.cpu.items():
        for last in range(minute, minute + CPU_WINDOW_MINUTES):
            windows[last, host].add(cpu.total, cpu.count)
    for (last, host), cpu in windows.items():
        average = cpu.total / cpu.count
        if last < before and average > 80:
            row = {"topic": "alerts", "rule": "host_cpu", "host": host, "window_end": (last + 1) * MINUTE_MS}
            yield row | {"region": hosts[host]["region"], "sla_tier": hosts[host]["sla_tier"], "value": average}


def slow_rows(found: Tally, hosts: dict[str, dict[str, str]]) -> Iterator[Row]:
    for event in found.slow:
        row = {"topic": "alerts", "rule": "slow_500", "host": event.host, "region": hosts[event.host]["region"]}
        yield row | {"ts": event.ts, "latency_ms": event.latency_ms}


def answer(events: Path, hosts_csv: Path, partitions: int = 4) -> Answer:
    hosts = read_hosts(hosts_csv)
    found = tally(read_events(events), hosts, partitions)
    watermark = min(found.greatest.values()) - MAX_DELAY_MS
    before = (watermark + 1) // MINUTE_MS  # a window is closed once the watermark is at or past its end - 1 ms
    rows = [*region_rows(found, before), *error_rows(found, before), *cpu_rows(found, before, hosts)]
    return Answer(watermark, before * MINUTE_MS, rows + list(slow_rows(found, hosts)))


def main() -> None:
    result = answer(Path(sys.argv[1]), Path(sys.argv[2]))
    head = {"watermark": result.watermark, "last_window_end": result.last_window_end}
    for row in [head, *result.rows]:
        sys.stdout.write(msgspec.json.encode(row).decode() + "\n")


if __name__ == "__main__":
    main()
