"""The thread that looks: again and again, whatever one look meets, and no longer than it shall."""

from __future__ import annotations

import threading
from collections import Counter

from streamwatchd.daemon.looks import Looks
from streamwatchd.errors import Unavailable
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Admin
from tests.daemon.project import ListLog


def test_each_is_had_again_and_one_that_fails_holds_up_no_other() -> None:
    """Through one connection; a bug is logged, and once for as long as it is the same."""
    log = ListLog()
    looks, had, used = Looks(FakeKafka({}), log), Counter[str](), set[Admin]()
    often, again = threading.Event(), threading.Event()

    def good(admin: Admin) -> None:
        used.add(admin)
        had["good"] += 1
        if had["good"] == 3:
            often.set()

    def failing(admin: Admin) -> None:
        used.add(admin)
        had["failing"] += 1
        if had["failing"] == 6:
            again.set()
        if had["failing"] % 2:
            raise Unavailable("no broker answers")
        raise RuntimeError("a bug")

    def rare(admin: Admin) -> None:
        had["rare"] += 1

    looks.start({failing: 0.005, good: 0.005, rare: 3_600.0})
    assert often.wait(10)
    assert again.wait(10)
    looks.close()
    assert len(used) == 1
    assert not had["rare"]
    assert [(event, fields["reason"]) for _, event, fields in log.lines] == [("look_failed", "RuntimeError: a bug")]


def test_none_is_had_after_the_end() -> None:
    """Also where it was due."""
    looks, had = Looks(FakeKafka({}), ListLog()), threading.Event()
    looks.close()
    looks.start({lambda admin: had.set(): 0.0})
    assert not had.wait(0.05)
