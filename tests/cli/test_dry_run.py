"""`swctl dry-run`; what it prints stands in tests/cases/cli."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest
import zstandard

from streamwatchd.ports.murmur2 import partition_of
from tests.cli.small import START, copy, swctl
from tests.cli.test_plan import git

NOW = ("--now", "2026-01-06T00:00:00Z")
SHOPS = ("north", "south", "east")
EVENTS = [
    {"ts": START + second, "shop": shop, "page": "home", "status": 200, "latency": 900 if 100 <= second < 200 else 100}
    for second in range(0, 400, 5)
    for shop in SHOPS
]
BARE = "".join(json.dumps(event) + "\n" for event in EVENTS).encode()


def envelope(event: dict[str, object], offset: int, partitions: int) -> str:
    partition = partition_of(str(event["shop"]).encode(), partitions)
    stamp = int(str(event["ts"])) * 1000
    record = {"topic": "web.requests", "partition": partition, "offset": offset, "timestamp": stamp, "value": event}
    return json.dumps(record) + "\n"


def answers(config: Path, recording: object, *options: object, input: bytes | None = None) -> dict[str, list[str]]:
    out = config.parent / "out"
    result = swctl("dry-run", "--config", config, recording, "--out", out, *NOW, *options, input=input)
    assert result.exit_code == 0, result.output
    return {path.name: sorted(path.read_text().splitlines()) for path in out.iterdir()}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return copy(tmp_path)


def test_the_answers_do_not_depend_on_the_form(config: Path) -> None:
    """Plain, packed, Parquet or standard input; bare or as envelopes, in one partition or in several."""
    folder = config.parent
    envelopes = "".join(envelope(event, number, 3) for number, event in enumerate(EVENTS)).encode()
    (folder / "a.ndjson").write_bytes(BARE)
    (folder / "a.ndjson.gz").write_bytes(gzip.compress(BARE))
    (folder / "a.ndjson.zst").write_bytes(zstandard.compress(BARE))
    (folder / "envelopes.ndjson").write_bytes(envelopes)
    pl.DataFrame(EVENTS).write_parquet(folder / "a.parquet")
    expected = answers(config, folder / "a.ndjson")
    assert [len(expected[name]) for name in sorted(expected)] == [6, 0, 0, 6, 0, 0]
    for name in ("a.ndjson.gz", "a.ndjson.zst", "a.parquet", "envelopes.ndjson"):
        assert answers(config, folder / name) == expected, name
    assert answers(config, "-", input=BARE) == expected
    assert answers(config, "-", input=envelopes) == expected
    assert answers(config, folder / "a.ndjson", "--partitions", 4) == expected
    assert answers(config, folder / "a.ndjson", "--source", "web") == expected


def test_flush_closes_what_the_watermark_has_not(config: Path) -> None:
    """The last minute of the KPI."""
    (config.parent / "a.ndjson").write_bytes(BARE)
    open_, closed = (answers(config, config.parent / "a.ndjson", *options) for options in ((), ("--flush",)))
    assert set(closed["kpis.ndjson"]) > set(open_["kpis.ndjson"])
    assert closed["alerts.ndjson"] == open_["alerts.ndjson"]


def test_tables_lie_in_either_folder(config: Path) -> None:
    """`enrichment.d/` or `enrichment/` beside the configuration."""
    (config.parent / "a.ndjson").write_bytes(BARE)
    expected = answers(config, config.parent / "a.ndjson")
    assert '"owner":"ops"' in expected["alerts.ndjson"][0] + expected["alerts.ndjson"][1] + expected["alerts.ndjson"][2]
    (config.parent / "enrichment.d").rename(config.parent / "enrichment")
    assert answers(config, config.parent / "a.ndjson") == expected


def test_rules_may_come_from_another_folder(config: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """To try an edit beside what is in force."""
    folder = tmp_path_factory.mktemp("rules")
    (folder / "a.yaml").write_text("source: web\nrules: [{kpi: all, by: shop, every: 1m, values: {n: count()}}]\n")
    (config.parent / "a.ndjson").write_bytes(BARE)
    found = answers(config, config.parent / "a.ndjson", "--rules", folder)
    assert {json.loads(row)["kpi"] for row in found["kpis.ndjson"]} == {"all"}


def test_bare_events_need_a_source_where_there_are_several(config: Path) -> None:
    """Which one it is can't be guessed."""
    config.write_text(config.read_text() + "  other: {topic: other}\n")
    (config.parent / "a.ndjson").write_bytes(BARE)
    result = swctl("dry-run", "--config", config, config.parent / "a.ndjson", "--out", config.parent / "out")
    assert (result.exit_code, "say which source they belong to" in result.stderr) == (2, True)


