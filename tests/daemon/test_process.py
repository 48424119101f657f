"""How a worker process ends; its work is shown in test_supervisor and tests/kafka."""

from __future__ import annotations

import multiprocessing
import os
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path

import pytest

from streamwatchd.daemon.process import EXIT_FENCED, EXIT_MISMATCH, Job, work
from streamwatchd.daemon.wire import Supply
from streamwatchd.errors import Fenced
from streamwatchd.ports.librdkafka import Librdkafka
from streamwatchd.ports.telemetry import BlackBox
from streamwatchd.shard.recovery import MakeShard
from streamwatchd.shard.start import Assignment
from tests.shard.small import FIRST, SETTINGS, small_shards

_spawn = multiprocessing.get_context("spawn")


class Absent:
    """A cluster where opening a writer ends as the test says; it pickles."""

    def __init__(self, end: Exception) -> None:
        self._end = end

    def writer(self, transactional_id: str) -> None:
        raise self._end


def exit_code(job: Job, *, parent: int | None = None, hang_up: bool = False) -> int:
    control, far_control = Pipe()
    reports, far_reports = Pipe(duplex=False)
    memory = _spawn.RawArray("c", BlackBox.SIZE)
    process = _spawn.Process(target=work, args=(job, far_control, far_reports, memory, parent or os.getpid()))
    process.start()
    far_control.close()
    far_reports.close()
    control.send(Supply(FIRST.digest, None, "kept no more"))
    if hang_up:
        control.close()
    process.join(30)
    code = process.exitcode
    process.kill()
    for end in (control, reports):
        end.close()
    assert code is not None
    return int(code)


def job(folder: Path, end: Exception | None = None, shards: object = small_shards) -> Job:
    kafka = Absent(end) if end else Librdkafka({"bootstrap.servers": "127.0.0.1:1"})
    assignment = Assignment(0, 1, {"in": 1}, (FIRST,))
    return Job(replace(SETTINGS, state_dir=folder), assignment, kafka, shards)  # type: ignore[arg-type]


def broken_shards(job: object) -> MakeShard:
    raise ZeroDivisionError


@pytest.mark.parametrize(("end", "code"), [(Fenced("another"), EXIT_FENCED), (ValueError("a bug"), 1)])
def test_exit_codes_say_who_must_act(tmp_path: Path, end: Exception, code: int) -> None:
    """Fenced is not restarted, a bug is."""
    assert exit_code(job(tmp_path, end)) == code


def test_a_crash_before_the_loop_is_a_crash(tmp_path: Path) -> None:
    """Whatever fails, the code is not 0."""
    assert exit_code(job(tmp_path, shards=broken_shards)) == 1


def test_an_orphan_leaves(tmp_path: Path) -> None:
    """When the parent is gone already there is nobody to report to; when it goes, the pipe says so."""
    assert exit_code(job(tmp_path), parent=1) == 0
    assert exit_code(job(tmp_path), hang_up=True) == 0


def test_the_codes_differ() -> None:
    """And none is a code that the interpreter uses."""
    assert len({0, 1, 2, EXIT_FENCED, EXIT_MISMATCH}) == 5
