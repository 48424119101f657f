"""Silence that brokers vouch for."""

from __future__ import annotations

from streamwatchd.daemon.cluster import LagWatch
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.quiet import Quiet
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Partition, Record
from streamwatchd.ports.telemetry import Labels, Report


def test_behind_an_open_transaction_there_is_no_silence() -> None:
    """Nor while a broker is away, and for as long again after that: what producers kept is on its way."""
    clock = ManualClock()
    kafka = FakeKafka({"in": 2}, clock=clock)
    metrics, quiet, admin = Metrics(), Quiet(), kafka.admin()
    watch = LagWatch(metrics, quiet, clock)

    def look(seconds: int, read: dict[str, int]) -> dict[str, bool]:
        """At a look a second, with readers that stand there: which partitions were silent for 5 s."""
        for _ in range(seconds):
            gauges: dict[tuple[str, Labels], float] = {
                ("position_offset", (("partition", number), ("topic", "in"))): at for number, at in read.items()
            }
            metrics.take(Report(0, 0, "running", gauges=gauges))
            watch.look(admin)
            clock.advance(1_000)
        return {number: quiet.covers("in", int(number), 5.0) for number in read}

    assert look(4, {"0": 0, "1": 0}) == {"0": False, "1": False}
    assert look(3, {"0": 0, "1": 0}) == {"0": True, "1": True}
    writer = kafka.writer("theirs")
    writer.begin()
    writer.send([Record("in", b"{}", partition=1)] * 3)
    assert look(20, {"0": 0, "1": 0}) == {"0": True, "1": False}
    writer.commit(1.0)
    end = kafka.broker.log(Partition("in", 1)).end
    assert look(3, {"0": 0, "1": end}) == {"0": True, "1": False}
    assert look(4, {"0": 0, "1": end}) == {"0": True, "1": True}
    clock.advance(60_000)
    assert look(4, {"0": 0, "1": end}) == {"0": False, "1": False}
    assert look(3, {"0": 0, "1": end}) == {"0": True, "1": True}


def test_slow_looks_see_a_silence_later_but_see_it() -> None:
    """They take 9 s each, on a large cluster, and count for little."""
    quiet, place = Quiet(), ("in", 0)
    found = []
    for number in range(6):
        begun_s = 10.0 * number
        quiet.see({place: 7}, {place: 7}, begun_s, begun_s + 9.0)
        found.append(quiet.covers("in", 0, 5.0))
    assert found == [False, False, True, True, True, True]
