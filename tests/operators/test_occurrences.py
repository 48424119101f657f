"""Rows that are alerts of their own."""

from __future__ import annotations

from streamwatchd.shard.output import Sink
from tests.operators.bench import Bench


def test_each_row_is_one_with_no_end_and_no_key() -> None:
    """Equal events of one instant too: the place in the log tells them apart."""
    bench = Bench("  - {alarm: odd, when: kind == k1, severity: info}\n")
    bench.feed((1, {"kind": "k1"}), (1, {"kind": "k1"}), (2, {"kind": "k2"}))
    found = bench.documents(Sink.ALERTS)
    assert [(alert["event"], alert["key"], alert["severity"]) for alert in found] == [("fired", {}, "info")] * 2
    assert len({alert["id"] for alert in found}) == 2