def test_a_partition_that_no_topic_has_is_refused(config: Path) -> None:
    """There would be a task for each up to it."""
    line = '{"topic": "web.requests", "partition": 1099511627776, "offset": 1, "timestamp": 1, "value": {}}\n'
    (config.parent / "a.ndjson").write_text(line)
    result = swctl("dry-run", "--config", config, config.parent / "a.ndjson", "--out", config.parent / "out")
    assert (result.exit_code, "is of partition 1,099,511,627,776" in result.stderr) == (2, True)


def test_an_empty_recording_is_one(config: Path) -> None:
    """Four empty files."""
    assert not any(answers(config, "-", input=b"").values())


def test_an_edit_since_a_revision_has_a_budget_for_noise(config: Path) -> None:
    """New alerts and lost ones are told against what was committed, and exit 1 is for CI."""
    (config.parent / "a.ndjson").write_bytes(BARE)
    git(config.parent, "init", "--quiet")
    git(config.parent, "add", "--all")
    git(config.parent, "commit", "--quiet", "--message", "first")
    rules = config.parent / "rules.d" / "shop.yaml"
    rules.write_text(f"{rules.read_text()}\n  - {{alarm: any_slow, when: latency > 800ms}}\n")
    dry_run = ("dry-run", "--config", config, config.parent / "a.ndjson", *NOW, "--against", "HEAD")
    result = swctl(*dry_run, "--output", "json", "--max-new", 59)
    added = {line["rule"]: line["added"] for line in json.loads(result.stdout)["lines"]}
    assert added == {"any_slow": 60, "shop_slow": 0}
    assert (result.exit_code, result.stderr) == (1, "swctl: 60 alerts added, --max-new allows 59\n")
    assert swctl(*dry_run, "--max-new", 60, "--max-gone", 0).exit_code == 0


def test_a_revision_that_does_not_check_is_named(config: Path) -> None:
    """With its files, and not with the folder in which it was looked at."""
    (config.parent / "a.ndjson").write_bytes(BARE)
    rules = config.parent / "rules.d" / "shop.yaml"
    good = rules.read_text()
    rules.write_text(good.replace("over 1m", "over"))
    git(config.parent, "init", "--quiet")
    git(config.parent, "add", "--all")
    git(config.parent, "commit", "--quiet", "--message", "broken")
    rules.write_text(good)
    result = swctl("dry-run", "--config", config, config.parent / "a.ndjson", *NOW, "--against", "HEAD")
    assert result.exit_code == 1
    assert "--> HEAD:rules.d/shop.yaml:" in result.stderr
    assert "swctl-plan" not in result.stderr


def test_occurrences_are_not_still_up(config: Path) -> None:
    """They have no end that could be missing."""
    (config.parent / "a.ndjson").write_bytes(BARE)
    rules = config.parent / "rules.d" / "shop.yaml"
    rules.write_text(f"{rules.read_text()}\n  - {{alarm: any_slow, when: latency > 800ms}}\n")
    result = swctl("dry-run", "--config", config, config.parent / "a.ndjson", "--out", config.parent / "out", *NOW)
    assert "any_slow: 60 fired" in result.stdout
    assert "still up" not in result.stdout
