"""Rules and sources that come and go under a daemon on a real Kafka."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamwatchd.operators.document import iso
from streamwatchd.ports.kafka import NewTopic, Record
from tests.kafka.site import START_MS, Site

pytestmark = pytest.mark.kafka

ALARMS = """
source: events
every: 10s
rules:
  - {alarm: windows, by: k, when: count(over 10s) > 3}
  - {alarm: at_once, by: k, when: n >= 0}
  - {alarm: far, by: place, when: count(over 10s) > 3}
"""
EXTRA = """
source: extra
rules:
  - {kpi: extras, by: k, every: 10s, values: {n: count()}}
"""
LEFT_AND_RIGHT = ("left", "right")
SHARED = "params: {factor: FACTOR}\nlabels: {times: 'FACTOR'}\n"
MANY = """
source: events
rules:
  - {kpi: NAME, by: k, every: 10s, values: {n: factor * count()}}
"""


@pytest.fixture
def site(kafka: str, tmp_path: Path) -> Iterator[Site]:
    made = Site(kafka, tmp_path)
    yield made
    made.end()


def put(site: Site, name: str, content: str | bytes) -> None:
    """Written in place, as editors and scripts do that know no better."""
    data = content.encode() if isinstance(content, str) else content
    (site.folder / "rules.d" / name).write_bytes(data)


def reload(site: Site) -> None:
    """SIGHUP; back when it has been compiled."""
    before = site.metric("streamwatchd_reloads_total")
    assert site.process is not None
    site.process.send_signal(signal.SIGHUP)
    site.until(lambda: site.metric("streamwatchd_reloads_total") > before)


def settled(site: Site) -> bool:
    """What was compiled last is in force."""
    compiled, switched = site.logged("rules_compiled"), site.logged("rules_switched")
    return bool(switched) and compiled[-1]["content"] == switched[-1]["content"]


def ready(site: Site) -> bool:
    """What was there at the start is in force."""
    return len(site.logged("daemon_ready")) == len(site.logged("daemon_started"))


def test_a_rule_that_goes_resolves_its_alarms(site: Site) -> None:
    """Of every place where rules run: in the topic of alerts, with the reason."""
    put(site, "alarms.yaml", ALARMS)
    site.start_and_wait()
    site.feed(3_000, n=1, place="here")
    site.until(lambda: {alert["rule"] for alert in site.output("alerts")} == {"windows", "at_once", "far"})
    (site.folder / "rules.d" / "alarms.yaml").unlink()
    reload(site)
    site.until(lambda: settled(site))
    site.feed(3_000, n=1, place="here")
    site.finish()
    site.until(lambda: not still_up(site))
    ended = {(a["rule"], a["reason"]) for a in site.output("alerts") if a["state"] == "resolved"}
    assert ended >= {(name, "rule_removed") for name in ("windows", "at_once", "far")}


def still_up(site: Site) -> set[str]:
    last = {alert["id"]: alert for alert in sorted(site.output("alerts"), key=lambda alert: alert["seq"])}
    return {id for id, alert in last.items() if alert["state"] != "resolved"}


def test_shared_words_change_the_rules_of_all_files_at_one_instant(site: Site) -> None:
    """Of two files the same row is the first one of the new words; while `shared.yaml` is broken both go on."""
    for name in LEFT_AND_RIGHT:
        put(site, f"{name}.yaml", MANY.replace("NAME", name))
    put(site, "shared.yaml", SHARED.replace("FACTOR", "2"))
    site.start_and_wait()
    site.feed(3_000)
    put(site, "shared.yaml", SHARED.replace("FACTOR", "a lot"))
    reload(site)
    site.until(lambda: site.metric("streamwatchd_refused_files") == 1)
    site.feed(3_000)
    fed_since = iso(START_MS + 30_000)
    site.until(lambda: last_row(site) >= fed_since)
    put(site, "shared.yaml", SHARED.replace("FACTOR", "5"))
    reload(site)
    site.until(lambda: len(site.logged("rules_switched")) > 0 and settled(site))
    assert site.metric("streamwatchd_refused_files") == 0
    assert [Path(line["path"]).name for line in site.logged("file_refused")] == ["shared.yaml"]
    site.feed(3_000)
    until_counted(site)
    site.until(lambda: all_written(site))
    left, right = (factors(site, name) for name in LEFT_AND_RIGHT)
    assert left == right
    assert list(left.values()) == sorted(left.values())
    assert set(left.values()) == {2, 5}
    assert left[fed_since] == 2


def last_row(site: Site) -> str:
    """The last window of both files that is written."""
    windows = {name: [row["window"]["start"] for row in site.kpis() if row["kpi"] == name] for name in LEFT_AND_RIGHT}
    return min(max(each, default="") for each in windows.values())


def all_written(site: Site) -> bool:
    """As many rows of both files as of what is counted beside them."""
    rows = Counter(row["kpi"] for row in site.kpis())
    return all(rows[name] == rows["counts"] for name in LEFT_AND_RIGHT)


def factors(site: Site, name: str) -> dict[str, int]:
    """By the start of each window, in order: by what its rows multiply what is counted, as their label says too."""
    counted = {
        (row["key"]["k"], row["window"]["start"]): row["values"]["n"] for row in site.kpis() if row["kpi"] == "counts"
    }
    rows = {(row["key"]["k"], row["window"]["start"]): row for row in site.kpis() if row["kpi"] == name}
    assert rows.keys() == counted.keys()
    found: dict[str, set[int]] = {}
    for (key, start), row in sorted(rows.items(), key=lambda entry: entry[0][1]):
        assert row["values"]["n"] == int(row["labels"]["times"]) * counted[key, start]
        found.setdefault(start, set()).add(int(row["labels"]["times"]))
    assert all(len(each) == 1 for each in found.values())
    return {start: min(each) for start, each in found.items()}


def test_a_source_comes_and_goes_with_a_restart(site: Site) -> None:
    """The others count on, each event once; what is kept of the one that is gone hinders no later start."""
    admin = site.kafka.admin()
    admin.ensure_topics([NewTopic(f"{site.name}.extra", 2)])
    admin.close()
    site.start_and_wait()
    site.feed(1_000)
    assert site.signal(signal.SIGTERM) == 0
    before = site.config.read_text()
    line = f"sources: {{extra: {{topic: {site.name}.extra, time: t, max_delay: 1s, key: k}}, "
    site.config.write_text(before.replace("sources: {", line))
    put(site, "extra.yaml", EXTRA)
    site.start_and_wait()
    site.until(lambda: ready(site))
    site.feed(1_000)
    send_extra(site, site.sent)
    site.until(lambda: any(row["kpi"] == "extras" for row in site.output("kpis")))
    assert site.signal(signal.SIGTERM) == 0
    site.config.write_text(before)
    (site.folder / "rules.d" / "extra.yaml").unlink()
    for _ in range(2):
        site.start_and_wait()
        site.until(lambda: ready(site))
        site.feed(1_000)
        assert site.signal(signal.SIGTERM) == 0
    site.start_and_wait()
    until_counted(site)
    assert not site.logged("worker_lost")


def until_counted(site: Site) -> None:
    """Every event of the source that stays is counted once."""
    site.finish()

    def counted() -> int:
        return sum(row["values"]["n"] for row in site.kpis() if row["kpi"] == "counts")

    site.until(lambda: counted() >= site.sent)
    assert counted() == site.sent


def send_extra(site: Site, number: int) -> None:
    writer = site.kafka.plain_writer()
    writer.send(
        Record(
            f"{site.name}.extra",
            json.dumps({"t": START_MS + 10 * number + 1_000 * second, "k": "k"}).encode(),
            partition=second % 2,
        )
        for second in range(120)
    )
    writer.flush(30)
    writer.close()
