"""The yardstick is straight: seeded events, an oracle that agrees with another one, a checker that notices."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from benchmarks.ref1 import answers, events, oracle

SMALL = events.Shape(hosts=200, rate=400, hot=10)
MINUTES = 6
EVENTS = SMALL.rate * (60 * MINUTES + 6)
PEERS = Path(os.environ.get("STREAMWATCHD_BENCH_PEERS", Path(__file__).parents[3] / "shared" / "bench"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return events.write(tmp_path_factory.mktemp("ref1"), EVENTS, SMALL)


@pytest.fixture(scope="module")
def answer(data: Path) -> oracle.Answer:
    return oracle.answer(data, data.with_name("hosts.csv"))


def test_a_smaller_set_is_the_beginning_of_a_larger_one() -> None:
    """Also where it ends inside a block."""
    small = pl.concat(events.blocks(40_000, SMALL))
    assert pl.concat(events.blocks(70_000, SMALL)).head(40_000).equals(small)


def test_events_are_what_the_job_says(data: Path) -> None:
    """At most 4.9 s out of order, so none is late; every host is in the inventory; one service fails."""
    frame = pl.read_ndjson(data)
    assert (frame["ts"].cum_max() - frame["ts"]).max() < 5_000  # type: ignore[operator]
    assert set(frame["host"]) == set(pl.read_csv(data.with_name("hosts.csv"))["host"])
    minute = (pl.col("ts") - events.START_MS) // 60_000
    failing = frame.filter(pl.col("service") == "svc-17").group_by(minute).agg((pl.col("status") >= 500).mean())
    assert {row[0] for row in failing.rows() if row[1] > 0.05} == {2, 3, 4}


def test_the_answer_holds_every_kind_of_row(answer: oracle.Answer) -> None:
    """8 regions over 6 minutes, one failing service in three of them, hot hosts, slow failures."""
    names = [row.get("rule") or row["kpi"] for row in answer.rows]
    assert names.count("region_latency") == 8 * MINUTES
    assert {row["service"] for row in answer.rows if row.get("rule") == "error_ratio"} >= {"svc-17"}
    assert names.count("host_cpu") > 20
    assert names.count("slow_500") > 2


@pytest.mark.parametrize(
    ("key", "expected"), [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536)]
)
def test_murmur2_is_kafkas(key: bytes, expected: int) -> None:
    """The values are those of Kafka's own test, UtilsTest.testMurmur2."""
    assert oracle.murmur2(key) == expected & 0xFFFFFFFF


def test_the_oracle_agrees_with_the_other_one(data: Path, answer: oracle.Answer, tmp_path: Path) -> None:
    """Another program, written by others with a data-frame library, gives the same rows for the same file."""
    if not (PEERS / "reference.py").exists():
        pytest.skip("the other oracle is not on this machine (STREAMWATCHD_BENCH_PEERS says where)")
    python = os.environ.get("STREAMWATCHD_BENCH_PYTHON", sys.executable)
    if python == sys.executable and importlib.util.find_spec("orjson") is None:
        pytest.skip("the other oracle needs orjson (STREAMWATCHD_BENCH_PYTHON names a Python that has it)")
    subprocess.run([python, PEERS / "reference.py", data.parent, str(EVENTS)], check=True, stdout=subprocess.PIPE)
    lines = data.with_name(f"reference-{EVENTS}.ndjson").read_text(encoding="utf-8").splitlines()
    meta, *rows = map(json.loads, lines)
    assert (meta["watermark"], meta["last_window_end"]) == (answer.watermark, answer.last_window_end)
    verdict = answers.compare(answer, rows)
    assert verdict.passed, verdict


def test_the_checker_notices(answer: oracle.Answer) -> None:
    """A missing, a changed, an invented and a doubled row each fail; an open window's row does not."""
    rows = answer.rows
    assert answers.compare(answer, rows).passed
    assert len(answers.compare(answer, rows[1:]).missing) == 1
    changed = {**rows[0], "avg": float(str(rows[0]["avg"])) * (1 + 1e-8)}
    assert len(answers.compare(answer, [changed, *rows[1:]]).wrong) == 1
    assert len(answers.compare(answer, [*rows, {**rows[0], "region": "nowhere"}]).extra) == 1
    assert answers.compare(answer, [*rows, rows[0]]).doubled == 1
    open_window = {**rows[0], "window_end": answer.last_window_end + 60_000}
    verdict = answers.compare(answer, [*rows, open_window])
    assert verdict.passed
    assert verdict.tail == 1


def test_more_partitions_can_only_hold_the_watermark_back(data: Path, answer: oracle.Answer) -> None:
    """The least of more partitions is never further on."""
    single = oracle.answer(data, data.with_name("hosts.csv"), partitions=1)
    assert single.watermark >= answer.watermark
    assert dataclasses.replace(single, watermark=0).rows == answer.rows
