"""Tables that are fetched: when a copy is written, what a failure leaves, who is told."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.tables import Tables
from streamwatchd.enrichment.fetched import Fetch, copy_path
from streamwatchd.errors import Unavailable
from streamwatchd.ports.disk import RealDisk
from tests.daemon.project import ListLog

FETCH = Fetch("devices", "host", 20, query="SELECT", database="sqlite://")
PATIENCE_S = 20.0


class Answers:
    """An origin that gives these one after the other, and the last one from then on."""

    def __init__(self, *answers: bytes | Exception) -> None:
        self._answers = list(answers)
        self.asked = 0
        self.done = threading.Event()
        self.closed = threading.Event()

    def rows(self) -> bytes:
        self.asked += 1
        answer = self._answers[min(self.asked, len(self._answers)) - 1]
        if self.asked > len(self._answers):
            self.done.set()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.closed.set()


class Scene:
    def __init__(self, folder: Path, origin: Answers) -> None:
        self.log, self.metrics, self.changes = ListLog(), Metrics(), 0
        self.copy = copy_path(folder, "devices")
        self.tables = Tables(folder, RealDisk(), lambda fetch: origin, self._changed, self.log, self.metrics)

    def _changed(self) -> None:
        self.changes += 1


def test_a_copy_is_written_once_for_equal_rows(tmp_path: Path) -> None:
    """Its time says when the rows were last known to be right; who follows hears of changes alone."""
    origin = Answers(b"{}\n", b"{}\n", b'{"a":1}\n')
    scene = Scene(tmp_path, origin)
    scene.tables.follow([FETCH])
    assert origin.done.wait(PATIENCE_S)
    assert scene.changes == 2
    assert scene.copy.read_bytes() == b'{"a":1}\n'
    os.utime(scene.copy, (0, 0))
    asked = origin.asked
    while origin.asked < asked + 2:
        threading.Event().wait(0.01)
    assert scene.copy.stat().st_mtime > 0
    scene.tables.close()
    assert origin.closed.wait(PATIENCE_S)


def test_what_fails_leaves_the_last_rows_and_is_tried_again(tmp_path: Path) -> None:
    """It is said and counted, a bug of ours as well."""
    origin = Answers(b"{}\n", Unavailable("the database is away"), KeyError("x"), b'{"a":1}\n')
    scene = Scene(tmp_path, origin)
    scene.tables.follow([FETCH])
    assert origin.done.wait(PATIENCE_S)
    scene.tables.close()
    assert scene.copy.read_bytes() == b'{"a":1}\n'
    reasons = [fields["reason"] for _, event, fields in scene.log.lines if event == "table_not_fetched"]
    assert reasons == ["the database is away", "a bug: KeyError('x')"]
    assert scene.metrics.samples(0)["table_fetches_total", (("outcome", "failed"), ("table", "devices"))] == 2


def test_a_table_that_is_gone_is_fetched_no_more(tmp_path: Path) -> None:
    """And one that is new is tried at once: whoever waits for it waits for its first answer."""
    origin = Answers(b"{}\n")
    scene = Scene(tmp_path, origin)
    scene.tables.follow([FETCH])
    scene.tables.wait(PATIENCE_S)
    assert scene.copy.exists()
    scene.tables.follow([])
    assert origin.closed.wait(PATIENCE_S)
    asked = origin.asked
    threading.Event().wait(0.1)
    assert origin.asked == asked
