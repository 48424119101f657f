"""The fields of `streamwatchd.yaml` and of a table's file, each declared once."""

from __future__ import annotations

from streamwatchd.fields import (
    Anything,
    Choice,
    Duration,
    Either,
    Expression,
    Field,
    Integer,
    ListOf,
    MapOf,
    Name,
    Record,
    Share,
    Text,
    Truth,
)
from streamwatchd.rules.foreign_names import OF_SETTINGS, OF_SOURCES
from streamwatchd.settings import SELF_ALERTS

_TOPIC = Text("a topic name", r"[A-Za-z0-9._-]{1,249}")
_OFF_TOPIC = Text("a topic name, or off", r"[A-Za-z0-9._-]{1,249}")
_APP = Text("a name of letters, digits, `.`, `_` and `-`", r"[A-Za-z0-9._-]{1,100}")

TYPES = ("float", "int", "number", "string", "bool", "counter")
FORMATS = ("json",)
LATER_FORMATS = ("telegraf", "beats", "influx", "connect", "avro", "protobuf", "json_schema", "otlp", "logfmt", "csv")

FIELD = Record(
    "a field declaration",
    (
        Field(
            "type",
            Choice(TYPES),
            "What the values are; `counter` only grows, and starts again at 0.",
            "float",
            required=True,
        ),
        Field("unit", Text("a unit"), "The unit of the values: percent is 0–100, ratio is 0–1.", "percent"),
        Field(
            "per",
            ListOf(Name("a field name"), or_one=True),
            "The fields that tell one counter from the next.",
            "[device, ifname]",
        ),
        Field(
            "gap",
            Duration(1, 86_400_000),
            "Of a counter: a sample that comes later than this after the one before begins anew.",
            "1h",
            default="20m",
        ),
        Field(
            "bits",
            Choice(("32", "64")),
            "Of a counter: it wraps at so many bits. Without it a fall is a restart at 0.",
            "32",
        ),
    ),
    "The type and unit of a field.",
)

SOURCE = Record(
    "a source",
    (
        Field("topic", _TOPIC, "The Kafka topic.", "telecom.metrics", required=True),
        Field("format", Choice((*FORMATS, *LATER_FORMATS)), "How records are written.", "json", default="json"),
        Field(
            "time",
            Text("a field name, or kafka"),
            "The field with the event time; `kafka` is the record's own.",
            "ts",
            default="time",
        ),
        Field(
            "unit",
            Choice(("s", "ms", "us", "ns")),
            "The unit of a time that is a number; found by size if not given.",
            "ms",
        ),
        Field("max_delay", Duration(0), "How far out of order events may come.", "5s", default="5s"),
        Field(
            "late",
            Choice(("side", "drop")),
            "Events that come later than that: `side` writes them to `topics.late`, `drop` only counts them.",
            "drop",
            default="side",
        ),
        Field(
            "idle_after",
            Duration(),
            "A partition silent this long, at its end, holds nothing up.",
            "30s",
            default="30s",
        ),
        Field("key", Text("a field name"), "The field that the topic is partitioned by.", "host"),
        Field(
            "fields",
            MapOf(Either((Choice(TYPES), FIELD)), Text("a field name")),
            "Declared fields; they are checked.",
            "{cpu: {type: float, unit: percent}}",
        ),
        Field("strict", Truth(), "true makes the use of an undeclared field an error.", "true", default="false"),
        Field("drop", Expression("a condition"), "Removes events for which this is true.", 'kind == "heartbeat"'),
        Field("sample", Share(), "The share of keys that is kept, by a hash of the key.", "10%", default="100%"),
        Field(
            "enrich",
            MapOf(Name("a field name"), Name("a table")),
            "Tables to join, each with the field to join it on.",
            "{devices: host}",
        ),
        Field(
            "emit_enriched",
            Truth(),
            "true writes each event with its table columns to `topics.enriched`.",
            "true",
            default="false",
        ),
    ),
    "A Kafka topic of events.",
    OF_SOURCES,
)

KAFKA = MapOf(Anything(), Text("a Kafka option"))

