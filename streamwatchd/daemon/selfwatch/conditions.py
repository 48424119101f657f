"""Every self-alert, once: what it looks at, beyond which limit it fires, how long it must last, and what to do.

The names stand in `settings.SELF_ALERTS` too, so that settings can switch them off; a test holds the two together.
To add one: a line here, its name there, and a scene in tests/daemon/selfwatch/scenes.py that fires and clears it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from streamwatchd.daemon.selfwatch.sight import Key, Sight
from streamwatchd.settings import SelfAlerts
from streamwatchd.shard.scoring import ODD, UNUSUAL

_GROWING_S = 60.0
_SHARE_S = 300.0
_LEAST_RECORDS = 100
FLOOD_TIMES, FLOOD_SHARE = 10.0, 0.05
"""A version floods where so many times more scores than its calibration expects are odd, and more than such a share:
an incident makes some keys odd, a version that does not fit makes many so."""
DRIFT_SHARE, DRIFT_S, _SLOWER = 0.2, 3_600.0, 10.0
"""It drifts where over an hour more than such a share is no longer usual, and so for longer: traffic has become another
than it was trained on."""
BLIND_SHARE = 0.25
"""It is blind where over an hour its mean score is less than such a part of what its calibration expects: whatever
comes is as usual to it. Measured on quiet weeks of both shipped models, an hour's mean is 0.85 to 1.35 of it."""
_MOST_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Finding:
    """A value to hold against the limit, and what else is worth saying."""

    value: float
    context: Mapping[str, str] = field(default_factory=dict)


Look = Callable[[Sight, SelfAlerts], Mapping[Key, Finding]]
Limit = Callable[[SelfAlerts], float]


@dataclass(frozen=True, slots=True)
class Condition:
    """It is true where a value lies beyond the limit: above, or below it where `below`. It fires once it was true for
    `for_s` and clears once it was not for `clear_s`. `unit` names the value: seconds, ratio, count. `message` may name
    labels, context, {value} and {limit}; `way_out` says what to do."""

    name: str
    severity: str
    look: Look
    limit: Limit
    unit: str
    message: str
    way_out: str
    for_s: float | Limit = 0.0
    clear_s: float = 0.0
    below: bool = False

    def held_s(self, limits: SelfAlerts) -> float:
        """How long it must be true."""
        return self.for_s if isinstance(self.for_s, float | int) else self.for_s(limits)

    def is_beyond(self, value: float, limit: float) -> bool:
        return value < limit if self.below else value > limit


def _found(values: Mapping[Key, float]) -> Mapping[Key, Finding]:
    return {key: Finding(value) for key, value in values.items()}


def _gauge(name: str, *by: str, least: bool = False) -> Look:
    return lambda sight, limits: _found(sight.gauge(name, *by, least=least))


def _happened(name: str, *by: str) -> Look:
    """How often in the quiet time."""
    return lambda sight, limits: _found(sight.risen(name, *by, over_s=limits.quiet_ms / 1000))


def _share(part: str, whole: str, *by: str) -> Look:
    """Of the records of the last minutes, where there were enough."""

    def look(sight: Sight, limits: SelfAlerts) -> Mapping[Key, Finding]:
        parts = sight.risen(part, *by, over_s=_SHARE_S)
        wholes = sight.risen(whole, *by, over_s=_SHARE_S)
        return {k: Finding(parts.get(k, 0) / n) for k, n in wholes.items() if n >= _LEAST_RECORDS}

    return look


def _beyond_calibration(bound: float, over_s: float) -> Look:
    """By version the share of scores at or above `bound`, where it is far above what the calibration expects."""

    def look(sight: Sight, limits: SelfAlerts) -> Mapping[Key, Finding]:
        odd = sight.risen("model_scores_total", "model", "version", "bound", over_s=over_s)
        expects = sight.gauge("model_expected_ratio", "model", "version", "bound")
        found = {}
        for key, scored in sight.risen("model_scored_total", "model", "version", over_s=over_s).items():
            at = (*key, ("bound", f"{bound:g}"))
            share, usual = odd.get(at, 0.0) / max(scored, 1.0), expects.get(at, 0.0)
            if scored >= _LEAST_RECORDS:
                context = {"expected": f"{100 * usual:.2g}%"}
                found[key] = Finding(share if share > FLOOD_TIMES * usual else 0.0, context)
        return found

    return look


