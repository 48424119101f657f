"""Rule sets of any size: a few shapes with other constants for other services, and many windows on one field."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.ref1 import events

TRAFFIC = events.Shape(hosts=2_000, services=2_500, rate=1_000, hot=20)
EVERY = "10s"

SETTINGS = """\
kafka:
  bootstrap.servers: 127.0.0.1:9092
sources:
  requests:
    topic: requests
    time: ts
    unit: ms
    max_delay: 5s
    key: host
    fields:
      host: string
      service: string
      cpu: {type: float, unit: percent}
      mem: {type: float, unit: percent}
      latency_ms: {type: float, unit: ms}
      status: int
    enrich: {hosts: host}
"""

TABLE = "file: hosts.csv\nkey: host\n"

AT_ONCE = """\
  - alarm: slow_failure_{n}
    by: [host, service]
    when: status >= 500 and latency_ms > {latency} and service == "svc-{service:02d}"
"""
KEYED_WINDOW = """\
  - alarm: busy_{n}
    by: host
    where: service == "svc-{service:02d}"
    when: avg(cpu over 5m) > {cpu}
"""
SHUFFLED_WINDOW = """\
  - alarm: failing_{n}
    by: service
    where: service == "svc-{service:02d}"
    when: ratio(status >= 500 over 2m) > {share}% and count(over 2m) > 5
"""
KPI = """\
  - kpi: latency_{n}
    by: region
    where: service == "svc-{service:02d}"
    every: 1m
    values:
      average: avg(latency_ms)
      requests: count()
"""
SHAPES = (AT_ONCE, KEYED_WINDOW, SHUFFLED_WINDOW, KPI)


def many_rules(count: int) -> Iterator[str]:
    """The shapes in turn; each time round the next service and other constants."""
    for n in range(count):
        turn = n // len(SHAPES)
        service = turn % TRAFFIC.services
        constants = {"latency": 300 + turn % 200, "cpu": 85 + turn % 10, "share": 5 + turn % 20}
        yield SHAPES[n % len(SHAPES)].format(n=n, service=service, **constants)


def many_windows(count: int) -> Iterator[str]:
    """One field, `count` windows of 30 s to 40 min."""
    for n in range(1, count + 1):
        yield f"  - alarm: window_{n}\n    by: host\n    when: avg(cpu over {30 * n}s) > {80 + n % 15}\n"


def write(folder: Path, rules: Iterator[str]) -> Path:
    """A whole project; returns its streamwatchd.yaml."""
    for name in ("rules.d", "enrichment.d"):
        (folder / name).mkdir(parents=True)
    events.inventory(TRAFFIC).write_csv(folder / "enrichment.d" / "hosts.csv")
    (folder / "enrichment.d" / "hosts.yaml").write_text(TABLE, encoding="utf-8")
    header = f"source: requests\nevery: {EVERY}\nrules:\n"
    (folder / "rules.d" / "rules.yaml").write_text(header + "".join(rules), encoding="utf-8")
    config = folder / "streamwatchd.yaml"
    config.write_text(SETTINGS, encoding="utf-8")
    return config
