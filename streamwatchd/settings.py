"""`streamwatchd.yaml`: how the daemon runs. The loader in `rules/` fills it and reports mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

OFF = "off"
SELF_ALERTS = (
    "worker_down", "worker_restarted", "worker_crash_loop", "fenced", "worker_refused", "shard_taken_over",
    "input_outpaces", "watermark_lag", "lso_lag", "offset_gap", "topic_id_changed", "topic_missing",
    "partitions_changed", "commit_stuck", "commit_unknown_outcome", "producer_rebuilt", "snapshot_age",
    "snapshot_fallback", "snapshot_failed", "journal_gap", "shared_store", "late_share", "dead_letter_share",
    "future_skew", "key_cap_reached", "rule_file_invalid", "rules_stale", "table_stale", "model_refused",
    "model_failed", "model_floods", "model_drifts", "model_blind", "model_rolled_back", "disk_free", "fd_free",
)  # fmt: skip
"""Names of all; `daemon/selfwatch/conditions.py` says what each means."""


@dataclass(frozen=True, slots=True)
class Topics:
    """Output topics; `enriched` empty means off. `exchange` and `journal` are internal.

    `self_alerts` empty means with the alerts; it and `heartbeat` may be off.
    """

    alerts: str = "streamwatchd.alerts"
    kpis: str = "streamwatchd.kpis"
    late: str = "streamwatchd.late"
    dead_letters: str = "streamwatchd.dead-letters"
    enriched: str = ""
    exchange: str = "streamwatchd.exchange"
    journal: str = "streamwatchd.journal"
    self_alerts: str = ""
    heartbeat: str = "streamwatchd.heartbeat"
    anomalies: str = "streamwatchd.anomalies"
    shadow: str = "streamwatchd.shadow"

    @property
    def of_self_alerts(self) -> str:
        """Where they go; empty when they are off."""
        return {"": self.alerts, OFF: ""}.get(self.self_alerts, self.self_alerts)

    @property
    def of_heartbeat(self) -> str:
        """Where it goes; empty when it is off."""
        return "" if self.heartbeat == OFF else self.heartbeat


@dataclass(frozen=True, slots=True)
class SelfAlerts:
    """When the daemon alerts on itself: limits, beyond which an alert of that name fires; those in `never` never
    do. Shares are of records. `quiet_ms` is how long after its last event an alert on events goes on.
    `table_stale_ms` 0 is off."""

    never: frozenset[str] = frozenset()
    heartbeat_every_ms: int = 10_000
    quiet_ms: int = 600_000
    worker_down_ms: int = 60_000
    input_outpaces_ms: int = 10_000
    watermark_lag_ms: int = 300_000
    lso_lag_ms: int = 120_000
    commit_stuck_ms: int = 10_000
    snapshot_age_ms: int = 600_000
    rules_stale_ms: int = 60_000
    model_hold_ms: int = 60_000
    table_stale_ms: int = 0
    late_share: float = 0.05
    dead_letter_share: float = 0.01
    disk_free: float = 0.1
    fd_free: float = 0.1


@dataclass(frozen=True, slots=True)
class Settings:
    """`kafka` are allow-listed librdkafka options. Paths are absolute. `listen` is host:port of the HTTP port.
    `delivery` is exactly_once or at_least_once. `snapshot_store` is file:///folder or s3://bucket/prefix, empty for
    none; `models` is the like address of the repository of models.
    `owns` are the shards of this host, empty for all; `take_over_after_ms` 0 is never. `control_socket` None is off;
    members of the group `control_group` may use it. `control_topic` empty is none."""

    config_path: Path
    app: str = "streamwatchd"
    kafka: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    shards: int = 2
    owns: tuple[int, ...] = ()
    take_over_after_ms: int = 0
    state_dir: Path = Path("state")
    rules_dir: Path = Path("rules.d")
    enrichment_dir: Path = Path("enrichment.d")
    calendars_dir: Path = Path("calendars.d")
    silences_dir: Path = Path("silences.d")
    models: str = "file:///models"
    listen: str = "127.0.0.1:9464"
    topics: Topics = Topics()
    exchange_partitions: int = 4
    max_future_ms: int = 300_000
    idle_jump_ms: int = 3_600_000
    max_ahead_ms: int = 3_600_000
    backfill_ms: int = 3_600_000
    partitions_settle_ms: int = 300_000
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
    control_topic: str = ""
    self_alerts: SelfAlerts = SelfAlerts()

    @property
    def models_root(self) -> Path:
        """The folder of the repository of models, in its store."""
        return Path("/") / urlsplit(self.models).path.lstrip("/")


def numbers_of(text: str) -> tuple[int, ...]:
    """`0-1,4` → 0, 1, 4. Raises ValueError for anything else."""
    found: set[int] = set()
    for part in text.replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if not first.isdigit() or not (last or first).isdigit():
            raise ValueError("write numbers and ranges, such as 0-1 or 0,4")
        found.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(found))
