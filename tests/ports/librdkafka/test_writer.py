"""The call that may never come back. What else the writer promises is in tests/contracts and tests/kafka/test_doubt."""

from __future__ import annotations

import threading

import pytest

from streamwatchd.ports.librdkafka.writer import _Bounded


def test_a_bounded_call_is_given_up() -> None:
    """It may go on behind our back; nobody waits for it."""
    never = threading.Event()
    with pytest.raises(TimeoutError):
        _Bounded(never.wait).run(0.01)
    never.set()


def test_a_bounded_call_raises_what_it_raised() -> None:
    """As if it had been called here."""
    with pytest.raises(ZeroDivisionError):
        _Bounded(lambda: 1 / 0).run(10)
    _Bounded(lambda: None).run(10)
