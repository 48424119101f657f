"""What happens to alarms in turn, dealt out in rounds."""

from __future__ import annotations

import random

import numpy as np

from streamwatchd.operators.row_queue import FORGET, NEVER, ROW, SILENCE, Queue, rounds, running_max, tick_queue


def test_a_round_has_every_alarm_once_at_most_and_in_its_order() -> None:
    """First all first entries, then all second ones: vectorised, yet each alarm in turn."""
    places = np.array(sorted(random.Random(3).choices(range(6), k=40)), np.intp)
    dealt = rounds(places)
    assert sorted(np.concatenate(dealt).tolist()) == list(range(40))
    for one in dealt:
        assert len(np.unique(places[one])) == len(one)
    for place in range(6):
        mine = [i for one in dealt for i in one.tolist() if places[i] == place]
        assert mine == sorted(mine)
    assert len(dealt) == max(np.bincount(places))


def test_the_last_event_before_each_row() -> None:
    """Per alarm, what it had before the batch included; rows out of order count by their greatest time."""
    places = np.array([0, 0, 0, 2, 2])
    times = np.array([50, 30, 60, 5, 7])
    start = np.array([40, 40, 40, NEVER, NEVER])
    assert running_max(times, places, start).tolist() == [40, 50, 50, NEVER, 5]


def test_ticks_come_before_the_row_that_reveals_them() -> None:
    """Silence and then forgetting stand before a row of the same alarm, without being rows."""
    queue = Queue(np.array([4, 9]), np.array([0, 0]), np.array([10, 99]), np.full(2, ROW, np.int8))
    both = queue.insert(np.array([1, 1]), np.array([SILENCE, FORGET], np.int8), np.array([20, 30]))
    assert both.at.tolist() == [10, 20, 30, 99]
    assert both.kinds.tolist() == [ROW, SILENCE, FORGET, ROW]
    assert [part.tolist() for part in both.latest] == [[4, 9], [0, 0]]
    alone = tick_queue(np.array([5]), np.array([7]), FORGET)
    assert [len(part) for part in alone.latest] == [0, 0]