def _of_expected_score(sight: Sight, limits: SelfAlerts) -> Mapping[Key, Finding]:
    """By version the mean score over an hour, as a part of what the calibration expects."""
    sums = sight.risen("model_score_thousandths_total", "model", "version", over_s=DRIFT_S)
    expects = sight.gauge("model_expected_score", "model", "version")
    found = {}
    for key, scored in sight.risen("model_scored_total", "model", "version", over_s=DRIFT_S).items():
        if scored >= _LEAST_RECORDS and expects.get(key):
            found[key] = Finding(sums.get(key, 0.0) / 1000 / scored / expects[key])
    return found


def _never(limits: SelfAlerts) -> float:
    return 0.0


def _outpaced(sight: Sight, limits: SelfAlerts) -> Mapping[Key, Finding]:
    """Where lag has grown over the last minute: how long it would take to work it off at the pace of that minute.

    What an open transaction hides is no work that waits.
    """
    lags = _less(sight.total("consumer_lag_records", "topic"), sight.total("lso_lag_records", "topic"))
    before = _less(
        sight.before("consumer_lag_records", "topic", ago_s=_GROWING_S),
        sight.before("lso_lag_records", "topic", ago_s=_GROWING_S),
    )
    read = sight.risen("records_total", "topic", over_s=_GROWING_S)
    found = {}
    for key, lag in lags.items():
        grows = key in before and lag > before[key]
        pace = read.get(key, 0.0) / _GROWING_S
        seconds = min(_MOST_S, lag / pace) if pace else _MOST_S
        found[key] = Finding(seconds if grows else 0.0, {"lag_records": str(round(lag))})
    return found


def _less(values: Mapping[Key, float], others: Mapping[Key, float]) -> dict[Key, float]:
    return {key: value - others.get(key, 0.0) for key, value in values.items()}


def _behind(sight: Sight, limits: SelfAlerts) -> Mapping[Key, Finding]:
    """Per source topic its last partition that is not idle, `max_delay` taken off."""
    delays = sight.gauge("max_delay_seconds", "topic")
    idle = sight.gauge("watermark_idle", "stage", "topic", "partition")
    found: dict[Key, Finding] = {}
    for key, lag in sight.gauge("watermark_lag_seconds", "stage", "topic", "partition").items():
        (_, stage), topic, (_, partition) = key
        if stage != "1" or idle.get(key):
            continue
        seconds = lag - delays.get((topic,), 0.0)
        if (topic,) not in found or seconds > found[topic,].value:
            found[topic,] = Finding(seconds, {"held_by": f"{topic[1]}[{partition}]"})
    return found


def _snapshot_age(sight: Sight, limits: SelfAlerts) -> Mapping[Key, Finding]:
    """Where epochs have been committed since."""
    epochs, written = sight.gauge("epoch_number", "shard"), sight.gauge("snapshot_epoch", "shard")
    ages = sight.gauge("snapshot_age_seconds", "shard")
    return {key: Finding(age if epochs.get(key, 0) > written.get(key, 0) else 0.0) for key, age in ages.items()}


def _future(sight: Sight, limits: SelfAlerts) -> Mapping[Key, Finding]:
    found = sight.risen("dead_letters_total", "source", "reason", over_s=limits.quiet_ms / 1000)
    return {(source,): Finding(count) for (source, (_, reason)), count in found.items() if reason == "future_time"}


def _table_age(sight: Sight, limits: SelfAlerts) -> Mapping[Key, Finding]:
    return _found(sight.gauge("table_age_seconds", "file")) if limits.table_stale_ms else {}


def _refused_files(sight: Sight, limits: SelfAlerts) -> Mapping[Key, Finding]:
    """With what is in force of each."""
    found = sight.gauge("refused_file", "file", "in_force")
    return {key[:1]: Finding(value, {"in_force": key[1][1]}) for key, value in found.items()}


