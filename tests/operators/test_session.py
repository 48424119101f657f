"""Session windows: a key's events belong together while less than the gap lies between them."""

from __future__ import annotations

import pytest

from streamwatchd.operators import asking
from tests.operators.bench import SOURCES, Bench

BY_HOST = "  - {kpi: s, by: host, session: 10s, values: {n: count(), top: max(x)}}\n"


@pytest.mark.parametrize(
    ("times", "rows"),
    [
        ([1], ["1-11 s a n=1 top=5"]),
        ([1, 10.999], ["1-20.999 s a n=2 top=5"]),
        ([1, 11], ["1-11 s a n=1 top=5", "11-21 s a n=1 top=5"]),
        ([1, 9, 17, 25], ["1-35 s a n=4 top=5"]),
        ([1, 2, 50, 3_000], ["1-12 s a n=2 top=5", "50-60 s a n=1 top=5", "3000-3010 s a n=1 top=5"]),
    ],
)
def test_a_session_ends_a_gap_after_its_last_event(times: list[float], rows: list[str]) -> None:
    """From the first event to the last plus the gap, wherever panes begin."""
    assert Bench(BY_HOST).series(times, host="a", x=5).clock(4_000).rows() == rows


def test_a_session_is_given_out_when_nothing_can_continue_it() -> None:
    """When the watermark is at its end, to the millisecond where rows stay in their partition."""
    bench = Bench(BY_HOST).at(1, host="a", x=5)
    assert bench.clock(10.999).rows() == []
    assert bench.clock(11).rows() == ["1-11 s a n=1 top=5"]


def test_keys_have_sessions_of_their_own() -> None:
    """One key's silence ends nothing of another's."""
    bench = Bench(BY_HOST).at(0, host="a", x=1).series([0, 6, 12], host="b", x=2).clock(30)
    assert bench.rows() == ["0-10 s a n=1 top=1", "0-22 s b n=3 top=2"]


def test_sessions_over_partitions_merge() -> None:
    """Events of one key from two partitions make one session."""
    rules = "  - {kpi: s, by: site, session: 10s, values: {n: count()}}\n"
    bench = Bench(rules, partitions=2).at(0, host="a", site="s").at(8, partition=1, host="b", site="s")
    bench.at(16, host="a", site="s").clock(60)
    assert bench.rows() == ["0-26 s s n=3"]


def test_an_open_session_survives_a_restart() -> None:
    """Its first event and its values are not lost."""
    bench = Bench(BY_HOST).series([1, 8], host="a", x=5).restart().at(15, host="a", x=9).clock(60)
    assert bench.rows() == ["1-25 s a n=3 top=9"]


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("in_one", [False, True])
def test_a_value_that_comes_back_is_of_what_came_since(
    in_one: bool, restart: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether its old panes have been let go depends on batches; what they still have is not read."""
    monkeypatch.setattr(asking, "GRACE_MS", 0)
    other = BY_HOST.replace("max(x)", "min(x)")
    bench = Bench(BY_HOST).at(1, host="a", x=1).change(other)
    events: list[tuple[float, dict[str, object]]] = [(20, {"host": "a", "x": 9}), (19.5, {"host": "a", "x": 5})]
    for part in [events] if in_one else [[event] for event in events]:
        bench.feed(*part)
        if restart:
            bench.clock(18).restart()
    bench.change(BY_HOST).at(22, host="a", x=7).at(31, host="a", x=3).clock(60)
    assert bench.rows() == ["1-11 s a n=1 top=None", "19.5-41 s a n=4 top=3"]


def test_a_pane_of_a_kpi_that_was_removed_is_none_of_one_that_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind the exchange, where both are of the same pane: each feeder's word is for the family that it is of."""
    monkeypatch.setattr(asking, "GRACE_MS", 0)
    rules = "  - {kpi: s, by: site, session: 40s, values: {n: count()}}\n"
    rest = "  - {kpi: rest, by: host, every: 10s, values: {n: count()}}\n"
    sources = SOURCES.replace("max_delay: 1s", "max_delay: 5s")
    bench = Bench(rules, partitions=2, sources=sources).at(10, host="a", site="s")
    bench.change(rest, sources=sources).at(9, partition=1, host="b", site="s").at(15, host="a", site="s")
    bench.change(rules, sources=sources).at(20, partition=1, host="b", site="s").clock(200)
    assert [row for row in bench.rows() if " s " in row] == ["20-60 s s n=1"]
