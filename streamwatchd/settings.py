"""`streamwatchd.yaml`: how the daemon runs. The loader in `rules/` fills it and reports mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Topics:
    """Output topics; `enriched` empty means off. `exchange` and `journal` are internal."""

    alerts: str = "streamwatchd.alerts"
    kpis: str = "streamwatchd.kpis"
    late: str = "streamwatchd.late"
    dead_letters: str = "streamwatchd.dead-letters"
    enriched: str = ""
    exchange: str = "streamwatchd.exchange"
    journal: str = "streamwatchd.journal"


@dataclass(frozen=True, slots=True)
class Settings:
    """`kafka` are allow-listed librdkafka options. Paths are absolute. `listen` is host:port of the HTTP port.
    `delivery` is exactly_once or at_least_once. `snapshot_store` is file:///folder or s3://bucket/prefix, empty for
    none. `control_socket` None is off; members of the group `control_group` may use it."""

    config_path: Path
    app: str = "streamwatchd"
    kafka: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    shards: int = 2
    state_dir: Path = Path("state")
    rules_dir: Path = Path("rules.d")
    enrichment_dir: Path = Path("enrichment.d")
    listen: str = "127.0.0.1:9464"
    topics: Topics = Topics()
    exchange_partitions: int = 4
    max_future_ms: int = 300_000
    idle_jump_ms: int = 3_600_000
    max_ahead_ms: int = 3_600_000
    max_record_bytes: int = 1_048_576
    batch_records: int = 20_000
    snapshot_every_ms: int = 10_000
    commit_every_ms: int = 1_000
    snapshot_store: str = ""
    snapshot_store_options: Mapping[str, str] = field(default_factory=dict)
    start_from: str = "earliest"
    delivery: str = "exactly_once"
    log_level: str = "info"
    control_socket: Path | None = None
    control_group: str = ""
