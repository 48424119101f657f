"""The lazy columns of a batch. What the reader promises is in tests/contracts."""

from __future__ import annotations

from bisect import bisect_left

from confluent_kafka import Message

from streamwatchd.ports.librdkafka.reader import Lazy


def test_a_lazy_column_reads_only_what_is_asked_for() -> None:
    """Indexes, slices and bisection cost as many reads as they need."""
    read: list[int] = []
    numbers = {id(message := Message(value=b"%d" % i)): (i, message) for i in range(1000)}

    def get(message: Message) -> int:
        read.append(numbers[id(message)][0])
        return read[-1]

    lazy = Lazy([message for _, message in numbers.values()], get)
    assert len(lazy) == 1000
    assert (lazy[0], lazy[-1]) == (0, 999)
    assert list(lazy[10:13]) == [10, 11, 12]
    read.clear()
    assert bisect_left(lazy, 700) == 700
    assert len(read) <= 10
