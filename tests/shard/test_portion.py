"""Twin of shard/portion.py."""

from __future__ import annotations

from streamwatchd.shard.portion import Portion


def test_it_grows_while_work_is_quick() -> None:
    """From a careful first take to the setting; a take that was not full says nothing."""
    portion = Portion(20_000, 0, 0)
    assert portion.records == 1_000
    portion.note(10, 0.01, 0, 1)
    assert portion.records == 1_000
    for _ in range(6):
        portion.note(portion.records, 0.01, 0, 1)
    assert portion.records == 20_000


def test_it_shrinks_when_work_is_slow_or_much_comes_of_it() -> None:
    """To what a second is enough for, and to outputs that memory is enough for; never to nothing."""
    portion = Portion(1_000, 0, 0)
    portion.note(1_000, 10.0, 0, 1)
    assert portion.records == 100
    portion.note(100, 0.1, 500_000, 1)
    assert portion.records == 10
    portion.note(10, 1e9, 0, 1)
    assert portion.records == 1


def test_after_one_loss_it_begins_small_and_soon_keeps_up() -> None:
    """A tenth of a first take, then as much as that for a minute, then as ever."""
    portion = Portion(20_000, 1, 0)
    assert portion.records == 100
    for _ in range(9):
        portion.note(portion.records, 0.01, 0, 1)
    assert portion.records == 1_000
    portion.note(portion.records, 0.01, 0, 61)
    assert portion.records == 2_000


def test_after_losses_it_stays_small_for_a_minute() -> None:
    """A tenth for each, to a single record; then as ever."""
    for losses, records in ((2, 10), (3, 1), (9, 1)):
        portion = Portion(20_000, losses, 0)
        portion.note(records, 0.0, 0, 59)
        assert portion.records == records
        portion.note(records, 0.0, 0, 61)
        assert portion.records == 2 * records


def test_small_batches_gather_and_a_backlog_does_not_wait() -> None:
    """At least a few ms, at most ten, else as long as the last take was worked on; none behind a take that was full."""
    portion = Portion(20_000, 0, 0)
    assert portion.rest_s == 0
    portion.note(10, 0.0001, 0, 1)
    assert portion.rest_s == 0.004
    portion.note(10, 0.006, 0, 1)
    assert portion.rest_s == 0.006
    portion.note(10, 5.0, 0, 1)
    assert portion.rest_s == 0.01
    portion.note(portion.records, 0.01, 0, 1)
    assert portion.rest_s == 0
    portion.note(2_000, 0.01, 0, 1)
    assert portion.rest_s == 0
