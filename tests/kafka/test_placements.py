"""Keys that lie in other partitions once there are more of them: nothing of theirs stays where they were."""

from __future__ import annotations

import json
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from streamwatchd.operators.document import iso
from streamwatchd.ports.kafka import Record
from tests.kafka.site import SOURCE_PARTITIONS, START_MS
from tests.kafka.test_fit import Operated
from tests.kafka.test_hosts import know_the_topics, start_and_wait, two_hosts

pytestmark = pytest.mark.kafka
RULES = """
source: events
every: 10s
rules:
  - {alarm: hot, by: k, when: x > 50}
  - {alarm: quiet, by: k, when: max(x over 10s) > 1000, no_data: alert after 20s}
"""
NEW = SOURCE_PARTITIONS


@pytest.fixture
def site(kafka: str, tmp_path: Path) -> Iterator[Operated]:
    site = Operated(kafka, tmp_path, source="key: k, fields: {x: float, k: string}")
    site.write({"counts.yaml": RULES}, str(site.kafka.options["bootstrap.servers"]))
    yield site
    site.end()


def say(site: Operated, start: int, end: int, *partitions: tuple[str, int]) -> None:
    """An event a second of each key, in its partition; all are taken in."""
    writer = site.kafka.plain_writer()
    for second in range(start, end):
        for key, partition in partitions:
            event = {"t": START_MS + 1000 * second, "k": key, "x": 80}
            writer.send([Record(site.topic, json.dumps(event).encode(), partition=partition)])
    writer.flush(30)
    writer.close()


def end(site: Operated, second: int) -> None:
    """All partitions come to there, and alarms that are due before are told."""
    say(site, second, second + 1, *((f"end{second}-{number}", number) for number in range(NEW + 1)))
    site.until(lambda: sum(each["key"]["k"].startswith(f"end{second}-") for each in site.output("alerts")) >= NEW + 1)


def told(site: Operated) -> list[tuple[str, ...]]:
    """Of the two keys, in order of their time."""
    alerts = sorted(site.output("alerts"), key=lambda each: str(each["at"]))
    return [
        (key, each["rule"], each["event"], each["reason"] or "")
        for key in ("moves", "stays")
        for each in alerts
        if each["key"]["k"] == key
    ]


def more_partitions(site: Operated, settle: str, *, lost: bool = False) -> None:
    """Two keys are heard of for 30 seconds before they come, and accepted; it is started again. `lost`: without its
    state folder."""
    site.settings["partitions_settle"] = settle
    site.write({"counts.yaml": RULES}, str(site.kafka.options["bootstrap.servers"]))
    site.start_and_wait()
    say(site, 0, 30, ("moves", 0), ("stays", 1))
    site.until(lambda: site.metric("streamwatchd_records_total") >= 60)
    site.until((site.folder / "state" / "topics").exists)
    site.signal(signal.SIGTERM)
    site.add_partitions(NEW + 1)
    if lost:
        shutil.rmtree(site.folder / "state")
    site.settle("partitions", f"topic {site.topic} has {NEW + 1} partitions, it had {NEW}")
    site.start()


def switched(site: Operated, why: str) -> dict[str, object]:
    site.until(lambda: any(why in line for line in site.logged("rules_switched")))
    (line,) = [line for line in site.logged("rules_switched") if why in line]
    return line


FIRED, RESOLVED = ("hot", "fired", ""), ("hot", "resolved", "partitions_changed")
SILENT = ("quiet", "no_data", "")


@pytest.mark.parametrize("lost", [False, pytest.param(True, marks=pytest.mark.campaign)])
def test_a_key_that_moves_leaves_no_alarm_and_no_silence_behind(site: Operated, lost: bool) -> None:
    """A key that stays is told again. So it is after a kill that took the state folder along, and where that was gone
    before partitions were added."""
    more_partitions(site, "0s", lost=lost)
    line = switched(site, "placed_anew")
    assert (line["placed_anew"], line["at_ms"]) == ([site.topic], START_MS + 29_001)
    say(site, 30, 100, ("moves", NEW), ("stays", 1))
    site.until(lambda: site.metric("streamwatchd_records_total") >= 140)
    workers = site.workers()
    site.signal(signal.SIGKILL)
    site.until(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in workers))  # they finish, and write
    shutil.rmtree(site.folder / "state")
    site.start()
    end(site, 300)
    assert told(site) == [(key, *each) for key in ("moves", "stays") for each in (FIRED, RESOLVED, FIRED, SILENT)]
    silences = {each["at"] for each in site.output("alerts") if each["event"] == "no_data"}
    assert silences == {iso(START_MS + 120_000)}


@pytest.mark.campaign
def test_while_producers_have_not_heard_of_it_nobody_is_called_silent(site: Operated) -> None:
    """Neither who has moved by then, nor who is silent; and once they have, it is as if all had begun there."""
    more_partitions(site, "20s")
    assert switched(site, "settling")["settling"] == [site.topic]
    say(site, 30, 60, ("moves", NEW), ("stays", 1))
    end(site, 100)
    early = told(site)
    assert early == [("moves", *FIRED), ("moves", *FIRED), ("stays", *FIRED)]
    site.signal(signal.SIGKILL)
    site.start()
    switched(site, "placed_anew")
    say(site, 101, 131, ("moves", NEW), ("stays", 1))
    end(site, 300)
    assert Counter(told(site)) == {
        ("moves", *FIRED): 3, ("moves", *RESOLVED): 2, ("moves", *SILENT): 1,
        ("stays", *FIRED): 2, ("stays", *RESOLVED): 1, ("stays", *SILENT): 1,
    }  # fmt: skip


@pytest.mark.campaign
def test_on_several_hosts_one_word_does(kafka: str, tmp_path: Path) -> None:
    """Said on the host with shard 0; the other one, which knew the topic as it was, needs nothing more."""
    first, second = two_hosts(kafka, tmp_path, snapshot_store=f"file://{tmp_path}/shared", partitions_settle="0s")
    try:
        start_and_wait(first, second)
        know_the_topics(first, second)
        admin = AdminClient({"bootstrap.servers": kafka})
        next(iter(admin.create_partitions([NewPartitions(first.topic, NEW + 2)]).values())).result(30)
        for each in (first, second):
            each.until_left()
        first.partitions = second.partitions = NEW + 2
        first.feed(200)
        code, said = first.run("--accept", "partitions")
        assert code == 0, said
        start_and_wait(first, second)
        for each in (first, second):
            each.until(lambda each=each: any("placed_anew" in line for line in each.logged("rules_switched")), 120)  # type: ignore[misc]
        first.feed(400)
        first.until_all_counted()
    finally:
        first.end()
        second.end()
