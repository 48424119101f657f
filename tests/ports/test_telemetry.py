"""Reports reach the supervisor, and a supervisor that does not listen costs the worker nothing."""

from __future__ import annotations

from multiprocessing import Pipe

from streamwatchd.ports.telemetry import ListTelemetry, PipeTelemetry, Report


def test_a_report_crosses_the_pipe() -> None:
    """Whole, with its mappings."""
    receiver, sender = Pipe(duplex=False)
    telemetry = PipeTelemetry(sender)
    report = Report(
        1, 1000, "running", counters={("events", (("source", "cells"),)): 5.0}, watermarks_ms={(1, "t", 0): 9}
    )
    telemetry.report(report)
    assert receiver.poll(10)
    assert receiver.recv() == report
    telemetry.close()
    receiver.close()


def test_a_deaf_receiver_blocks_nobody() -> None:
    """Reports pile up nowhere: the newest replaces those that wait."""
    receiver, sender = Pipe(duplex=False)
    telemetry = PipeTelemetry(sender)
    for at_ms in range(200):
        telemetry.report(Report(1, at_ms, "running", notes=("x" * 10_000,)))
    last = -1
    while last < 199:
        assert receiver.poll(10)
        last = receiver.recv().at_ms
    telemetry.close()
    receiver.close()


def test_a_gone_receiver_is_no_error() -> None:
    """The worker finds out by other means that its supervisor is dead."""
    receiver, sender = Pipe(duplex=False)
    telemetry = PipeTelemetry(sender)
    receiver.close()
    for at_ms in range(3):
        telemetry.report(Report(1, at_ms, "running"))
    telemetry.close()


def test_a_list_keeps_all() -> None:
    """For one process and for tests."""
    telemetry = ListTelemetry()
    telemetry.report(Report(0, 1, "starting"))
    telemetry.report(Report(0, 2, "running"))
    assert [each.phase for each in telemetry.reports] == ["starting", "running"]
    telemetry.close()
