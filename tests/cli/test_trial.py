"""What rules in shadow would have told, from documents."""

from __future__ import annotations

from typing import Any

from streamwatchd.cli.trial import Trials, beside, report


def alert(rule: str, key: str, number: int, event: str, minute: int, **more: Any) -> dict[str, Any]:
    """`number` tells lives apart."""
    state = "resolved" if event == "resolved" else "firing"
    at = f"2026-01-05T{minute // 60:02}:{minute % 60:02}:00.000Z"
    document = {"id": f"{rule} {key} {number}", "rule": rule, "key": {"host": key}, "event": event, "state": state}
    rest = {"severity": "major", "ends_at": None, "muted_by": None, "labels": {}, "context": {}}
    return document | {"at": at} | rest | more


def life(rule: str, key: str, number: int, start: int, end: int, **more: Any) -> list[dict[str, Any]]:
    return [alert(rule, key, number, "fired", start, **more), alert(rule, key, number, "resolved", end, **more)]


def told(*lives: list[dict[str, Any]]) -> Trials:
    trials = Trials(["new", "old"], ())
    for document in (document for each in lives for document in each):
        trials.add(document)
    return trials


def test_alarms_are_counted_by_severity_key_day_and_hour() -> None:
    """Muted ones are counted apart; what is up counts to the last that was heard."""
    trials = told(
        life("new", "a", 1, 10, 15),
        life("new", "a", 2, 40, 41, severity="critical"),
        life("new", "b", 1, 50, 60, muted_by="silence(x)"),
        [alert("new", "c", 1, "fired", 120)],
        life("other", "a", 1, 200, 900),
    )
    found = report(trials["new"])
    assert (found["told"], found["muted"], found["up"], found["minutes"]) == (3, 1, 1, 6.0)
    assert list(found["severities"]) == ["critical", "major"]
    assert found["keys"][0] == {"key": "host=a", "told": 2, "minutes": 6.0}
    assert found["busiest_hour"] == {"from": "2026-01-05T00:00:00.000Z", "told": 2}
    assert found["until"] == "2026-01-05T02:00:00.000Z"


def test_rows_are_counted_by_day() -> None:
    """Of a KPI, or of scores."""
    trials = Trials(["load"], ())
    for day in (5, 5, 6):
        trials.add({"kpi": "load", "key": {}, "window": {"end": f"2026-01-0{day}T00:01:00.000Z"}})
    assert report(trials["load"])["rows"] == {"2026-01-05": 2, "2026-01-06": 1}


def test_another_rule_stands_beside_it() -> None:
    """From the first that was heard of the rule on trial."""
    trials = told(
        life("old", "a", 1, 1, 3),
        life("new", "a", 1, 50, 55),
        life("old", "a", 2, 52, 58),
        life("new", "b", 1, 60, 61),
        life("old", "c", 1, 70, 71),
    )
    found = beside(trials["new"], trials["old"])
    assert found == {"rule": "old", "told": 2, "both": 1, "only_shadow": 1, "only_other": 1}