CONDITIONS = (
    # workers
    Condition(
        "worker_down", "major", lambda sight, limits: _found(sight.down("worker_up", "shard")),
        lambda limits: limits.worker_down_ms / 1000, "seconds",
        "Shard {shard} has not been at work for {value}",
        "see `swctl status` and the log: its last notes say what it waits for",
    ),
    Condition(
        "worker_restarted", "warning", _happened("worker_restarts_total", "shard", "reason"), _never, "count",
        "The worker of shard {shard} was started again {value} times ({reason})",
        "see worker_lost or worker_hung in the log",
    ),
    Condition(
        "worker_crash_loop", "critical", _gauge("worker_losses", "shard"), lambda limits: 2.0, "count",
        "The worker of shard {shard} died {value} times in a row, each time soon after its start",
        "see worker_crash_loop in the log: it says how it ended, and at which records where it was evaluating some",
    ),
    Condition(
        "fenced", "critical", _gauge("worker_fenced", "shard"), _never, "count",
        "Shard {shard} was taken over by another daemon of the same `app`",
        "stop one of the two; of hosts that share the shards start the one that left again: it takes its own back",
    ),
    Condition(
        "worker_refused", "critical", _gauge("worker_refused", "shard"), _never, "count",
        "Shard {shard} has stopped: committed offsets and state do not fit",
        "see worker_refused in the log: it says why",
    ),
    Condition(
        "shard_taken_over", "major", _happened("shards_taken_over_total", "shard"), _never, "count",
        "Shard {shard} was taken over from another host",
        "see shards_taken_over in the log; if nobody asked for it, look at that host: it fell silent",
    ),
    # input
    Condition(
        "input_outpaces", "major", _outpaced, lambda limits: limits.input_outpaces_ms / 1000, "seconds",
        "{topic} comes in faster than it is worked off: {lag_records} records wait, {value} of work, and it grows",
        "add shards (as many as partitions at most), or see `swctl explain` for rules that cost much",
        for_s=30, clear_s=60,
    ),
    Condition(
        "watermark_lag", "major", _behind, lambda limits: limits.watermark_lag_ms / 1000, "seconds",
        "Event time of {topic} is {value} behind the clock, held by {held_by}",
        "see `swctl lag`; a partition that gets old events holds up all that reads it",
        for_s=30, clear_s=30,
    ),
    Condition(
        "lso_lag", "major",
        lambda sight, limits: _found(sight.stuck("lso_lag_records", "topic", "partition")),
        lambda limits: limits.lso_lag_ms / 1000, "seconds",
        "A transaction of a producer of {topic}[{partition}] has been open for {value}: its records can't be read",
        "find it with kafka-transactions.sh find-hanging and end it with abort",
    ),
    Condition(
        "offset_gap", "critical", _happened("offset_gaps_total", "topic", "partition"), _never, "count",
        "Records of {topic}[{partition}] were deleted before they were read", "raise the topic's retention",
    ),
    Condition(
        "topic_id_changed", "critical", _happened("topic_id_changes_total", "topic"), _never, "count",
        "{topic} was deleted, or deleted and made anew",
        "see topics_changed or topic_made_anew in the log: it says what becomes of what depends on it",
    ),
    Condition(
        "topic_missing", "critical", _gauge("topic_missing", "topic"), _never, "count",
        "{topic} is not there, or has too few partitions: epochs that write to it wait",
        "see `swctl status`: it says why it can't be made anew, and what to do", clear_s=2,
    ),
    Condition(
        "partitions_changed", "major", _gauge("partitions_changed", "topic"), _never, "count",
        "{topic} has another number of partitions than at the start",
        "start the daemon again: it says how they are taken in",
    ),
    # epochs
    Condition(
        "commit_stuck", "critical", _gauge("commit_waiting_seconds", "shard"),
        lambda limits: limits.commit_stuck_ms / 1000, "seconds",
        "Shard {shard} has been trying to commit an epoch for {value}: nothing new is written",
        "see `swctl status`: it says what is in the way; what waits is written once that is mended",
    ),
    Condition(
        "commit_unknown_outcome", "warning", _happened("commits_unknown_total", "shard"), _never, "count",
        "The end of {value} transactions of shard {shard} had to be found out; nothing is lost or doubled",
        "look at the brokers: replies were lost or late",
    ),
    Condition(
        "producer_rebuilt", "warning", _happened("producer_rebuilds_total", "shard"), _never, "count",
        "Shard {shard} made its producer anew {value} times; nothing is lost or doubled",
        "look at the brokers: transactions failed or were slow",
    ),
    # state
    Condition(
        "snapshot_age", "major", _snapshot_age, lambda limits: limits.snapshot_age_ms / 1000, "seconds",
        "The newest snapshot of shard {shard} is {value} old: a restart would replay as much",
        "look at the disk of the state folder", for_s=10, clear_s=30,
    ),
    Condition(
        "snapshot_fallback", "major", _happened("snapshots_refused_total", "shard"), _never, "count",
        "Shard {shard} did not trust {value} snapshots and took an older one", "look at the disk of the state folder",
    ),
    Condition(
        "snapshot_failed", "major", _happened("snapshots_failed_total", "shard"), _never, "count",
        "{value} snapshots of shard {shard} could not be written; the older ones stay",
        "look at the disk of the state folder",
    ),
    Condition(
        "journal_gap", "warning", _happened("journal_gaps_total", "shard"), _never, "count",
        "The local journal of shard {shard} has {value} gaps; a restart reads its topic instead",
        "look at the disk of the state folder",
    ),
    Condition(
        "shared_store", "major", _happened("shared_store_failures_total", "shard"), _never, "count",
        "The shared snapshot store failed {value} times", "look at the store, and at the log for its words",
    ),
    # records
    Condition(
        "late_share", "warning", _share("late_total", "events_total", "source"), lambda limits: limits.late_share,
        "ratio", "{value} of the events of {source} are late", "raise its `max_delay`, or look at who sends them",
        for_s=30, clear_s=60,
    ),
    Condition(
        "dead_letter_share", "warning", _share("dead_letters_total", "events_total", "source"),
        lambda limits: limits.dead_letter_share, "ratio", "{value} of the records of {source} are invalid",
        "look at the dead letters: their headers say why", for_s=30, clear_s=60,
    ),
    Condition(
        "future_skew", "warning", _future, _never, "count",
        "{value} events of {source} are stamped too far in the future and were set aside",
        "look at the clocks of those who send them; `max_future` is the bound",
    ),
    Condition(
        "key_cap_reached", "major", _happened("overflowed_total", "source"), _never, "count",
        "{value} events of {source} belong to keys beyond `max_keys`: counted together, not judged",
        "raise `max_keys` of the rule, or take the field that floods out of its `by`",
    ),
    # rules
    Condition(
        "rule_file_invalid", "warning", _refused_files, _never, "count",
        "{file} does not check (in force: {in_force})", "run `swctl validate`",
    ),
    Condition(
        "rules_stale", "major", _gauge("rules_stale_seconds"), lambda limits: limits.rules_stale_ms / 1000, "seconds",
        "Rules that were compiled {value} ago are not in force yet",
        "see `swctl status`: a change waits for all shards to be at work",
    ),
    Condition(
        "table_stale", "warning", _table_age, lambda limits: limits.table_stale_ms / 1000, "seconds",
        "{file} has not been written for {value}", "look at what writes it",
    ),
    # models
    Condition(
        "model_refused", "warning", _gauge("refused_model", "rule"), _never, "count",
        "A version of the model of {rule} can't be used; the last good one goes on", "run `swctl validate`",
    ),
    Condition(
        "model_failed", "major", _happened("model_failed_total", "model", "version"), _never, "count",
        "{model}@{version} failed at {value} rows: they have no score", "take another version, and report this one",
    ),
    Condition(
        "model_floods", "major", _beyond_calibration(ODD, _SHARE_S), lambda limits: FLOOD_SHARE, "ratio",
        "{value} of the scores of {model}@{version} are odd, {expected} are expected",
        "see the anomalies topic; an older good version takes over by itself, where there is one",
        for_s=lambda limits: limits.model_hold_ms / 1000, clear_s=60,
    ),
    Condition(
        "model_drifts", "major", _beyond_calibration(UNUSUAL, DRIFT_S), lambda limits: DRIFT_SHARE, "ratio",
        "{value} of the scores of {model}@{version} are at or above 0.5 over an hour, {expected} are expected",
        "traffic is not what it was trained on: train anew; an older good version takes over, if there is one",
        for_s=lambda limits: _SLOWER * limits.model_hold_ms / 1000, clear_s=60,
    ),
    Condition(
        "model_blind", "major", _of_expected_score, lambda limits: BLIND_SHARE, "ratio",
        "Scores of {model}@{version} are {value} of what its calibration expects over an hour: it finds nothing odd",
        "traffic is not what it was trained on: train anew; an older good version takes over, if there is one",
        for_s=lambda limits: _SLOWER * limits.model_hold_ms / 1000, clear_s=60, below=True,
    ),
    Condition(
        "model_rolled_back", "major", _happened("model_rollbacks_total", "model", "version", "to"), _never, "count",
        "{model}@{version} flooded, drifted or went blind and was withdrawn; {model}@{to} takes over",
        "look at what changed, then train anew; `swctl model promote` takes the decision back",
    ),
    # the machine
    Condition(
        "disk_free", "major", _gauge("disk_free_ratio", least=True), lambda limits: limits.disk_free, "ratio",
        "The disk of the state folder has {value} free", "free some space",
        for_s=10, clear_s=30, below=True,
    ),
    Condition(
        "fd_free", "major", _gauge("process_fds_free_ratio", least=True), lambda limits: limits.fd_free, "ratio",
        "A process has {value} of its file descriptors left", "raise LimitNOFILE", for_s=10, clear_s=30, below=True,
    ),
)  # fmt: skip
