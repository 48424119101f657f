"""For each self-alert what makes it fire, second by second, and what makes it clear."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from streamwatchd.daemon.metrics import Samples
from streamwatchd.ports.telemetry import Labels

SHARD: Labels = (("shard", "1"),)
TOPIC: Labels = (("topic", "in"),)
PLACE: Labels = (("partition", "2"), ("topic", "in"))
TASK: Labels = (("partition", "2"), ("shard", "1"), ("stage", "1"), ("topic", "in"))
SOURCE: Labels = (("source", "metrics"),)
OF_SHARD: Labels = (*SOURCE, *SHARD)

Course = Callable[[int], Samples]
"""The samples at a second."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Calm until second 100, bad from there to second 1,000, calm again to the end at 3,000; the key it is about."""

    calm: Course
    bad: Course
    well: Course
    key: Mapping[str, str]


def gauge(name: str, labels: Labels, calm: float, bad: float, **key: str) -> Scene:
    return Scene(
        lambda s: {(name, labels): calm}, lambda s: {(name, labels): bad}, lambda s: {(name, labels): calm}, key
    )


def happens(name: str, labels: Labels, before: float = 0.0, **key: str) -> Scene:
    """Three times from the 100th second on; `before` that as often."""
    return Scene(
        lambda s: {(name, labels): before},
        lambda s: {(name, labels): before + min(3, (s - 90) // 10)},
        lambda s: {(name, labels): before + 3},
        key,
    )


def share(part: str, of_part: Labels) -> Scene:
    """Of 100 events a second: none, a tenth, none."""

    def at(second: int, bad: float) -> Samples:
        return {("events_total", OF_SHARD): 1_000 + 100.0 * second, (part, of_part): 50 + bad}

    return Scene(lambda s: at(s, 0), lambda s: at(s, 10.0 * (s - 100)), lambda s: at(s, 9_000), {"source": "metrics"})


def _outpaced(second: int, lag: float) -> Samples:
    read: tuple[str, Labels] = ("records_total", (*TOPIC, *SHARD))
    return {("consumer_lag_records", PLACE): lag, read: 50.0 * second}


def _aged(age: float, epoch: float) -> Samples:
    return {
        ("snapshot_age_seconds", SHARD): age,
        ("snapshot_epoch", SHARD): 7.0,
        ("epoch_number", SHARD): epoch,
    }


def _behind(lag: float, idle: float) -> Samples:
    other: Labels = (("partition", "0"), ("shard", "0"), ("stage", "1"), ("topic", "in"))
    return {
        ("watermark_lag_seconds", other): 5.0,
        ("watermark_lag_seconds", TASK): lag,
        ("watermark_idle", TASK): idle,
        ("max_delay_seconds", TOPIC): 100.0,
    }


VERSION: Labels = (("model", "mix"), ("version", "3"))


def _scored(second: int, odd: float, bound: str = "0.95") -> Samples:
    """Ten rows a second; a thousandth of them is expected at or above the bound."""
    return {
        ("model_scored_total", (*VERSION, *SHARD)): 10.0 * second,
        ("model_scores_total", (("bound", bound), *VERSION, *SHARD)): odd,
        ("model_expected_ratio", (("bound", bound), *VERSION, *SHARD)): 0.001,
    }


def _meant(second: int, thousandths: float) -> Samples:
    """Ten rows a second, of which a mean score of 0.1 is expected."""
    return {
        ("model_scored_total", (*VERSION, *SHARD)): 10.0 * second,
        ("model_score_thousandths_total", (*VERSION, *SHARD)): thousandths,
        ("model_expected_score", (*VERSION, *SHARD)): 0.1,
    }


FUTURE: Labels = (("reason", "future_time"), *OF_SHARD)
SCENES: Mapping[str, Scene] = {
    "worker_down": gauge("worker_up", SHARD, 1, 0, shard="1"),
    "worker_restarted": happens("worker_restarts_total", (("reason", "SIGKILL"), *SHARD), shard="1", reason="SIGKILL"),
    "worker_crash_loop": gauge("worker_losses", SHARD, 2, 3, shard="1"),
    "fenced": gauge("worker_fenced", SHARD, 0, 1, shard="1"),
    "worker_refused": gauge("worker_refused", SHARD, 0, 1, shard="1"),
    "shard_taken_over": happens("shards_taken_over_total", SHARD, shard="1"),
    "input_outpaces": Scene(
        lambda s: _outpaced(s, 300.0 + s % 7),
        lambda s: _outpaced(s, 300 + 40.0 * (s - 100)),
        lambda s: _outpaced(s, max(0.0, 36_300 - 20.0 * (s - 1_000))),
        {"topic": "in"},
    ),
    "watermark_lag": Scene(
        lambda s: _behind(390, 0), lambda s: _behind(410, 0), lambda s: _behind(500, 1), {"topic": "in"}
    ),
    "lso_lag": Scene(
        lambda s: {("lso_lag_records", PLACE): float(s % 60)},
        lambda s: {("lso_lag_records", PLACE): float(s)},
        lambda s: {("lso_lag_records", PLACE): float(s % 60)},
        {"topic": "in", "partition": "2"},
    ),
    "offset_gap": happens("offset_gaps_total", (*PLACE, *SHARD), topic="in", partition="2"),
    "topic_id_changed": happens("topic_id_changes_total", TOPIC, topic="in"),
    "topic_missing": gauge("topic_missing", TOPIC, 0, 1, topic="in"),
    "partitions_changed": gauge("partitions_changed", TOPIC, 0, 1, topic="in"),
    "commit_stuck": gauge("commit_waiting_seconds", SHARD, 9, 11, shard="1"),
    "commit_unknown_outcome": happens("commits_unknown_total", SHARD, shard="1"),
    "producer_rebuilt": happens("producer_rebuilds_total", SHARD, shard="1"),
    "snapshot_age": Scene(lambda s: _aged(3_000, 7), lambda s: _aged(601, 8), lambda s: _aged(3, 9), {"shard": "1"}),
    "snapshot_fallback": happens("snapshots_refused_total", SHARD, shard="1"),
    "snapshot_failed": happens("snapshots_failed_total", SHARD, shard="1"),
    "journal_gap": happens("journal_gaps_total", SHARD, shard="1"),
    "shared_store": happens("shared_store_failures_total", SHARD, shard="1"),
    "late_share": share("late_total", OF_SHARD),
    "dead_letter_share": share("dead_letters_total", (("reason", "not_json"), *OF_SHARD)),
    "future_skew": happens("dead_letters_total", FUTURE, 40, source="metrics"),
    "key_cap_reached": happens("overflowed_total", OF_SHARD, 40, source="metrics"),
    "rule_file_invalid": Scene(
        lambda s: {},
        lambda s: {("refused_file", (("file", "rules.d/a.yaml"), ("in_force", "nothing"))): 1.0},
        lambda s: {},
        {"file": "rules.d/a.yaml"},
    ),
    "rules_stale": gauge("rules_stale_seconds", (), 0, 61),
    "table_stale": gauge("table_age_seconds", (("file", "devices.csv"),), 3_599, 3_601, file="devices.csv"),
    "model_refused": Scene(
        lambda s: {}, lambda s: {("refused_model", (("rule", "odd"),)): 1.0}, lambda s: {}, {"rule": "odd"}
    ),
    "model_failed": happens("model_failed_total", (*VERSION, *SHARD), 40, model="mix", version="3"),
    "model_floods": Scene(
        lambda s: _scored(s, 0.1),
        lambda s: _scored(s, 1.0 + 2.0 * (s - 100)),
        lambda s: _scored(s, 1_801.0),
        {"model": "mix", "version": "3"},
    ),
    "model_drifts": Scene(
        lambda s: _scored(s, 0.1, "0.5"),
        lambda s: _scored(s, 1.0 + 5.0 * min(s - 100, 300), "0.5"),
        lambda s: _scored(s, 1_501.0, "0.5"),
        {"model": "mix", "version": "3"},
    ),
    "model_blind": Scene(
        lambda s: _meant(s, 300.0 * s),
        lambda s: _meant(s, 30_000.0),
        lambda s: _meant(s, 30_000.0 + 1_000.0 * (s - 1_000)),
        {"model": "mix", "version": "3"},
    ),
    "model_rolled_back": happens(
        "model_rollbacks_total", (("model", "mix"), ("to", "2"), ("version", "3")), model="mix", version="3", to="2"
    ),
    "disk_free": gauge("disk_free_ratio", (), 0.11, 0.09),
    "fd_free": gauge("process_fds_free_ratio", SHARD, 0.5, 0.05),
}
