"""Session windows: a key's events belong together while less than the gap lies between them."""

from __future__ import annotations

import pytest

from tests.operators.bench import Bench

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
