"""The daemon as its users run it: a process on a real Kafka."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamwatchd.ports.kafka import Record
from tests.kafka.process import free_port, read_topic
from tests.kafka.site import COUNTS, START_MS, Site

pytestmark = pytest.mark.kafka

ALARM = """
source: events
rules:
  - alarm: big
    by: k
    when: size > 100
"""


@pytest.fixture
def site(kafka: str, tmp_path: Path) -> Iterator[Site]:
    site = Site(kafka, tmp_path)
    yield site
    site.end()


def test_events_become_kpis_and_a_restart_keeps_the_open_window(site: Site) -> None:
    """SIGTERM in the middle of a window: the next start replays nothing and the window's count is whole."""
    site.start_and_wait()
    site.feed(1_500)
    site.until(lambda: site.metric("streamwatchd_records_total") >= 1_500)
    assert site.signal(signal.SIGTERM) == 0
    site.start_and_wait()
    assert not any("replaying" in line["note"] for line in site.logged("worker_noted"))
    site.feed(1_500)
    site.until_all_counted()
    row = site.kpis()[0]
    assert set(row) >= {"kpi", "key", "window", "values", "emitted_at"}


def test_sigkill_loses_and_doubles_nothing(site: Site) -> None:
    """Workers, then the whole daemon, killed under traffic; read_committed readers see every count once."""
    site.start_and_wait()
    for round_number in range(4):
        site.feed(700)
        time.sleep(0.1 * round_number)
        killed = site.workers()[round_number % 2]
        os.kill(killed, signal.SIGKILL)
        site.until(lambda killed=killed: len(site.workers()) == 2 and killed not in site.workers())
    site.feed(700)
    assert site.process is not None
    for pid in (*site.workers(), site.process.pid):
        os.kill(pid, signal.SIGKILL)
    site.process.wait()
    site.feed(700)
    site.start_and_wait()
    site.until_all_counted()
    assert site.metric("streamwatchd_worker_up") == 2


def test_the_supervisors_death_ends_the_workers(site: Site) -> None:
    """They finish and leave; the next daemon finds the state folder free."""
    site.start_and_wait()
    workers = site.workers()
    assert site.signal(signal.SIGKILL) == -signal.SIGKILL
    site.until(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in workers))
    site.start_and_wait()


def test_rules_change_under_traffic(site: Site) -> None:
    """A new rule takes effect, a bad file is refused alone, and the old rule's counts go on unbroken."""
    site.start_and_wait()
    stop = threading.Event()

    def traffic() -> None:
        while not stop.is_set():
            site.feed(100, size=500)
            stop.wait(0.1)

    feeding = threading.Thread(target=traffic)
    feeding.start()
    try:
        (site.folder / "rules.d" / "bad.yaml").write_text("rules:\n  - kpi: [oops\n")
        (site.folder / "rules.d" / "alarm.yaml").write_text(ALARM)
        site.until(lambda: bool(site.output("alerts")))
        site.until(lambda: len(site.health()[1].get("refused", ())) == 1)
    finally:
        stop.set()
        feeding.join()
    assert site.health()[1]["version"] >= 1
    assert site.metric("streamwatchd_refused_files") == 1
    assert all(line["pause_ms"] < 2_000 for line in site.logged("rules_switched"))
    assert any("bad.yaml:2" in line["diagnostic"] for line in site.logged("rule_refused"))
    site.until_all_counted()
    (site.folder / "rules.d" / "bad.yaml").unlink()
    site.until(lambda: site.health()[1]["refused"] == [])


def test_rules_changed_while_it_was_down_take_effect_at_the_start(site: Site) -> None:
    """What was taken in before keeps its rules, what comes after has the new ones."""
    site.start_and_wait()
    site.feed(300, size=500)
    site.until(lambda: site.metric("streamwatchd_records_total") >= 300)
    site.signal(signal.SIGTERM)
    (site.folder / "rules.d" / "alarm.yaml").write_text(ALARM)
    site.feed(300, size=500)
    site.start_and_wait()
    site.until(lambda: len(site.output("alerts")) == 3)
    site.until_all_counted()


def test_a_bad_file_at_the_start_does_not_stop_the_others(site: Site) -> None:
    """Cold start: the rest runs, and the refusal is shown."""
    (site.folder / "rules.d" / "bad.yaml").write_text("rules: [\n")
    site.start_and_wait()
    site.feed(2_000)
    site.until_all_counted()
    assert [Path(path).name for path in site.health()[1]["refused"]] == ["bad.yaml"]