TOPICS = Record(
    "topics",
    (
        Field("alerts", _TOPIC, "Lifecycle events of alarms.", default="streamwatchd.alerts"),
        Field("kpis", _TOPIC, "KPI rows.", default="streamwatchd.kpis"),
        Field("anomalies", _TOPIC, "Scored rows that a model finds odd.", default="streamwatchd.anomalies"),
        Field("late", _TOPIC, "Events that came too late for their windows.", default="streamwatchd.late"),
        Field("dead_letters", _TOPIC, "Records that can't be read.", default="streamwatchd.dead-letters"),
        Field("enriched", _OFF_TOPIC, "Enriched events of sources with `emit_enriched`.", "streamwatchd.enriched"),
        Field("shadow", _TOPIC, "What comes of rules with `mode: shadow`.", default="streamwatchd.shadow"),
        Field("exchange", _TOPIC, "Internal: rows and partials between shards.", default="streamwatchd.exchange"),
        Field("journal", _TOPIC, "Internal: the journal of epochs.", default="streamwatchd.journal"),
        Field(
            "self_alerts",
            _OFF_TOPIC,
            "Alerts of the daemon on itself, with `rule: streamwatchd.…`; beside the other alerts if not given.",
            "streamwatchd.self-alerts",
        ),
        Field(
            "heartbeat",
            _OFF_TOPIC,
            "A record every few seconds while the daemon is alive: its silence can be seen from outside.",
            default="streamwatchd.heartbeat",
        ),
    ),
    "The topics that streamwatchd writes.",
)

CONTROL = Record(
    "control",
    (Field("topic", _TOPIC, "The topic; it is made where it is not there.", "streamwatchd.control", required=True),),
    "What other programs may say while the daemon runs: silences, acknowledgements and verdicts, over a topic.",
)

STORE_OPTIONS = Record(
    "snapshot_store_options",
    (
        Field(
            "endpoint", Text("an address", r"https?://.+"), "Of an S3 that is not Amazon's.", "https://s3.example.com"
        ),
        Field("region", Text("a region"), "Of the bucket.", "eu-central-1"),
        Field(
            "credentials_file",
            Text("a path"),
            "A file like ~/.aws/credentials, profile default; relative to this file. Without it keys come from the "
            "environment (AWS_ACCESS_KEY_ID, …) or from the role of the machine.",
            "/run/credentials/streamwatchd/s3",
        ),
        Field(
            "virtual_hosted_style",
            Truth(),
            "true puts the bucket into the host name of requests.",
            "true",
            default="false",
        ),
    ),
    "How an s3:// store is reached. Keys never stand here.",
)

SELF_ALERT = Record(
    "self_alerts",
    (
        Field("never", ListOf(Choice(SELF_ALERTS), or_one=True), "Self-alerts that never fire.", "[table_stale]"),
        Field(
            "heartbeat_every", Duration(1_000), "How often a heartbeat is written to its topic.", "10s", default="10s"
        ),
        Field(
            "quiet",
            Duration(1_000),
            "How long after its last event an alert on events (a restart, a gap) goes on.",
            "10m",
            default="10m",
        ),
        Field("worker_down", Duration(), "A worker that does not do its normal work this long.", "1m", default="1m"),
        Field(
            "input_outpaces",
            Duration(),
            "Lag that grows, and would take longer than this to work off.",
            "10s",
            default="10s",
        ),
        Field(
            "watermark_lag",
            Duration(),
            "How far a watermark may be behind the clock, `max_delay` apart.",
            "5m",
            default="5m",
        ),
        Field(
            "lso_lag", Duration(), "How long an open transaction may hide a partition's records.", "2m", default="2m"
        ),
        Field(
            "commit_stuck",
            Duration(),
            "How long an epoch may try to commit; its shard counts as waiting from then on.",
            "10s",
            default="10s",
        ),
        Field(
            "snapshot_age", Duration(), "How old the newest snapshot may be while there is work.", "10m", default="10m"
        ),
        Field("rules_stale", Duration(), "How long compiled rules may wait to be in force.", "1m", default="1m"),
        Field(
            "model_hold",
            Duration(),
            "How long a version of a model must flood to be taken back; ten times as long it must drift or be blind.",
            "1m",
            default="1m",
        ),
        Field("table_stale", Duration(), "How old a table's file may be; never asked if not given.", "2d"),
        Field("late_share", Share(), "The share of late events of a source.", "5%", default="5%"),
        Field("dead_letter_share", Share(), "The share of a source's records that are invalid.", "1%", default="1%"),
        Field("disk_free", Share(), "The least free share of the disk with the state folder.", "10%", default="10%"),
        Field("fd_free", Share(), "The least free share of file descriptors.", "10%", default="10%"),
    ),
    "When the daemon alerts on itself.",
)

