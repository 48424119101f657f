"""What a dry run came to, in a few lines."""

from __future__ import annotations

from streamwatchd.cli.results import Tally
from streamwatchd.cli.summary import Played, summary


def played(events: int = 100, **changes: object) -> Played:
    settings: dict[str, object] = {
        "recording": "a.ndjson", "events": events, "seconds": 0.5, "newest_ms": 10_000, "watermark_ms": 5_000,
        "unknown": {}, "notes": (), "flushed": False,
    }  # fmt: skip
    return Played(**{**settings, **changes})  # type: ignore[arg-type]


def test_open_alarms_are_named() -> None:
    """The first ten, and how many more."""
    tally = Tally()
    for number in range(12):
        key = {"shop": f"s{number}"}
        tally.alert(
            {"id": str(number), "rule": "slow", "event": "fired", "state": "firing", "severity": "major", "key": key,
             "starts_at": "then", "ends_at": None}
        )  # fmt: skip
    lines = list(summary(played(), tally))
    assert "still up: 12 alarms" in lines
    assert "  slow shop=s0: firing, major, since then" in lines
    assert lines[-1] == "  and 2 more"


def test_what_looks_wrong_gets_a_hint() -> None:
    """Many late events, many dead letters, records of topics that nobody reads, torn ends."""
    tally = Tally()
    tally.late["web"] = 60
    tally.dead_letters["missing_time"] = 30
    text = "\n".join(summary(played(unknown={"other": 3}, notes=("the last line is torn",)), tally))
    assert "in order of time over all its partitions?" in text
    assert "`time:` and `fields:`" in text
    assert "left out: 3 records of topic other" in text
    assert "the last line is torn" in text


def test_nothing_is_said_of_windows_when_all_are_closed() -> None:
    """Nor when there was no event."""
    assert not any("stay open" in line for line in summary(played(flushed=True), Tally()))
    assert not any("stay open" in line for line in summary(played(newest_ms=None, watermark_ms=None), Tally()))


def test_anomalies_are_counted_where_there_are_any() -> None:
    """By rule."""
    tally = Tally()
    assert not any("anomalies" in line for line in summary(played(), tally))
    tally.anomalies["odd"] = 3
    assert "  odd: 3" in list(summary(played(), tally))
