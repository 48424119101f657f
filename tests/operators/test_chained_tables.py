"""Tables that are joined on what another table says, and on fields that nobody declared."""

from __future__ import annotations

import pytest

from streamwatchd.shard.output import Sink
from tests.operators.bench import Bench

TABLES = {
    "devices": "host,role,pair\na,core,z\nb,edge,a\nc,lost,\n",
    "roles": "role,limit\ncore,50\nedge,70\n",
    "peers": "pair,weight\nz,9\na,4\n",
}
SOURCES = """\
m: {topic: m, time: ts, unit: ms, max_delay: 1s, key: host, enrich: {ENRICH}, fields: {host: string, x: float}}
other: {topic: other, time: ts, unit: ms, max_delay: 1s}
"""


def chained(rules: str, enrich: str = "devices: host, roles: role", **more: int) -> Bench:
    return Bench(rules, tables=TABLES, sources=SOURCES.replace("ENRICH", enrich), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("enrich", ["devices: host, roles: role", "roles: role, devices: host"])
def test_a_table_joins_on_another_tables_column(enrich: str) -> None:
    """In whatever order they are written; a key that the first table does not know has no row of the second."""
    bench = chained("  - {alarm: hot, by: host, when: x > limit}\n", enrich)
    bench.at(1, host="a", x=60).at(2, host="b", x=60).at(3, host="c", x=60).at(4, host="d", x=60).clock(5)
    assert bench.alerts() == ["1 hot fired warning a"]


def test_it_is_there_where_windows_of_a_key_are_judged_and_where_kpis_are_read() -> None:
    """By way of the key, from one partition or several."""
    rules = """\
  - {alarm: window, by: host, when: 'avg(x over 10s) > limit', message: "{role} {limit}"}
  - {kpi: mean, by: host, every: 10s, values: {v: avg(x)}}
  - {alarm: row, source: mean, by: host, when: v > limit}
"""
    for partitions in (1, 2):
        bench = chained(rules, partitions=partitions)
        bench.at(1, host="a", x=60).at(2, host="b", x=60, partition=partitions - 1).restart()
        bench.at(12, host="a", x=60).at(12, host="b", x=60, partition=partitions - 1).clock(22)
        assert sorted(bench.alerts()) == ["20 window fired warning a", "9.999 row fired warning a"]


def test_keys_that_are_a_column_of_one_table_find_the_row_of_the_other() -> None:
    """`role` is the key here, and what `roles` is joined on."""
    rules = "  - {kpi: load, by: role, every: 10s, values: {n: count()}}\n"
    rules += "  - {alarm: few, source: load, by: role, when: n < limit}\n"
    bench = chained(rules).at(1, host="a", x=1).at(2, host="b", x=1).clock(10)
    assert sorted(bench.alerts()) == ["9.999 few fired warning core", "9.999 few fired warning edge"]


def test_a_declared_field_is_not_looked_for_in_tables() -> None:
    sources = SOURCES.replace("ENRICH", "devices: host, roles: role").replace("x: float", "x: float, role: string")
    bench = Bench("  - {alarm: hot, by: host, when: x > limit}\n", tables=TABLES, sources=sources)
    bench.at(1, host="b", role="core", x=60).clock(5)
    assert bench.alerts() == ["1 hot fired warning b"]


def test_a_field_that_nobody_declared_is_read_for_the_join_alone() -> None:
    """No rule names it otherwise."""
    bench = chained("  - {kpi: most, every: 10s, values: {w: max(weight)}}\n", "peers: peer")
    bench.at(1, host="a", x=1, peer="a").at(2, host="a", x=1).clock(10)
    assert bench.rows() == ["0-10 most w=4"]


def test_tables_that_join_on_each_other_read_fields() -> None:
    """There is nowhere to begin but the event."""
    bench = chained("  - {kpi: most, every: 10s, values: {w: max(weight)}}\n", "devices: pair, peers: pair")
    bench.at(1, host="a", x=1, pair="z").clock(10)
    assert bench.documents(Sink.KPIS)[0]["values"] == {"w": None}


def test_a_row_that_is_required_may_be_found_by_way_of_another_table() -> None:
    """`missing: drop` drops events whose role has no row."""
    tables = TABLES | {"roles": "missing: drop\n---\nrole,limit\ncore,50\n"}
    sources = SOURCES.replace("ENRICH", "devices: host, roles: role")
    bench = Bench("  - {kpi: all, every: 10s, values: {n: count()}}\n", tables=tables, sources=sources)
    bench.at(1, host="a", x=1).at(2, host="b", x=1).at(3, host="d", x=1).clock(10)
    assert bench.rows() == ["0-10 all n=1"]
