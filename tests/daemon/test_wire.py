"""The worker's end of the pipes."""

from __future__ import annotations

import threading
import time
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import pytest

from streamwatchd.daemon.wire import Need, Supply, Wire
from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.ports.telemetry import Report
from streamwatchd.shard.control import Command, Go, Have, Held, Hold, Next, Stop
from tests.shard.small import content


def wired() -> tuple[Wire, Connection, Connection]:
    control, far_control = Pipe()
    reports, far_reports = Pipe(duplex=False)
    return Wire(far_control, far_reports), control, reports


def commands(wire: Wire, count: int) -> list[Command]:
    found: list[Command] = []
    deadline = time.monotonic() + 10
    while len(found) < count and time.monotonic() < deadline:
        found += wire.commands()
        time.sleep(0.001)
    return found


def test_commands_come_in_order() -> None:
    """Each once."""
    wire, control, _ = wired()
    for command in (Hold(1), Go(), Hold(2)):
        control.send(command)
    assert commands(wire, 3) == [Hold(1), Go(), Hold(2)]
    assert wire.commands() == []


def test_answers_and_reports_go_out() -> None:
    """On their own pipes."""
    wire, control, reports = wired()
    wire.held(Held(0, 1, 2))
    assert control.recv() == Held(0, 1, 2)
    wire.report(Report(0, 5, "running"))
    assert reports.recv() == Report(0, 5, "running")


def test_content_is_asked_for_once() -> None:
    """And kept."""
    wire, control, _ = wired()
    control.send(Supply("v0", content("v0")))
    while not wire._supplies:
        time.sleep(0.001)
    assert wire.content("v0").digest == "v0"
    wire.content("v0")
    assert not control.poll()


def test_what_will_be_in_force_is_kept_for_the_change() -> None:
    """In place of what was kept before; the loop is told, and tells the supervisor."""
    wire, control, _ = wired()
    control.send(Supply("v0", content("v0")))
    control.send(Next(content("v1")))
    commands: list[Command] = []
    while not commands:
        commands += wire.commands()
        time.sleep(0.001)
    assert [type(command) for command in commands] == [Next]
    assert wire.content("v1").digest == "v1"
    assert list(wire._supplies) == ["v1"]
    wire.have(Have(0, "v1"))
    assert control.recv() == Have(0, "v1")


def test_content_that_is_not_kept_is_refused() -> None:
    """With the supervisor's reason."""
    wire, control, _ = wired()
    control.send(Supply("v0", None, "gone for good"))
    with pytest.raises(StateMismatch, match="gone for good"):
        wire.content("v0")


def test_the_question_goes_out() -> None:
    """To whoever reads the pipe."""
    wire, control, _ = wired()
    control.send(Supply("other", content("other")))
    with pytest.raises(Unavailable, match="supervisor is gone"):
        _ask_and_hang_up(wire, control)


def _ask_and_hang_up(wire: Wire, control: Connection) -> None:
    def answer() -> None:
        assert control.recv() == Need("v0")
        control.close()

    threading.Thread(target=answer).start()
    wire.content("v0")


def test_the_supervisors_death_reads_as_stop() -> None:
    """The worker finishes its epoch and leaves."""
    wire, control, _ = wired()
    control.close()
    assert commands(wire, 1) == [Stop()]


def test_a_stop_before_the_first_run_abandons_the_start() -> None:
    """Clients that wait for a broker can't be interrupted; once the worker runs it leaves in order."""
    control, far_control = Pipe()
    _, far_reports = Pipe(duplex=False)
    abandoned = threading.Event()
    wire = Wire(far_control, far_reports, abandoned.set)
    wire.report(Report(0, 5, "starting"))
    control.send(Stop())
    assert abandoned.wait(10)
    abandoned.clear()
    wire.report(Report(0, 6, "running"))
    control.send(Stop())
    assert len(commands(wire, 2)) == 2
    assert not abandoned.is_set()


def test_without_a_supervisor_a_worker_that_runs_has_some_time_to_leave() -> None:
    """And no more: it may hang in a call to a disk, with the lock that its successor waits for."""
    abandoned = threading.Event()
    (control, far_control), (_, far_reports) = Pipe(), Pipe(duplex=False)
    wire = Wire(far_control, far_reports, abandoned.set, alone_s=0.2)
    wire.report(Report(0, 5, "running"))
    control.close()
    assert commands(wire, 1) == [Stop()]
    assert not abandoned.is_set()
    assert abandoned.wait(10)