def test_late_events_and_poison_go_to_their_topics(site: Site) -> None:
    """With reason and coordinates; the neighbours go on."""
    site.start_and_wait()
    site.feed(1_000)
    writer = site.kafka.plain_writer()
    poison = [b"{", b"[1]", b'{"t": NaN, "k": "k0"}', b"a\nb", None]
    writer.send(Record(site.topic, value, partition=0) for value in poison)
    writer.send([Record(site.topic, json.dumps({"t": START_MS - 100_000, "k": "k0"}).encode(), partition=0)])
    writer.flush(30)
    site.until(lambda: site.metric("streamwatchd_records_total") >= 1_006)
    site.until_all_counted()
    for which, count in (("dead_letters", len(poison)), ("late", 1)):
        assert sum(map(len, read_topic(site.kafka, f"{site.name}.{which}"))) == count


def test_a_broker_that_comes_later_is_waited_for(kafka: str, tmp_path: Path) -> None:
    """The log says who does not answer; then it goes on by itself."""
    port = free_port()
    site = Site(kafka, tmp_path)
    site.write({"counts.yaml": COUNTS}, f"127.0.0.1:{port}")
    try:
        site.start()
        site.until(lambda: site.health()[0] == 503 and bool(site.logged("kafka_unavailable")))
        assert site.logged("kafka_unavailable")[0]["servers"] == f"127.0.0.1:{port}"
        with _door(port, kafka):
            site.until(lambda: site.health()[0] == 200)
            site.feed(2_000)
            site.until_all_counted()
    finally:
        site.end()


def test_a_wrong_topic_is_named(kafka: str, tmp_path: Path) -> None:
    """Until someone creates it."""
    site = Site(kafka, tmp_path, create=False)
    try:
        site.start()
        site.until(lambda: bool(site.logged("topic_missing")))
        assert site.logged("topic_missing")[0]["topics"] == [site.topic]
        assert site.health()[0] == 503
        site.create_topic()
        site.until(lambda: site.health()[0] == 200)
    finally:
        site.end()


def test_a_second_daemon_on_the_same_folder_leaves(site: Site) -> None:
    """At once, with a clear word, and without harm to the first."""
    site.start_and_wait()
    command = [sys.executable, "-m", "streamwatchd", "--config", str(site.config)]
    second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 5
    assert "lock" in second.stderr
    assert site.health()[0] == 200


@contextlib.contextmanager
def _door(port: int, kafka: str) -> Iterator[None]:
    """The broker's first address: what it advertises is its own."""
    host, _, far_port = kafka.split(",")[0].rpartition(":")
    listener = socket.create_server(("127.0.0.1", port))

    opened: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection((host, int(far_port)))
                opened.extend((near, far))
                for pair in ((near, far), (far, near)):
                    threads.append(threading.Thread(target=pump, args=pair, daemon=True))
                    threads[-1].start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()
        for each in opened:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        for each in (listener, *opened):
            each.close()


def test_the_first_rule_across_partitions_joins_while_it_runs(kafka: str, tmp_path: Path) -> None:
    """Its tasks and topic are made at the change; it goes on over a restart, and may leave again."""
    site = Site(kafka, tmp_path, source="key: k\n")
    total = site.folder / "rules.d" / "total.yaml"

    def totals() -> int:
        return sum(row["values"]["n"] for row in site.output("kpis") if row["kpi"] == "total")

    try:
        site.start_and_wait()
        site.feed(500, size=500)
        site.until(lambda: site.metric("streamwatchd_records_total") >= 500)
        total.write_text("source: events\nrules:\n  - kpi: total\n    every: 10s\n    values: {n: count()}\n")
        site.until(lambda: site.health()[1].get("version", 0) >= 1)
        site.feed(2_000, size=500)
        site.until(lambda: totals() > 0)
        site.signal(signal.SIGKILL)
        site.start_and_wait()
        before = totals()
        site.feed(2_000, size=500)
        site.until(lambda: totals() > before)
        total.unlink()
        site.until(lambda: site.health()[1].get("version", 0) >= 2)
        site.feed(1_000, size=500)
        site.until(lambda: site.metric("streamwatchd_records_total") >= 1_000)
        assert site.logged("worker_crashed") == []
    finally:
        site.end()


def test_a_table_changed_while_it_runs_is_met_by_later_events(kafka: str, tmp_path: Path) -> None:
    """From the instant of the change on; a table that does not read is refused, and the last good one stays."""
    site = Site(kafka, tmp_path, source="enrich: {names: k}\n")
    table = site.folder / "enrichment.d" / "names.csv"
    table.parent.mkdir(exist_ok=True)
    table.write_text("k,label\nk0,old\n")

    def labels() -> set[object]:
        return {row["context"]["label"] for row in site.output("kpis") if row["key"]["k"] == "k0"}

    try:
        site.start_and_wait()
        site.feed(3_000)
        site.until(lambda: labels() == {"old"})
        table.write_text("k,label\nk0\n")
        site.until(lambda: len(site.health()[1].get("refused", ())) == 1)
        table.write_text("k,label\nk0,new\n")
        site.until(lambda: site.health()[1].get("version", 0) >= 1)
        site.feed(3_000)
        site.until(lambda: labels() == {"old", "new"})
        assert site.health()[1]["refused"] == []
    finally:
        site.end()
