"""The whole script through the daemon's own shards: every incident is alarmed, no near miss is, nothing is lost."""

from __future__ import annotations

from collections import Counter

import pytest

from streamwatchd.compiler import compile_project
from streamwatchd.demo.project import SHIPPED
from streamwatchd.demo.record import batches
from streamwatchd.demo.traffic import Nature, Traffic
from streamwatchd.demo.verdict import Verdict, judge
from streamwatchd.operators.document import iso
from streamwatchd.shard.output import Output, Sink
from streamwatchd.testing.driver import Driver
from tests.demo.conftest import START_MS
from tests.published import misfits

PARTITIONS = 4


@pytest.fixture(scope="module")
def outputs(traffic: Traffic) -> list[Output]:
    compiled = compile_project(SHIPPED)
    assert compiled.program is not None
    partitions = {records.kind.topic: PARTITIONS for records in traffic.sources}
    driver = Driver(compiled.program, compiled.loaded.tables, partitions, shards=2, now_ms=traffic.shape.end_ms)
    for batch in batches(traffic, PARTITIONS):
        driver.feed(batch)
    return driver.take_outputs()


@pytest.fixture(scope="module")
def verdict(traffic: Traffic, outputs: list[Output]) -> Verdict:
    rules = frozenset(rule.name for rule in compile_project(SHIPPED).loaded.ruleset.rules)
    alerts, kpis = ([o.value for o in outputs if o.sink is sink] for sink in (Sink.ALERTS, Sink.KPIS))
    return judge(traffic.incidents, rules, traffic.shape.start_ms, alerts, kpis)  # type: ignore[arg-type]


def test_every_incident_of_the_shipped_rules_is_found(verdict: Verdict) -> None:
    """With all its severities, in time."""
    found = {f.incident.name: f.said for f in verdict.findings if f.incident.outcome != "quiet"}
    assert len(found) >= 9
    assert {f.incident.name: f.said for f in verdict.findings if not f.good} == {}


def test_no_near_miss_is_alarmed_and_nothing_else_either(verdict: Verdict) -> None:
    """Neither those of the script nor any other key at any other time."""
    assert sum(f.incident.outcome == "quiet" for f in verdict.findings) >= 10
    assert verdict.strays == ()


def test_late_events_and_poison_are_all_accounted_for(traffic: Traffic, outputs: list[Output]) -> None:
    """As many as were put in, source by source."""
    found = Counter((output.sink, dict(output.headers).get("source")) for output in outputs)
    for records in traffic.sources:
        assert found[Sink.LATE, records.kind.name] == records.count(Nature.LATE)
        assert found[Sink.DEAD_LETTERS, records.kind.name] == records.count(Nature.FLAWED)


@pytest.mark.parametrize(("sink", "schema"), [(Sink.ALERTS, "alert"), (Sink.KPIS, "kpi")])
def test_what_comes_out_fits_its_schema(outputs: list[Output], sink: Sink, schema: str) -> None:
    """Every document, with the `emitted_at` that its writer adds."""
    documents = [output.value for output in outputs if output.sink is sink]
    assert documents
    stamped = [document | {"emitted_at": iso(START_MS)} for document in documents if isinstance(document, dict)]
    assert len(stamped) == len(documents)
    assert misfits(schema, stamped) == []


def test_every_host_and_region_has_its_row_each_minute(traffic: Traffic, outputs: list[Output]) -> None:
    """KPI rows of whole minutes: none missing, none twice."""
    begin = iso(START_MS)
    rows = [output.value for output in outputs if output.sink is Sink.KPIS]
    rows = [row for row in rows if row["window"]["start"] >= begin]  # type: ignore[index, call-overload]
    keys = Counter((row["kpi"], str(row["key"]), row["window"]["end"]) for row in rows)  # type: ignore[index, call-overload]
    assert set(keys.values()) == {1}
    counts = Counter(kpi for kpi, _, _ in keys)
    minutes = traffic.shape.seconds // 60 - 1  # the last one is still open
    assert counts["health"] == 73 * minutes
    assert counts["api_response_time"] == 5 * minutes
    assert counts["transactions"] == 12 * minutes
