"""The shipped traffic: what it promises, recomputed from its bytes by brute force."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from streamwatchd.demo.traffic import Nature, Records, Shape, Traffic, generate
from streamwatchd.ports.murmur2 import partition_of

START_MS = 1_767_571_200_000
PARTITIONS = 4
BROKER_PARTITION_BYTES = 5 * 1024 * 1024

Event = dict[str, Any]


def read_time_ms(records: Records, document: Event) -> int:
    stamp = document[records.kind.time_field]
    match records.kind.stamp:
        case "ms":
            return int(stamp)
        case "s":
            return int(stamp) * 1000
        case "us":
            return int(stamp) // 1000
    return round(datetime.fromisoformat(stamp).timestamp() * 1000)


def late_rows(records: Records) -> Iterator[int]:
    """By the definition: at or below the partition's watermark as the valid records before left it."""
    watermarks: dict[int, int] = defaultdict(lambda: -1)
    for row, at in enumerate(records.event_ms.tolist()):
        if records.natures[row] == Nature.FLAWED:
            continue
        partition = partition_of(records.keys[row], PARTITIONS)
        if at <= watermarks[partition]:
            yield row
        watermarks[partition] = max(watermarks[partition], at - round(1000 * records.kind.max_delay_seconds))


def test_equal_seeds_give_equal_bytes_and_other_seeds_others() -> None:
    """The traffic is a function of its settings."""
    first, again, other = (generate(Shape(START_MS, 300, seed=seed)) for seed in (1, 1, 2))
    for one, two, three in zip(first.sources, again.sources, other.sources):
        assert one.payloads == two.payloads
        assert one.keys == two.keys
        assert one.arrival_ms.tolist() == two.arrival_ms.tolist()
        assert one.payloads != three.payloads


def test_the_mix_is_the_telecom_mix_within_a_percent(traffic: Traffic) -> None:
    """35 % network, 25 % application logs, 20 % users, 10 % API, 10 % metrics, at about the rate asked for."""
    total = sum(map(len, traffic.sources))
    assert sum(records.kind.share for records in traffic.sources) == pytest.approx(1)
    for records in traffic.sources:
        assert len(records) / total == pytest.approx(records.kind.share, abs=0.01)
    assert total / traffic.shape.seconds == pytest.approx(traffic.shape.rate, rel=0.02)


def test_every_partition_fits_the_embedded_broker(traffic: Traffic) -> None:
    """Even if nobody read, no partition would outgrow what the embedded broker keeps."""
    for records in traffic.sources:
        sizes = [0] * PARTITIONS
        for key, payload in zip(records.keys, records.payloads):
            sizes[partition_of(key, PARTITIONS)] += len(payload) + len(key)
        assert min(sizes) > 0
        assert max(sizes) < BROKER_PARTITION_BYTES


def test_keys_and_times_are_those_of_the_payloads(traffic: Traffic) -> None:
    """A record's key is the field that its source declares as `key:`; its stamp says its event time."""
    for records in traffic.sources:
        for row in range(0, len(records), 97):
            if records.natures[row] != Nature.FLAWED:
                document = json.loads(records.payloads[row])
                assert document[records.kind.key].encode() == records.keys[row]
                assert read_time_ms(records, document) == records.event_ms[row]


def test_exactly_the_records_that_count_as_late_are_late(traffic: Traffic) -> None:
    """All others are out of order by less than `max_delay`; and out of order they are."""
    for records in traffic.sources:
        expected = set(np.flatnonzero(records.natures == Nature.LATE).tolist())
        assert expected
        assert set(late_rows(records)) == expected
        assert (np.diff(records.event_ms) < 0).mean() > 0.05
        assert (np.diff(records.arrival_ms) >= 0).all()


@pytest.mark.parametrize(("seconds", "rate"), [(60, 150.0), (1800, 50.0)])
def test_refuses_shapes_in_which_the_script_would_not_hold(seconds: int, rate: float) -> None:
    """Too short, or too thin for `total > 100` a minute."""
    with pytest.raises(ValueError):
        Shape(START_MS, seconds, rate)
