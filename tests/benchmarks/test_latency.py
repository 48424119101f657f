"""Twin of benchmarks/latency: the figures' arithmetic, and that each alert is told from all others."""

from __future__ import annotations

import json

import pytest

from benchmarks.latency.run import judged, table
from benchmarks.latency.traffic import Offered, alarming, lines, number_of


def test_an_alert_carries_its_number() -> None:
    """Through the three decimals of `latency_ms`, and above the 400 ms that the rule asks for."""
    for number in (0, 1, 17_501, 250_000):
        event = json.loads('{"ts":1,' + alarming("srv-00001", number))
        assert event["latency_ms"] >= 500
        assert number_of(event["latency_ms"]) == number


def test_no_other_event_raises_one() -> None:
    """The rule asks for status 500, svc-07 and more than 400 ms."""
    events = [json.loads('{"ts":1,' + rest) for _, rest in lines()]
    assert max(event["latency_ms"] for event in events) < 400
    assert 500 not in {event["status"] for event in events}


def test_the_warm_up_is_left_out_and_what_did_not_come_is_missing() -> None:
    """Percentiles are of what arrived, in ms."""
    offered = Offered(measured_from=10.0, sent={0: 9.9, 1: 10.0, 2: 11.0, 3: 12.0}, rate=300.0)
    run = judged("exactly_once", 300, offered, {0: 99.0, 1: 10.010, 3: 12.030}, cores=0.5)
    assert (run.wanted, run.missing) == (3, 1)
    assert run.p50 == pytest.approx(20.0)
    assert run.most == pytest.approx(30.0)
    assert "| exactly_once | 300 | 20.0 | 29.8 | 30.0 | 30.0 | 3 | 1 | 0.50 |" in list(table([run]))
