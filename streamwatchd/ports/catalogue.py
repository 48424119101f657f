"""Every metric, once: name, what it says, its labels. Reports, `/metrics`, the reference and self-alerts read it.

Names are `<noun>_<unit>`, counters end in `_total`; `streamwatchd_` stands before them on the outside. What a worker
says carries its `shard` besides. Labels never hold values of events: only names from configuration, rules and Kafka,
and fixed words. https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

from dataclasses import dataclass

PREFIX = "streamwatchd_"

FAST = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds: bounds for what should take milliseconds."""
SLOW = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3_600.0, 86_400.0)
"""Seconds: bounds for latencies from end to end; a replay of old data reaches the last ones."""


@dataclass(frozen=True, slots=True)
class Metric:
    """`bounds` are the upper bounds of a histogram's buckets, in ascending order; empty for the others."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()

    @property
    def kind(self) -> str:
        if self.bounds:
            return "histogram"
        return "counter" if self.name.endswith("_total") else "gauge"


_ALL = (
    # input
    Metric("records_total", "Records read from source and exchange topics.", ("topic",)),
    Metric("events_total", "Records of a source taken in, good or bad.", ("source",)),
    Metric("late_total", "Events at or below their partition's watermark.", ("source",)),
    Metric(
        "rule_late_total",
        "Late events that a rule would have got; of rules that share their panes the first by name counts for all, and "
        "alarms on rows behind the exchange count before their equality constants are looked at.",
        ("rule", "source"),
    ),
    Metric("dead_letters_total", "Records that are no valid event.", ("source", "reason")),
    Metric("dropped_total", "Events that `drop`, `sample` or a table's `missing: drop` left out.", ("source",)),
    Metric(
        "unfit_total", "Undeclared fields that did not fit what rules read them as, and count as null.", ("source",)
    ),
    Metric("unkeyed_total", "Events with a null among the keys of a rule's `by`.", ("source",)),
    Metric("overflowed_total", "Events of keys beyond `max_keys`: counted, not judged.", ("source",)),
    Metric("position_offset", "The next offset to read.", ("topic", "partition")),
    Metric(
        "consumer_lag_records", "Records between a partition's end and what was read of it.", ("topic", "partition")
    ),
    Metric(
        "lso_lag_records",
        "Records between a partition's last stable offset and its end: an open transaction hides them from everybody.",
        ("topic", "partition"),
    ),
    Metric("watermark_lag_seconds", "How far a task's watermark is behind the clock.", ("stage", "topic", "partition")),
    Metric("max_delay_seconds", "How far out of order events of a topic may come: its `max_delay`.", ("topic",)),
    Metric(
        "watermark_idle", "1 while a task is silent at its end and holds nothing up.", ("stage", "topic", "partition")
    ),
    Metric(
        "watermark_waiting",
        "1 while a source partition that catches up waits for one further behind (`max_ahead`).",
        ("stage", "topic", "partition"),
    ),
    Metric(
        "watermark_held",
        "1 for the source partition whose watermark all else waits for.",
        ("topic", "partition"),
    ),
    Metric(
        "offset_gaps_total", "Stretches of offsets that retention took before they were read.", ("topic", "partition")
    ),
    Metric("topic_id_changes_total", "Times a topic was found deleted, or deleted and made anew.", ("topic",)),
    Metric("topic_missing", "1 while a topic that is written to is not there, or has too few partitions.", ("topic",)),
    Metric("partitions_changed", "1 while a topic has another number of partitions than at the start.", ("topic",)),
    Metric("clock_steps_total", "Times the machine's clock was found to have jumped, ahead or back.", ("direction",)),
    # work
    Metric("take_seconds_total", "Time waiting for and reading records."),
    Metric("evaluate_seconds_total", "Time decoding records and evaluating rules."),
    Metric(
        "node_seconds_total", "Time in one node of the plan; `rule` names its first rule.", ("kind", "rule", "stage")
    ),
    Metric("node_calls_total", "Judgements and batches of rows of one node of the plan.", ("kind", "rule", "stage")),
    Metric(
        "node_rows_total",
        "Rows that one node of the plan took in. Those of windows are taken in by their panes, of kind `panes`.",
        ("kind", "rule", "stage"),
    ),
    Metric("keys", "Keys known, by the names of the `by` that they belong to.", ("by", "stage")),
    Metric(
        "state_bytes",
        "About the bytes of state when the newest snapshot was taken: of panes (`rule` is the first rule that reads "
        "them), of what a node keeps besides, such as alarms, sequences and what is usual, and of keys (`kind` keys).",
        ("kind", "rule", "stage"),
    ),
    # epochs
    Metric("epochs_total", "Epochs sealed."),
    Metric("epoch_records_total", "Records of sealed epochs."),
    Metric("epoch_number", "The last committed epoch."),
    Metric("outputs_total", "Records written, by sink.", ("sink",)),
    Metric("alerts_total", "Lifecycle events of alarms, by rule and event.", ("rule", "event")),
    Metric(
        "epoch_seconds",
        "Time per epoch: consume, decode, evaluate, journal, produce, commit; the last three beside the next epoch.",
        ("part",),
        FAST,
    ),
    Metric("commit_seconds_total", "Time committing epochs, beside the evaluation."),
    Metric("commit_seconds", "Time the last epoch took to commit."),
    Metric("commit_waiting_seconds", "For how long the epoch in hand has been committing; 0 while none is."),
    Metric(
        "record_latency_seconds",
        "From a source record's timestamp to the commit of its epoch; of a sample of up to 64 records a batch.",
        (),
        SLOW,
    ),
    Metric(
        "event_latency_seconds",
        "From a source event's own time to the commit of its epoch; of a sample of up to 64 events a batch.",
        (),
        SLOW,
    ),
    Metric("commits_unknown_total", "Transactions whose end had to be found out from the committed offsets."),
    Metric("producer_rebuilds_total", "Transactional producers made anew after a doubtful or failed transaction."),
    # state
    Metric("snapshots_total", "Snapshots written."),
    Metric("snapshot_epoch", "The epoch of the newest snapshot."),
    Metric("snapshot_timestamp_seconds", "When the newest snapshot was written."),
    Metric("snapshot_age_seconds", "How old the newest snapshot is."),
    Metric("snapshot_bytes", "State that the newest snapshot holds."),
    Metric("snapshot_written_bytes_total", "Bytes of snapshot files written: what has changed since the one before."),
    Metric("snapshot_copy_seconds", "Pause of the evaluation by the newest snapshot."),
    Metric("snapshot_write_seconds", "Time the newest snapshot took to write, beside the evaluation."),
    Metric("snapshots_failed_total", "Snapshots that the disk did not take; the older ones stay."),
    Metric("snapshots_refused_total", "Snapshots that a recovery did not trust, and took an older one."),
    Metric("journal_gaps_total", "Times the local journal was not written or not whole: recovery reads its topic."),
    Metric("shared_store_failures_total", "Snapshots that the shared store did not take or give."),
    Metric("shared_store_bytes_total", "Bytes of snapshots copied to the shared store."),
    Metric("shared_store_epoch", "The newest epoch that the shared store can restore."),
    Metric("shared_store_timestamp_seconds", "When its snapshot was copied."),
    # rules
    Metric("version_number", "The version of rules and tables that a worker runs."),
    Metric("switches_total", "Versions put in force in a worker."),
    Metric("backfill_records_total", "Old records read once more at changes of rules, to fill windows of new ones."),
    Metric("backfill_left_records", "Old records that are still to be read before a change of rules."),
    Metric("backfill_done_ratio", "The part of the old records that has been read before a change of rules; else 0."),
    Metric("table_earlier_rows", "Rows of tables that have changed, kept as they were for old records that are read."),
    Metric("switch_pause_seconds", "For how long a worker takes no record while a version is put in force.", (), FAST),
    Metric("reloads_total", "Compilations of changed rules and tables."),
    Metric("reloads_failed_total", "Compilations that crashed: bugs."),
    Metric("refused_files", "Files that do not check; of those that have one the last good version is in force."),
    Metric(
        "refused_file",
        "1 for each file that does not check; in force of it is its `last good version`, or `nothing`.",
        ("file", "in_force"),
    ),
    Metric("pending_settings", "Edits of `streamwatchd.yaml` that wait for a restart."),
    Metric("table_age_seconds", "Since a table's data file was written, or its rows were last fetched.", ("file",)),
    Metric("table_fetches_total", "Times a table was fetched from its database or topic.", ("outcome", "table")),
    Metric(
        "rules_stale_seconds",
        "How long what was compiled has been waiting to be put in force, without the time in which windows are filled.",
    ),
    Metric(
        "control_records_total",
        "Records of the control topic, by kind and what came of them: taken, repeated, over, refused.",
        ("kind", "outcome"),
    ),
    Metric("dispositions", "Alarms of which somebody said what they were, by rule and verdict.", ("rule", "verdict")),
    # models
    Metric("model_scored_total", "Rows that a version of a model gave a score.", ("model", "version")),
    Metric(
        "model_unscored_total", "Rows that it gave none: a feature is null, or it can't say yet.", ("model", "version")
    ),
    Metric("model_failed_total", "Rows of batches at which it failed; they have no score.", ("model", "version")),
    Metric("model_anomalies_total", "Scored rows where the condition of a rule is true.", ("model", "version")),
    Metric(
        "model_scores_total",
        "Scores at or above a bound: 0.5, 0.65, 0.8, 0.9, 0.95, 0.99.",
        ("model", "version", "bound"),
    ),
    Metric("model_score_thousandths_total", "The sum of its scores, in thousandths.", ("model", "version")),
    Metric("model_expected_score", "The mean of scores that its calibration expects.", ("model", "version")),
    Metric(
        "model_expected_ratio",
        "Share of scores at or above a bound, 0.5 or 0.95, that its calibration expects.",
        ("model", "version", "bound"),
    ),
    Metric(
        "model_rollbacks_total",
        "Versions of models that flooded or drifted and were withdrawn.",
        ("model", "version", "to"),
    ),
    Metric("refused_model", "1 for each rule for which a version of its model can't be used.", ("rule",)),
    # processes
    Metric("worker_up", "1 while the worker does its normal work."),
    Metric("shards_taken_over_total", "How often a shard was taken over from another host."),
    Metric("worker_restarts_total", "Workers started again after they left or were killed, by reason.", ("reason",)),
    Metric("worker_losses", "Deaths of a worker in a row, each soon after its start."),
    Metric("worker_fenced", "1 when the worker left because another daemon took its shard over."),
    Metric("worker_refused", "1 when the worker left because committed offsets and state do not fit."),
    Metric("process_resident_bytes", "Memory of a process; without a shard: of the supervisor."),
    Metric("process_cpu_seconds_total", "Processor time of a process; without a shard: of the supervisor."),
    Metric("process_open_fds", "Open file descriptors of a process; without a shard: of the supervisor."),
    Metric("process_fds_free_ratio", "Share of the file descriptors that a process may still open."),
    Metric("disk_free_bytes", "Free bytes where the state folder lies."),
    Metric("disk_free_ratio", "Free share of the disk where the state folder lies."),
    Metric("self_alerts_firing", "Self-alerts that fire now.", ("alert",)),
    Metric("self_alerts_unwritten", "Lifecycle events of self-alerts that Kafka has not taken yet."),
    Metric("uptime_seconds", "Since the daemon started."),
    Metric("build_info", "1, with the version of the daemon.", ("version",)),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}
