"""`streamwatchd.yaml`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from streamwatchd.lang.typed import NUMBER, STRING, Kind, Type
from streamwatchd.rules import codes
from streamwatchd.rules.loader import Loaded
from streamwatchd.rules.ruleset import FieldDeclaration, Source
from streamwatchd.settings import SelfAlerts, Settings, Topics

Check = Callable[..., Loaded]
ONE = "sources: {s: {topic: t}}\n"


def codes_of(loaded: Loaded) -> list[str]:
    return [each.code for each in loaded.diagnostics]


def test_defaults_are_those_of_settings(check: Check) -> None:
    """Paths are absolute, beside the file."""
    loaded = check(config=ONE)
    here = Path.cwd()
    assert loaded.settings == Settings(
        here / "streamwatchd.yaml",
        state_dir=here / "state",
        rules_dir=here / "rules.d",
        enrichment_dir=here / "enrichment.d",
        calendars_dir=here / "calendars.d",
        silences_dir=here / "silences.d",
        models=f"file://{here / 'models'}",
        control_socket=here / "state" / "control.sock",
    )
    assert loaded.ruleset.sources == {"s": Source("s", "t")}


def test_every_setting_arrives(check: Check) -> None:
    """One file with all of them."""
    loaded = check(
        config=ONE
        + "app: noc\nshards: 4\nstate_dir: /var/lib/streamwatchd\nlisten: '[::1]:9999'\nexchange_partitions: 8\n"
        + "max_future: 1m\nidle_jump: 2h\nmax_ahead: 3h\nbackfill: 4h\npartitions_settle: 6m\nmax_record_bytes: 2048\n"
        + "batch_records: 100\nsnapshot_every: 30s\n"
        + "commit_every: 200ms\nstart_from: latest\ndelivery: at_least_once\nlog_level: debug\n"
        + "topics: {alerts: a, kpis: k, late: l, dead_letters: d, enriched: e, exchange: x, journal: j, "
        + "self_alerts: s, heartbeat: h, anomalies: o}\n"
        + "self_alerts: {never: [fenced, lso_lag], heartbeat_every: 5s, quiet: 1m, worker_down: 2s, "
        + "input_outpaces: 3s, watermark_lag: 4s, lso_lag: 5s, commit_stuck: 11s, snapshot_age: 6s, "
        + "rules_stale: 7s, model_hold: 9s, "
        + "table_stale: 8s, late_share: 1%, dead_letter_share: 2%, disk_free: 3%, fd_free: 4%}\n"
        + 'kafka: {bootstrap.servers: "a:1,b:2", sasl.password: 0123, ssl.key.password: "7", linger.ms: 5, '
        + "enable.ssl.certificate.verification: true}\n"
    )
    assert codes_of(loaded) == [codes.AMBIGUOUS_NUMBER]
    settings = check(config=(Path.cwd() / "streamwatchd.yaml").read_text().replace("0123", "'0123'")).settings
    assert settings is not None
    assert (settings.app, settings.shards, settings.state_dir) == ("noc", 4, Path("/var/lib/streamwatchd"))
    assert (settings.listen, settings.exchange_partitions, settings.max_future_ms) == ("[::1]:9999", 8, 60_000)
    assert settings.max_ahead_ms == 10_800_000
    assert (settings.idle_jump_ms, settings.max_record_bytes, settings.batch_records) == (7_200_000, 2_048, 100)
    assert (settings.snapshot_every_ms, settings.commit_every_ms) == (30_000, 200)
    assert (settings.start_from, settings.delivery, settings.log_level) == ("latest", "at_least_once", "debug")
    assert settings.topics == Topics("a", "k", "l", "d", "e", "x", "j", "s", "h", "o")
    assert settings.self_alerts == SelfAlerts(
        frozenset({"fenced", "lso_lag"}), 5_000, 60_000, 2_000, 3_000, 4_000, 5_000, 11_000, 6_000, 7_000, 9_000,
        8_000, 0.01, 0.02, 0.03, 0.04,
    )  # fmt: skip
    assert settings.kafka == {
        "bootstrap.servers": "a:1,b:2",
        "sasl.password": "0123",
        "ssl.key.password": "7",
        "linger.ms": 5,
        "enable.ssl.certificate.verification": True,
    }


def test_no_time_at_all_is_a_duration_too(check: Check) -> None:
    """And not the default."""
    loaded = check(config="sources: {s: {topic: t, max_delay: 0s}}\nbackfill: 0s\npartitions_settle: 0s\n")
    settings = loaded.settings
    assert settings is not None
    assert (settings.backfill_ms, settings.partitions_settle_ms) == (0, 0)
    assert loaded.ruleset.sources["s"].max_delay_ms == 0


def test_a_source_with_everything(check: Check) -> None:
    """As in LANGUAGE."""
    loaded = check(
        config="""
