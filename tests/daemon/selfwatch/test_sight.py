"""How numbers went."""

from __future__ import annotations

from streamwatchd.daemon.selfwatch.sight import Sight

ONE, TWO = (("shard", "0"),), (("shard", "1"),)


def test_a_process_that_starts_anew_counts_from_zero() -> None:
    """The sum over shards goes on growing."""
    sight = Sight()
    sight.risen("worker_restarts_total", over_s=60)
    for second, (a, b) in enumerate([(2.0, 0.0), (3.0, 0.0), (1.0, 1.0)]):
        sight.see({("worker_restarts_total", ONE): a, ("worker_restarts_total", TWO): b}, float(second))
    assert sight.risen("worker_restarts_total", over_s=60) == {(): 5.0}
    assert sight.risen("worker_restarts_total", over_s=1) == {(): 2.0}


def test_what_a_snapshot_brings_back_is_no_news() -> None:
    """Neither the first value nor what is replayed after a step back."""
    sight = Sight()
    sight.risen("late_total", over_s=60)
    for second, value in enumerate([500.0, 510.0, 480.0, 505.0, 512.0]):
        sight.see({("late_total", ONE): value}, float(second))
    assert sight.risen("late_total", over_s=60) == {(): 12.0}


def test_only_what_was_asked_for_is_kept() -> None:
    """A daemon has thousands of counters."""
    sight = Sight()
    sight.stuck("lso_lag_records")
    for second in range(5_000):
        sight.see({("lso_lag_records", ()): float(second), ("node_rows_total", ONE): float(second)}, float(second))
    assert list(sight._courses) == [("lso_lag_records", ())]
    assert len(sight._courses["lso_lag_records", ()].points) <= 2
    assert sight.stuck("lso_lag_records") == {(): 4_999.0}


def test_the_past_of_what_was_not_there_is_unknown() -> None:
    """A partition that came since makes the whole sum unknown."""
    sight = Sight()
    sight.before("consumer_lag_records", "topic", ago_s=10)
    a, b = (("partition", "0"), ("topic", "t")), (("partition", "1"), ("topic", "t"))
    sight.see({("consumer_lag_records", a): 3.0}, 0.0)
    sight.see({("consumer_lag_records", a): 4.0, ("consumer_lag_records", b): 9.0}, 11.0)
    assert sight.before("consumer_lag_records", "topic", ago_s=10) == {}
    sight.see({("consumer_lag_records", a): 5.0, ("consumer_lag_records", b): 9.0}, 21.0)
    assert sight.before("consumer_lag_records", "topic", ago_s=10) == {(("topic", "t"),): 13.0}
