"""What a worker says of itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np

from streamwatchd.ports.catalogue import METRICS
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.kafka import Partition
from streamwatchd.shard.epoch import OpenEpoch
from streamwatchd.shard.meter import Meter
from streamwatchd.shard.output import Letters, Output, Sink, TaskId
from streamwatchd.shard.recovery import State


def epoch(number: int) -> OpenEpoch:
    return OpenEpoch(number, 0, {}, {}, 0.0)


def test_counts_add_up_and_notes_are_kept_in_order() -> None:
    """A report has all since the start; a repeated note is there once."""
    meter = Meter(3, ManualClock())
    meter.add("records_total", 2, (("topic", "in"),))
    meter.add("records_total", 3, (("topic", "in"),))
    for text in ("a", "a", "b", "a"):
        meter.note(text)
    report = meter.report()
    assert report.shard == 3
    assert report.counters["records_total", (("topic", "in"),)] == 5
    assert report.notes == ("a", "b", "a")


def test_reports_are_due_now_and_then() -> None:
    """By the clock that does not jump."""
    clock = ManualClock()
    meter = Meter(0, clock)
    assert meter.due(0.5)
    meter.report()
    assert not meter.due(0.5)
    clock.jump(10_000)
    assert not meter.due(0.5)
    clock.advance(500)
    assert meter.due(0.5)


def test_nobody_is_behind_in_a_topic_that_is_no_source_any_more() -> None:
    """Its task is kept until no version knows it, and has no watermark; what comes there is not waited for."""
    here, there, behind = TaskId(1, "in", 0), TaskId(1, "gone", 0), TaskId(2, "", 0)
    partitions = {here: Partition("in", 0), there: Partition("gone", 0), behind: Partition("exchange.2", 0)}
    positions = dict.fromkeys(partitions.values(), 7)
    meter = Meter(0, ManualClock())
    for watermarks in ({here: 1, there: 1}, {here: 2}):
        shard = SimpleNamespace(watermarks=lambda known=watermarks: known, counters=dict, work=list)
        state = SimpleNamespace(shard=shard, tasks=partitions, version=SimpleNamespace(number=1))
        meter.look(cast(State, state), (), positions)
    read = {dict(labels)["topic"] for name, labels in meter.report().gauges if name == "position_offset"}
    assert read == {"in", "exchange.2"}


def test_a_commit_says_its_epoch_and_time() -> None:
    """As totals and as the last one."""
    meter = Meter(0, ManualClock())
    meter.committed(epoch(4), 0.25)
    meter.committed(epoch(5), 0.5)
    report = meter.report()
    assert report.epoch == 5
    assert report.counters["commit_seconds_total", ()] == 0.75
    assert report.gauges["commit_seconds", ()] == 0.5


def test_a_commit_says_where_its_time_went_and_how_old_its_records_were() -> None:
    """By part; ages from the timestamps and event times of a few of its records, none below 0."""
    clock = ManualClock(10_000)
    meter, made = Meter(0, clock), epoch(1)
    made.timing.parts |= {"consume": 0.003, "commit": 0.04}
    made.timing.stamps += [9_900, 11_000]
    made.timing.times += [0]
    meter.committed(made, 0.1)
    found = meter.report().histograms
    consume = found["epoch_seconds", (("part", "consume"),)]
    assert (consume.counts[2], sum(consume.counts), consume.total) == (1, 1, 0.003)
    assert sum(found["record_latency_seconds", ()].counts) == 2
    assert found["record_latency_seconds", ()].total == 0.1
    assert found["event_latency_seconds", ()].total == 10


def test_values_at_a_bound_belong_below_it() -> None:
    """One by one and all at once alike, as Prometheus has it; what is beyond every bound has its own bucket."""
    bounds = METRICS["epoch_seconds"].bounds
    values = [0.0, *bounds, 1e9]
    one, all_at_once = Meter(0, ManualClock()), Meter(0, ManualClock())
    for value in values:
        one.observe("epoch_seconds", value)
    all_at_once.observe_all("epoch_seconds", np.array(values))
    found = one.report().histograms["epoch_seconds", ()]
    assert found.counts == (2, *(1 for _ in bounds[1:]), 1)
    assert all_at_once.report().histograms["epoch_seconds", ()].counts == found.counts


def test_outputs_are_counted_by_sink() -> None:
    """Packed dead letters too."""
    meter, made = Meter(0, ManualClock()), epoch(1)
    letters = Letters((), 0, [None] * 3, [b""] * 3, range(3), ["empty"] * 3)
    made.take([Output(Sink.LATE, None, b"late")], [], [letters])
    meter.sealed(made)
    meter.sealed(epoch(2))
    found = {dict(labels)["sink"]: count for (name, labels), count in meter.report().counters.items() if labels}
    assert found == {"late": 1, "dead_letters": 3, "exchange": 0}


def test_troubles_stand_until_all_is_well() -> None:
    """The newest reason counts, and the log hears of it once, however long it takes."""
    meter = Meter(0, ManualClock())
    for number in range(3):
        meter.trouble("snapshot", f"reason {number}", f"note {number}")
    assert dict(meter.report().troubles) == {"snapshot": "reason 2"}
    assert meter.report().notes == ("note 0",)
    meter.well("snapshot")
    meter.well("journal")
    assert not meter.report().troubles


def test_a_commit_that_takes_too_long_is_told() -> None:
    """Why, for how long, and that the shard waits; the log hears of it once."""
    meter = Meter(0, ManualClock(), stuck_s=10.0)
    meter.phase = "running"
    meter.look_at_commit(7, 9.0)
    assert meter.report().phase == "running"
    assert meter.report().gauges["commit_waiting_seconds", ()] == 9.0
    meter.commit_tried("no broker")
    for seconds in (10.0, 12.0):
        meter.look_at_commit(7, seconds)
    assert meter.report().phase == "waiting"
    assert meter.report().troubles["commit"].startswith("epoch 7 has been trying for 12 s: no broker")
    assert meter.report().notes == ("no broker", "epoch 7 does not get committed: no broker")
    meter.look_at_commit(7, None)
    assert meter.report().phase == "running"
    assert not meter.report().troubles
    assert meter.report().gauges["commit_waiting_seconds", ()] == 0.0