SETTINGS = Record(
    "streamwatchd.yaml",
    (
        Field(
            "app",
            _APP,
            "The name of this installation: consumer group and transactional ids start with it.",
            "streamwatchd",
            default="streamwatchd",
        ),
        Field("kafka", KAFKA, "Options of librdkafka, from an allow-list.", "{bootstrap.servers: localhost:9092}"),
        Field(
            "sources",
            MapOf(SOURCE, Name("a source")),
            "The streams of events.",
            "{web: {topic: web.requests, time: ts}}",
            required=True,
        ),
        Field("topics", TOPICS, "The topics that streamwatchd writes."),
        Field("self_alerts", SELF_ALERT, "When the daemon alerts on itself.", "{snapshot_age: 5m}"),
        Field("shards", Integer(1, 256), "Worker processes.", "2", default="2"),
        Field(
            "owns",
            Text("shard numbers, such as 0-1 or 0,4", r"[0-9]{1,3}(-[0-9]{1,3})?(, ?[0-9]{1,3}(-[0-9]{1,3})?)*"),
            "The shards that run on this host, where several hosts share them; all of them if not given.",
            "0-1",
        ),
        Field(
            "take_over_after",
            Duration(10_000),
            "Take over the shards of a host that is silent this long; never if not given.",
            "30s",
        ),
        Field(
            "exchange_partitions",
            Integer(1, 1024),
            "Partitions of the exchange topic, fixed when it is created.",
            "4",
            default="4",
        ),
        Field(
            "state_dir",
            Text("a path"),
            "Where snapshots and journals are kept; relative to this file.",
            "/var/lib/streamwatchd",
            default="state",
        ),
        Field("rules_dir", Text("a path"), "The folder of rules; relative to this file.", "rules.d", default="rules.d"),
        Field(
            "enrichment_dir",
            Text("a path"),
            "The folder of tables; relative to this file.",
            "enrichment.d",
            default="enrichment.d",
        ),
        Field(
            "calendars_dir",
            Text("a path"),
            "The folder of calendars; relative to this file.",
            "calendars.d",
            default="calendars.d",
        ),
        Field(
            "silences_dir",
            Text("a path"),
            "The folder of silences; relative to this file.",
            "silences.d",
            default="silences.d",
        ),
        Field(
            "models",
            Text("a path, or s3://bucket/prefix", r"(file:///|s3://).+|(?![a-z0-9]+://).+"),
            "The repository of models: a folder, relative to this file, or a bucket, reached as the snapshot store is.",
            "s3://monitoring/models",
            default="models",
        ),
        Field(
            "listen",
            Text("host:port"),
            "The address of /metrics and /healthz.",
            "127.0.0.1:9464",
            default="127.0.0.1:9464",
        ),
        Field(
            "control_socket",
            Text("a path, or off"),
            "The socket of `swctl status`, `lag`, `reload` and `savepoint`; relative to this file, else "
            "`control.sock` in the state folder.",
            "/run/streamwatchd/control.sock",
        ),
        Field(
            "control_group",
            Text("a group"),
            "A group of this machine that may use that socket, besides root and the daemon's own user.",
            "operators",
        ),
        Field("control", CONTROL, "A topic of silences, acknowledgements and verdicts.", "{topic: ops.control}"),
        Field("max_future", Duration(), "Events stamped further ahead than this are dead letters.", "5m", default="5m"),
        Field(
            "idle_jump", Duration(), "Total silence longer than this is not caught up with at once.", "1h", default="1h"
        ),
        Field(
            "max_ahead",
            Duration(1_000),
            "While partitions catch up, none is further ahead of the slowest in event time.",
            "1h",
            default="1h",
        ),
        Field(
            "backfill",
            Duration(0),
            "How far back old records are read once more when rules come or change, so that windows are whole at once; "
            "0s: they wait until they are full.",
            "6h",
            default="1h",
        ),
        Field(
            "partitions_settle",
            Duration(0),
            "How long after `--accept partitions` producers may go on as if there were no more partitions; then alarms "
            "that are judged by partition begin anew. Kafka's producers ask every 5 minutes.",
            "10m",
            default="5m",
        ),
        Field(
            "max_record_bytes",
            Integer(1_024, 100_000_000),
            "Larger records are dead letters.",
            "1048576",
            default="1048576",
        ),
        Field("batch_records", Integer(1, 1_000_000), "Most records in a batch.", "20000", default="20000"),
        Field("snapshot_every", Duration(100), "How often state is written to disk.", "10s", default="10s"),
        Field(
            "snapshot_store",
            Text("file:///folder or s3://bucket/prefix", r"(file:///|s3://).+"),
            "Where snapshots are copied to, so that another host can take over.",
            "s3://monitoring/streamwatchd",
        ),
        Field("snapshot_store_options", STORE_OPTIONS, "How an s3:// store is reached.", "{region: eu-central-1}"),
        Field(
            "commit_every",
            Duration(10),
            "How often an epoch ends when nothing waits to go out but late events and dead letters.",
            "1s",
            default="1s",
        ),
        Field(
            "start_from",
            Choice(("earliest", "latest")),
            "Where a partition without a position starts.",
            "earliest",
            default="earliest",
        ),
        Field(
            "delivery",
            Choice(("exactly_once", "at_least_once")),
            "exactly_once writes in Kafka transactions; at_least_once may double outputs when a worker dies.",
            "exactly_once",
            default="exactly_once",
        ),
        Field(
            "log_level",
            Choice(("debug", "info", "warning", "error")),
            "The least level that is logged.",
            "info",
            default="info",
        ),
    ),
    "How the daemon runs: Kafka, sources, outputs, shards.",
    OF_SETTINGS,
)

