"""Two hosts share four shards, on a real Kafka; one dies whole, the other takes over from the shared store."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner
from confluent_kafka.admin import AdminClient

from streamwatchd.cli import main
from tests.kafka.site import COUNTS, Site
from tests.oracle.compare import iso_ms
from tests.s3.server import BUCKET, Server

pytestmark = pytest.mark.kafka
ROWS = {"counts.yaml": COUNTS}


def two_hosts(kafka: str, folder: Path, **settings: object) -> tuple[Site, Site]:
    """Daemons of one app and its topics, each with a state folder of its own.

    No partition counts as idle: on a slow machine the others would go on at the clock's pace, and what a test feeds
    afterwards, milliseconds apart, would be late, rightly.
    """
    source = "idle_after: 1h"
    first = Site(kafka, folder / "a", source=source, shards=4, **settings)
    second = Site(kafka, folder / "b", source=source, create=False)
    second.name, second.topic = first.name, first.topic
    second.settings = first.settings | {"owns": "2-3", "listen": f"'127.0.0.1:{second.port}'"}
    first.settings["owns"] = "0-1"
    for each in (first, second):
        each.write(ROWS, kafka)
    return first, second


def start_and_wait(*hosts: Site) -> None:
    for each in hosts:
        each.start()
    for each in hosts:
        each.until(lambda each=each: each.health()[0] == 200, 120)  # type: ignore[misc]


def know_the_topics(*hosts: Site) -> None:
    """Some events later they have written down what their topics are."""
    hosts[0].feed(400)
    for each in hosts:
        each.until((each.folder / "state" / "topics").exists)


def kill_all_of_it(site: Site) -> None:
    """As when the machine goes."""
    assert site.process is not None
    for pid in [site.process.pid, *site.workers()]:
        os.kill(pid, signal.SIGKILL)
    site.process.wait()


def swctl(site: Site, *arguments: str) -> str:
    result = CliRunner().invoke(main, [*arguments, "--config", str(site.config)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("store", ["file", pytest.param("s3", marks=[pytest.mark.s3, pytest.mark.campaign])])
@pytest.mark.parametrize("how", ["command", "lease"])
def test_one_host_dies_and_the_other_takes_over(
    kafka: str, tmp_path: Path, store: str, how: str, request: pytest.FixtureRequest
) -> None:
    """The host with shard 0 goes with all its processes; what the other one says afterwards is exact."""
    settings: dict[str, object] = {"snapshot_store": f"file://{tmp_path}/shared"}
    if store == "s3":
        server: Server = request.getfixturevalue("s3")
        settings["snapshot_store"] = f"s3://{BUCKET}/{tmp_path.name}"
        settings["snapshot_store_options"] = json.dumps(server.options)
    if how == "lease":
        settings["take_over_after"] = "10s"
    first, second = two_hosts(kafka, tmp_path, **settings)
    try:
        start_and_wait(first, second)
        first.feed(600)
        second.until(lambda: first.metric("streamwatchd_shared_store_epoch") > 0)
        first.feed(200)
        kill_all_of_it(first)
        second.sent = first.sent
        second.feed(300)
        if how == "command":
            assert "taken over: 0, 1; at work here: 0, 1, 2, 3" in swctl(second, "takeover", "0-1")
        second.until(lambda: bool(second.logged("shards_taken_over")), 90)
        second.until(lambda: len(second.health()[1].get("shards", {})) == 4 and second.health()[0] == 200, 120)
        second.until_all_counted()
        assert any("taken from the shared snapshot store" in each["note"] for each in second.logged("worker_noted"))
    finally:
        first.end()
        second.end()


def test_a_host_that_comes_back_takes_its_own_shards_again(kafka: str, tmp_path: Path) -> None:
    """It died and was taken over; started again it works on what it `owns`, the other one lets go and works on."""
    first, second = two_hosts(kafka, tmp_path, snapshot_store=f"file://{tmp_path}/shared")
    try:
        start_and_wait(first, second)
        first.feed(400)
        first.until(lambda: first.metric("streamwatchd_records_total") > 0)
        kill_all_of_it(first)
        second.sent = first.sent
        swctl(second, "takeover", "0-1")
        second.feed(200)
        second.until(lambda: len(second.health()[1].get("shards", {})) == 4 and second.health()[0] == 200, 120)
        first.start()

        def is_let_go() -> bool:
            second.feed(20)  # who has something to commit hears of the fence at once
            return {each["shard"] for each in second.logged("shard_let_go")} == {0, 1}

        second.until(is_let_go, 120)
        first.until(lambda: first.health()[0] == 200 and set(first.health()[1]["shards"]) == {"0", "1"}, 120)
        second.until(lambda: second.health()[0] == 200 and set(second.health()[1]["shards"]) == {"2", "3"})
        second.feed(200)
        second.until_all_counted()
        assert len(second.samples("streamwatchd_worker_up")) == 2
        for each in (first, second):
            assert each.process is not None
            assert each.process.poll() is None
    finally:
        first.end()
        second.end()


def test_rules_change_on_all_hosts_at_one_instant(kafka: str, tmp_path: Path) -> None:
    """Both are at work; a rule that comes counts what the rule that stays counts, from the instant on, on both."""
    first, second = two_hosts(kafka, tmp_path, snapshot_store=f"file://{tmp_path}/shared")
    try:
        start_and_wait(first, second)
        first.feed(400)
        for each in (second, first):
            (each.folder / "rules.d" / "more.yaml").write_text(COUNTS.replace("counts", "more"))
        for each in (first, second):
            each.until(lambda each=each: bool(each.logged("rules_switched")), 120)  # type: ignore[misc]
        (made,), (followed,) = (each.logged("rules_switched") for each in (first, second))
        assert [made[name] for name in ("version", "at_ms", "content")] == [
            followed[name] for name in ("version", "at_ms", "content")
        ]
        first.feed(4_000)
        second.sent = first.sent
        first.finish()
        first.until(lambda: counted(first, "counts") == first.sent, 120)
        stays, comes = windows_from(first, "counts", made["at_ms"]), windows_from(first, "more", made["at_ms"])
        assert len(comes) >= 6
        assert comes == stays
        for each in (first, second):
            each.until(lambda each=each: each.metric("streamwatchd_rules_stale_seconds") == 0)  # type: ignore[misc]
    finally:
        first.end()
        second.end()


def counted(site: Site, kpi: str) -> int:
    return sum(row["values"]["n"] for row in site.kpis() if row["kpi"] == kpi)


def windows_from(site: Site, kpi: str, at_ms: int) -> dict[tuple[str, str], int]:
    """Of whole windows behind an instant, what was counted of each key."""
    return {
        (row["key"]["k"], row["window"]["start"]): row["values"]["n"]
        for row in site.kpis()
        if row["kpi"] == kpi and iso_ms(row["window"]["start"]) >= at_ms
    }


def test_hosts_that_begin_with_other_rules_wait_for_the_first(kafka: str, tmp_path: Path) -> None:
    """What is in force is in the shared store; a host's own files that differ wait, and change nothing."""
    first, second = two_hosts(kafka, tmp_path, snapshot_store=f"file://{tmp_path}/shared")
    second.write({"counts.yaml": COUNTS.replace("every: 10s", "every: 20s")}, kafka)
    try:
        second.start()
        second.until(lambda: bool(second.logged("host_waiting")))
        first.start_and_wait()
        second.until(lambda: second.health()[0] == 200)
        first.feed(500)
        second.sent = first.sent
        first.until_all_counted()
        assert not second.logged("rules_switched")
    finally:
        first.end()
        second.end()


@pytest.mark.campaign
def test_a_topic_made_anew_is_settled_on_the_host_that_leads(kafka: str, tmp_path: Path) -> None:
    """The other one goes by what that has settled."""
    first, second = two_hosts(kafka, tmp_path, snapshot_store=f"file://{tmp_path}/shared")
    try:
        start_and_wait(first, second)
        know_the_topics(first, second)
        admin = AdminClient({"bootstrap.servers": kafka})
        next(iter(admin.delete_topics([first.topic]).values())).result(30)
        for each in (first, second):
            each.until_left()
        first.create_topic()
        code, said = first.run("--accept", "gap")
        assert code == 0, said
        start_and_wait(first, second)
        first.feed(400)
        first.finish()
        first.until(lambda: sum(row["values"]["n"] for row in first.kpis()) >= 400, 60)
    finally:
        first.end()
        second.end()
