"""What crosses the exchange: in records that Kafka takes, whatever the number of keys, rows and their size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamwatchd.batch import RawBatch
from streamwatchd.compiler import compile_project
from streamwatchd.operators.asking import BEGINNING, FOREVER
from streamwatchd.shard.exchange import PaneItem, RowsItem, WatermarkItem, _named, read_record
from streamwatchd.shard.output import ExchangeRecord, Mark, TaskId
from streamwatchd.shard.shard import Shard
from tests.oracle.world import START_MS, write_project

SOURCE = "metrics: {topic: metrics, time: ts, unit: ms, max_delay: 5s, key: host}"
PANES = """
rules:
  - kpi: load
    source: metrics
    by: site
    every: 10s
    values: {n: count(), high: p99(x), kinds: distinct(text), latest: last(text)}
"""
ROWS = "rules: [{alarm: hot, source: metrics, by: site, when: x > 90 for 10s, values: {text: text}}]"
LARGEST = 1_000_000


def sent(folder: Path, rules: str, sites: int, events: int, text: str) -> list[ExchangeRecord]:
    """What a shard sends of `events` events on each of `sites` sites within a window."""
    compiled = compile_project(write_project(folder, SOURCE, {"rules": rules}, {}))
    assert compiled.program is not None, compiled.loaded.diagnostics
    task = TaskId(1, "metrics", 0)
    shard = Shard(compiled.program, compiled.loaded.tables, [task], {"metrics": 1}, 2)
    payloads = [
        json.dumps(
            {"ts": START_MS, "host": "h", "site": f"s{site}", "x": 97 + 3**number, "text": f"{site}{text}{number}"}
        )
        for number in range(events)
        for site in range(sites)
    ]
    size = len(payloads)
    shard.step(RawBatch("metrics", 0, [p.encode() for p in payloads], range(size), [START_MS] * size), START_MS)
    shard.mark(Mark(task, -1, START_MS + 60_000))
    return shard.drain()[1]


@pytest.mark.parametrize("rules", [PANES, ROWS], ids=["panes", "rows"])
@pytest.mark.parametrize(("sites", "events", "text"), [(9_000, 2, "short"), (500, 4, "long" * 2_000)])
def test_no_record_is_larger_than_kafka_takes(tmp_path: Path, rules: str, sites: int, events: int, text: str) -> None:
    """Every key or row is in one of them, and the watermark is behind all."""
    records = sent(tmp_path, rules, sites, events, text)
    assert len(records) > 2
    assert max(len(record.payload) for record in records) < LARGEST
    items = [(record.partition, item) for record in records for item in read_record(record.payload)[1]]
    keys = [tuple(key) for _, item in items if isinstance(item, PaneItem) for key in item.keys]
    rows = sum(len(item.frame[0]) for _, item in items if isinstance(item, RowsItem))
    assert (len(keys), len(set(keys)), rows) == ((sites, sites, 0) if rules is PANES else (0, 0, sites * events))
    last = dict(items)
    assert all(isinstance(item, WatermarkItem) for item in last.values())
    parts = [(partition, item.index, item.part) for partition, item in items if isinstance(item, PaneItem)]
    assert len(set(parts)) == len(parts)


def test_a_partial_without_an_instant_is_of_the_newest_family() -> None:
    """As records of earlier versions, that are still in the topic, have it."""
    assert _named("family:1") == ("family:1", FOREVER)
    assert _named("family:1@") == ("family:1", BEGINNING)
    assert _named("family:1@-5") == ("family:1", -5)
