"""Holds, and what fires over a restart."""

from __future__ import annotations

from streamwatchd.daemon.metrics import Samples
from streamwatchd.daemon.selfwatch.document import Document
from streamwatchd.daemon.selfwatch.watch import Watch
from streamwatchd.settings import SelfAlerts

FULL: Samples = {("disk_free_ratio", ()): 0.01}
ROOM: Samples = {("disk_free_ratio", ()): 0.5}
NOW_MS = 1_767_571_200_000


def turn(watch: Watch, samples: Samples, second: float) -> list[Document]:
    return watch.turn(samples, second, NOW_MS + round(1_000 * second))


def test_a_blip_is_not_told() -> None:
    """Neither on its way up nor on its way down."""
    watch = Watch("app", SelfAlerts())
    assert turn(watch, FULL, 0) == turn(watch, ROOM, 9) == turn(watch, FULL, 12) == turn(watch, FULL, 21) == []
    assert [each["event"] for each in turn(watch, FULL, 22)] == ["fired"]
    assert watch.firing["disk_free"] == 1
    assert turn(watch, ROOM, 30) == turn(watch, FULL, 59) == turn(watch, ROOM, 61) == turn(watch, ROOM, 90) == []
    assert [each["event"] for each in turn(watch, ROOM, 91)] == ["resolved"]


def test_what_fires_goes_on_over_a_restart() -> None:
    """The same id: it is not fired anew, and it clears under it."""
    before = Watch("app", SelfAlerts())
    turn(before, FULL, 0)
    (fired,) = turn(before, FULL, 20)
    after = Watch("app", SelfAlerts())
    after.restore(before.state())
    assert turn(after, {}, 5_000) == turn(after, FULL, 5_010) == turn(after, FULL, 5_100) == []
    assert turn(after, ROOM, 5_101) == []
    (resolved,) = turn(after, ROOM, 5_131)
    assert (resolved["id"], resolved["seq"], resolved["starts_at"]) == (fired["id"], 2, fired["starts_at"])


def test_an_old_snapshot_is_no_younger_for_a_restart() -> None:
    """Until the worker has committed again, nothing has come since its snapshot: that is neither all well nor news."""

    def aged(epoch: float) -> Samples:
        shard = (("shard", "1"),)
        return {("snapshot_age_seconds", shard): 900.0, ("snapshot_epoch", shard): 7.0, ("epoch_number", shard): epoch}

    watch = Watch("app", SelfAlerts())
    told = [each["event"] for second in range(20) for each in turn(watch, aged(8), second)]
    told += [each["event"] for second in range(20, 24) for each in turn(watch, aged(7), second)]
    told += [each["event"] for second in range(24, 60) for each in turn(watch, aged(8), second)]
    assert told == ["fired"]


def test_what_is_gone_after_a_restart_clears_after_a_minute() -> None:
    """Numbers of workers that have not started yet are no reason to clear at once."""
    watch = Watch("app", SelfAlerts())
    watch.restore([["rule_file_invalid", [["file", "a.yaml"]], "id", NOW_MS, 1], ["no_such_alert", [], "x", 0, 1]])
    assert turn(watch, {}, 0) == turn(watch, {}, 59) == []
    assert [each["rule"] for each in turn(watch, {}, 61)] == ["streamwatchd.rule_file_invalid"]


def test_what_has_been_seen_since_the_start_clears_when_it_is_gone() -> None:
    """A file that was refused and is gone again in the first minute: of an earlier process it fired or of this one."""
    refused: Samples = {("refused_file", (("file", "a.yaml"), ("in_force", "nothing"))): 1.0}
    new, again = Watch("app", SelfAlerts()), Watch("app", SelfAlerts())
    again.restore([["rule_file_invalid", [["file", "a.yaml"]], "id", NOW_MS, 1]])
    assert [each["event"] for each in turn(new, refused, 1)] == ["fired"]
    assert turn(again, refused, 1) == []
    for watch in (new, again):
        assert [each["event"] for each in turn(watch, {}, 2)] == ["resolved"]


def test_a_refused_file_says_what_is_in_force_of_it() -> None:
    """At a first start nothing is."""
    for in_force in ("last good version", "nothing"):
        bad: Samples = {("refused_file", (("file", "a.yaml"), ("in_force", in_force))): 1.0}
        (fired,) = turn(Watch("app", SelfAlerts()), bad, 0)
        assert fired["message"] == f"a.yaml does not check (in force: {in_force}): run `swctl validate`"


def test_each_key_is_an_alert_of_its_own() -> None:
    """Two files."""
    watch = Watch("app", SelfAlerts())
    both: Samples = {("refused_file", (("file", name), ("in_force", "nothing"))): 1.0 for name in ("a", "b")}
    assert [each["key"]["file"] for each in turn(watch, both, 0)] == ["a", "b"]
    assert [each["key"]["file"] for each in turn(watch, dict([next(iter(both.items()))]), 70)] == ["b"]


def test_what_a_transaction_hides_is_no_work_that_waits() -> None:
    """It can't be taken in, however many shards there are."""
    place = (("partition", "0"), ("topic", "in"))

    def samples(second: int, hidden: float) -> Samples:
        return {
            ("consumer_lag_records", place): 50.0 * second,
            ("lso_lag_records", place): hidden * second,
            ("records_total", (("shard", "0"), ("topic", "in"))): 10.0 * second,
        }

    for hidden, wanted in ((50.0, 0), (0.0, 1)):
        watch = Watch("app", SelfAlerts())
        for second in range(200):
            turn(watch, samples(second, hidden), second)
        assert watch.firing["input_outpaces"] == wanted
