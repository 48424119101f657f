"""Jobs beside the loop."""

from __future__ import annotations

import threading

import pytest

from streamwatchd.shard.background import Inline, Thread


def test_inline_jobs_are_done_when_start_returns() -> None:
    """For simulation: no job is ever under way."""
    done: list[int] = []
    inline = Inline()
    inline.start(lambda: done.append(1))
    assert done == [1]
    assert inline.settle(0)
    assert not inline.busy


def test_a_thread_runs_one_job_at_a_time() -> None:
    """While one runs another is refused, and `settle` waits for it."""
    go = threading.Event()
    thread = Thread("test")
    thread.start(lambda: go.wait(10) and None)
    assert thread.busy
    assert not thread.settle(0)
    with pytest.raises(RuntimeError):
        thread.start(lambda: None)
    go.set()
    assert thread.settle(10)


def test_what_a_job_raises_is_raised_where_it_is_waited_for() -> None:
    """Once; the next job runs as ever."""
    thread = Thread("test")
    thread.start(lambda: 1 // 0 and None)
    with pytest.raises(ZeroDivisionError):
        thread.settle(10)
    assert thread.settle(0)
