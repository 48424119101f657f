"""Partitions by key, as Java's producer chooses them."""

from __future__ import annotations

import pytest

from streamwatchd.demo.partition import murmur2, partition_of


@pytest.mark.parametrize(
    ("key", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_hashes_are_those_of_kafkas_own_tests(key: bytes, signed: int) -> None:
    """The vectors of org.apache.kafka.common.utils.UtilsTest."""
    assert murmur2(key) == signed % 2**32


def test_a_partition_is_within_the_topic() -> None:
    """Also for hashes whose sign bit is set."""
    assert {partition_of(key, 3) for key in (b"21", b"foobar", b"abc")} <= {0, 1, 2}
