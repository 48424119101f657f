"""Keys from a table: silence from the first second on, rows that come and go."""

from __future__ import annotations

import pytest

from tests.operators.bench import Bench

SILENT = "  - {alarm: silent, by: host, expect: devices, when: count(over 30s) == 0}\n"
CRITICAL = SILENT.replace("expect: devices", 'expect: "devices where role == critical"')
THREE = {"devices": "host,role,weight\na,critical,2\nb,spare,0.5\nc,critical,1\n"}
TWO = {"devices": "host,role,weight\na,critical,2\nb,spare,0.5\n"}


def test_a_key_that_was_never_heard_of_fires_one_window_after_the_first_watermark() -> None:
    """The first event, of another host, at 5 s leaves the watermark at 4 s: known from then on."""
    bench = Bench(SILENT, tables=TWO).series(range(5, 60), host="a")
    assert bench.alerts() == ["40 silent fired warning b"]


def test_only_rows_of_the_table_are_keys() -> None:
    """A host that speaks and is not in the inventory is not judged when it falls silent."""
    bench = Bench(CRITICAL, tables=THREE).at(5, host="z").series(range(6, 60), host="c").clock(120)
    assert sorted(bench.alerts()) == ["40 silent fired warning a", "90 silent fired warning c"]


def test_it_clears_with_the_first_event_and_fires_again() -> None:
    """As any alarm does."""
    bench = Bench(SILENT, tables=TWO).series(range(0, 200, 2), host="a").at(199, host="a")
    bench.at(201, host="b").series(range(202, 300, 2), host="a")
    assert bench.alerts() == [
        "30 silent fired warning b",
        "210 silent resolved warning b cleared",
        "240 silent fired warning b",
    ]


@pytest.mark.parametrize("restarts", [False, True])
def test_rows_that_come_and_go(restarts: bool) -> None:
    """A row that appears has a window of its own; one that leaves retires its key at once."""
    bench = Bench(SILENT, tables=TWO).series(range(0, 60, 2), host="a")
    bench.change(SILENT, tables=THREE)
    if restarts:
        bench.restart()
    bench.series(range(60, 120, 2), host="a")
    if restarts:
        bench.restart()
    bench.change(SILENT, tables={"devices": "host,role,weight\na,critical,2\n"})
    bench.series(range(120, 140, 2), host="a")
    # the change comes into force just above 58 s
    assert sorted(bench.alerts()) == [
        "120 silent resolved warning b retired",
        "120 silent resolved warning c retired",
        "30 silent fired warning b",
        "90 silent fired warning c",
    ]


def test_an_edit_of_the_rule_does_not_begin_the_wait_anew() -> None:
    """Whoever was expected stays so."""
    bench = Bench(SILENT, tables=TWO).series(range(0, 24, 2), host="a").restart()
    bench.change(SILENT.replace("== 0", "<= 0")).series(range(24, 60, 2), host="a").restart().clock(70)
    assert bench.alerts()[:1] == ["30 silent fired warning b"]


def test_a_rule_that_comes_later_waits_from_then_on() -> None:
    """The instant at which it takes effect is the first at which it expects anybody."""
    other = "  - {kpi: k, by: host, every: 10s, values: {n: count()}}\n"
    bench = Bench(other, tables=TWO).series(range(0, 40, 2), host="a")
    bench.change(other + SILENT).series(range(40, 100, 2), host="a")
    assert bench.alerts() == ["70 silent fired warning b"]


def test_what_where_says_of_keys_alone_retires_too() -> None:
    """A host that is no longer critical is not judged any more."""
    rule = SILENT.replace("when", "where: role == critical and x > 1, when")
    bench = Bench(rule, tables=THREE).series(range(0, 60, 2), host="a", x=5)
    spare = {"devices": THREE["devices"].replace("c,critical", "c,spare")}
    bench.change(rule, tables=spare).series(range(60, 80, 2), host="a", x=5)
    assert bench.alerts() == ["30 silent fired warning c", "60 silent resolved warning c retired"]


def test_silence_of_a_key_never_heard_of_is_no_data_too() -> None:
    """`no_data` waits as long for it as for others, and no longer than it has been expected."""
    rule = "  - {alarm: hot, by: host, expect: devices, when: avg(x over 10s) > 50%, no_data: alert after 40s}\n"
    bench = Bench(rule, tables=TWO).at(3, host="z").clock(100)
    assert sorted(bench.alerts()) == ["50 hot no_data warning a", "50 hot no_data warning b"]


def test_keys_lie_where_their_events_come() -> None:
    """Whatever the number of partitions, each key is judged once."""
    many = {"devices": "host,role,weight\n" + "".join(f"h{n},critical,1\n" for n in range(40))}
    bench = Bench(SILENT, tables=many, partitions=2).at(0, host="h1").at(0, host="h2", partition=1).clock(60)
    assert sorted(bench.alerts())[:2] == ["30 silent fired warning h0", "30 silent fired warning h10"]
    assert len(bench.alerts()) == 0


@pytest.mark.parametrize(("kind", "key"), [("int", 7), ("string", "7")])
def test_keys_that_are_numbers(kind: str, key: object) -> None:
    """The table spells them as text."""
    sources = f"m: {{topic: m, time: ts, unit: ms, max_delay: 1s, fields: {{unit_no: {kind}}}}}\n" + (
        "other: {topic: other, time: ts, unit: ms, max_delay: 1s}\n"
    )
    rule = "  - {alarm: silent, by: unit_no, expect: units, when: count(over 30s) == 0}\n"
    tables = {"units": "unit_no,site\n7,x\n8,y\nnone,z\n"}
    bench = Bench(rule, tables=tables, sources=sources).series(range(0, 60, 2), unit_no=key)
    fired = sorted(line.split()[-1] for line in bench.alerts())
    assert fired == (["8.0"] if kind == "int" else ["8", "none"])
