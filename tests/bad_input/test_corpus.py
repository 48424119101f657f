"""Thousands of malformed records, as 1 % of traffic: none does harm, none is lost."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

from streamwatchd.batch import RawBatch
from streamwatchd.compiler import compile_project
from streamwatchd.shard.output import Sink
from streamwatchd.testing.driver import Driver
from tests.bad_input.corpus import corpus, mixed
from tests.oracle.world import START_MS, write_project

SOURCE = "m: {topic: m, time: ts, unit: ms, key: host, max_delay: 1s, fields: {host: string, x: float, ok: bool}}"
RULES = "source: m\nrules:\n  - {kpi: k, by: host, every: 10s, values: {n: count(), s: sum(x)}}\n"
CASES = 2_500
BATCH = 20_000
REASONS = {"empty", "bad_utf8", "too_deep", "bad_json", "not_an_object", "wrong_type", "too_long", "missing_time"} | {
    "bad_time",
    "future_time",
}


def test_malformed_records_become_dead_letters(tmp_path: Path) -> None:
    """2,500 different ones: each with its bytes, reason, topic, partition and offset; every good one counts, once."""
    compiled = compile_project(write_project(tmp_path, SOURCE, {"rules": RULES}, {}))
    assert compiled.program is not None
    source = compiled.loaded.ruleset.sources["m"]
    example = json.dumps({"ts": START_MS, "host": "h1", "x": 1.5, "ok": True, "note": "a é"}, ensure_ascii=False)
    bad = corpus(source, example.encode(), CASES)
    good = (json.dumps({"ts": START_MS + n, "host": f"h{n % 9}", "x": 1}).encode() for n in itertools.count())
    traffic = list(mixed(good, bad, 0.01))
    assert CASES / len(traffic) > 0.009
    driver = Driver(compiled.program, compiled.loaded.tables, {"m": 1}, now_ms=START_MS + 10_000_000)
    for at in range(0, len(traffic), BATCH):
        payloads = [payload for payload, _ in traffic[at : at + BATCH]]
        driver.feed(RawBatch("m", 0, payloads, range(at, at + len(payloads)), [START_MS] * len(payloads)))
    driver.flush()
    letters = {int(dict(o.headers)["offset"]): o for o in driver.outputs if o.sink is Sink.DEAD_LETTERS}
    expected = {offset: spoilt for offset, (_, spoilt) in enumerate(traffic) if spoilt is not None}
    assert letters.keys() == expected.keys()
    for offset, spoilt in expected.items():
        headers = dict(letters[offset].headers)
        assert letters[offset].value == spoilt.payload
        assert (headers["source"], headers["topic"], headers["partition"]) == ("m", "m", "0")
        assert headers["reason"].split(":")[0] in REASONS
    rows = [o.value for o in driver.outputs if o.sink is Sink.KPIS]
    assert sum(row["values"]["n"] for row in rows) == len(traffic) - CASES  # type: ignore[call-overload,index,misc]