COLUMN = Record(
    "a column",
    (
        Field("type", Choice(("float", "int", "number", "string", "bool")), "What the values are.", "string"),
        Field("unit", Text("a unit"), "The unit of the values.", "percent"),
    ),
    "The type and unit of a column.",
)

FETCH_EVERY_MS = 300_000
"""How often a query or topic is read again unless a table says so."""

TABLE = Record(
    "a table",
    (
        Field("name", Name("a name"), "The name of the table; the file's name if not given.", "devices"),
        Field(
            "file",
            Text("a path"),
            "The data, CSV, JSON or Parquet; relative to this file.",
            "devices.csv",
        ),
        Field(
            "query",
            Text("a query"),
            "In place of `file`: what to ask a database. Its columns are the table's.",
            "SELECT host, role, region FROM devices",
        ),
        Field(
            "database",
            Text("an address", r"[A-Za-z0-9_+]+://.*"),
            "Where to ask, as SQLAlchemy writes it. `${env:NAME}` is put in when it is opened; passwords belong there.",
            "postgresql+psycopg://noc:${env:INVENTORY_PASSWORD}@db.example/inventory",
        ),
        Field(
            "topic",
            Text("a topic"),
            "In place of `file`: a compacted topic of JSON objects, of each key the newest.",
            "inventory.devices",
        ),
        Field("every", Duration(1_000), "How often a query or topic is read again.", "5m", default="5m"),
        Field("key", Text("a column"), "The column that events are joined on; the first if not given.", "host"),
        Field(
            "columns",
            MapOf(Either((Choice(("float", "int", "number", "string", "bool")), COLUMN)), Text("a column")),
            "Types and units of columns.",
            "{load: {unit: percent}}",
        ),
        Field(
            "missing",
            Either((Choice(("null", "drop")), MapOf(Anything(), Text("a column")))),
            "What an event gets whose key is not in the table.",
            "drop",
            default="null",
        ),
    ),
    "A dimension table of enrichment.d/.",
)
