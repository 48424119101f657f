"""murmur2 as Kafka has it; the known answers are those of Kafka's own UtilsTest."""

from __future__ import annotations

import pytest

from streamwatchd.ports.murmur2 import murmur2, partition_of


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_known_answers(key: bytes, expected: int) -> None:
    """Signed in Java, unsigned here."""
    assert murmur2(key) == expected % 2**32


def test_partitions_ignore_the_sign() -> None:
    """As Java's toPositive does: the top bit is dropped."""
    assert partition_of(b"21", 7) == (-973932308 & 0x7FFFFFFF) % 7