sources:
  s:
    topic: t
    format: json
    time: ts
    unit: ms
    max_delay: 0s
    idle_after: 1m
    key: host
    strict: true
    emit_enriched: true
    fields:
      host: string
      cpu: {type: float, unit: "%"}
      octets: {type: counter, unit: bytes, per: [host, ifname]}
      up: bool
    drop: up == false
    sample: 10%
    enrich: {devices: host}
"""
    )
    assert loaded.diagnostics == ()
    source = loaded.ruleset.sources["s"]
    assert (source.time, source.time_unit, source.max_delay_ms, source.idle_after_ms) == ("ts", "ms", 0, 60_000)
    assert (source.key, source.strict, source.emit_enriched, source.sample) == ("host", True, True, 0.1)
    assert source.fields["host"] == FieldDeclaration(STRING)
    assert source.fields["cpu"] == FieldDeclaration(Type(Kind.NUMBER, "percent"))
    assert source.fields["octets"] == FieldDeclaration(Type(Kind.NUMBER, "bytes"), True, ("host", "ifname"))
    assert source.drop is not None
    assert [(join.table, join.on) for join in source.enrich] == [("devices", "host")]


def test_kinds_of_undeclared_fields_come_from_all_rules(check: Check) -> None:
    """One rule can't tell, another can."""
    loaded = check(
        "source: s\nevery: 1m\nrules:\n"
        "  - kpi: k\n    by: colour\n    values: {x: last(size)}\n"
        "  - alarm: a\n    by: colour\n    when: size > 5\n",
        config="sources: {s: {topic: t, drop: kind == 'beat'}}\n",
    )
    assert loaded.diagnostics == ()
    assert loaded.ruleset.sources["s"].inferred == {"colour": STRING, "kind": STRING, "size": NUMBER}
    assert loaded.ruleset.rule("k").values[0].expr.type == NUMBER


@pytest.mark.parametrize("address", ["9464", "host", "host:", "host:99999", "a b:1", "::1:9"])
def test_addresses_that_are_none(check: Check, address: str) -> None:
    """Port 0 to 65535, and a host or none."""
    assert codes_of(check(config=f"{ONE}listen: '{address}'\n")) == [codes.BAD_ADDRESS]


def test_tables_may_lie_in_a_folder_called_enrichment(check: Check, tmp_path: Path) -> None:
    """Where there is no `enrichment.d`."""
    check(config=ONE)
    (tmp_path / "enrichment.d").rename(tmp_path / "enrichment")
    from streamwatchd.rules.loader import load

    assert set(load(Path("streamwatchd.yaml")).tables) == {"devices", "sites"}


def test_a_sample_of_keys_needs_a_key(check: Check) -> None:
    """A share of what has no key can't be kept the same way twice."""
    assert codes_of(check(config="sources: {s: {topic: t, sample: 10%}}\n")) == [codes.MISSING_FIELD]
    assert codes_of(check(config="sources: {s: {topic: t, sample: 10%, key: host}}\n")) == []


def test_models_are_in_a_folder_or_a_bucket(check: Check) -> None:
    """A path is relative to the file."""
    here = Path.cwd

    def where(text: str) -> tuple[str, Path]:
        settings = check(config=f"{ONE}models: {text}\n").settings
        assert settings is not None
        return settings.models, settings.models_root

    assert where("fleet/models") == (f"file://{here() / 'fleet/models'}", here() / "fleet/models")
    assert where("s3://monitoring/models") == ("s3://monitoring/models", Path("/models"))
    assert codes_of(check(config=f"{ONE}models: http://elsewhere/models\n")) == [codes.WRONG_TYPE]
