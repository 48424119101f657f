"""Episodes of alarms, and how those of two runs differ."""

from __future__ import annotations

import pytest

from streamwatchd.operators.document import iso
from streamwatchd.testing.episodes import Episode, Episodes, What, differences

MINUTE = 60_000


def document(event: str, minute: int, severity: str = "warning", **more: object) -> dict[str, object]:
    """Of the alarm of host a that began at minute 0."""
    return {
        "id": "1",
        "rule": "hot",
        "state": "resolved" if event == "resolved" else "firing",
        "event": event,
        "severity": severity,
        "key": {"host": "a"},
        "at": iso(minute * MINUTE),
        "ends_at": iso(minute * MINUTE) if event == "resolved" else None,
        "labels": {},
        "context": {},
        "muted_by": None,
        **more,
    }


def episodes(*documents: dict[str, object], occurrences: tuple[str, ...] = ()) -> list[Episode]:
    found = Episodes(occurrences, {"old": "hot"})
    for each in documents:
        found.add(each)
    return found.all()


def at(start: int, end: int | None, severity: str = "warning", key: str = "host=a") -> Episode:
    return Episode("hot", key, "", start * MINUTE, None if end is None else end * MINUTE, severity)


def test_a_life_is_one_episode_of_its_worst_severity() -> None:
    """Escalations and relaxations are inside; pending alarms tell nobody, nor do they when they end unheld."""
    life = [
        document("pending", 0),
        document("fired", 1),
        document("escalated", 2, "critical"),
        document("relaxed", 3, "warning"),
        document("resolved", 5),
    ]
    assert episodes(*life) == [at(1, 5, "critical")]
    assert episodes(document("pending", 0), document("resolved", 2, reason="not_held")) == []
    assert episodes(document("fired", 1)) == [at(1, None)]


def test_an_occurrence_has_no_length() -> None:
    """An event of a rule without keys stands for itself."""
    assert episodes(document("fired", 3), occurrences=("hot",)) == [at(3, 3)]


def test_a_renamed_rule_is_the_same_rule() -> None:
    """It goes by its new name."""
    assert episodes(document("fired", 3, rule="old")) == [at(3, None)]


@pytest.mark.parametrize(
    ("labels", "context", "owner"),
    [({"team": "noc", "owner": "ann"}, {}, "ann"), ({}, {"team": "db"}, "db"), ({"x": "y"}, {}, "")],
)
def test_labels_say_whose_it_is_and_else_tables(labels: dict[str, str], context: dict[str, str], owner: str) -> None:
    """`owner` before `team`, labels before columns."""
    assert episodes(document("fired", 1, labels=labels, context=context))[0].owner == owner


def test_minutes_count_up_to_the_end_of_the_recording() -> None:
    """For one that is still up."""
    assert at(1, 5).minutes(60 * MINUTE) == 4
    assert at(1, None).minutes(11 * MINUTE) == 10


BEFORE = [at(0, 5), at(60, 65), at(200, None, key="host=b")]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (BEFORE, []),
        (BEFORE[:1] + BEFORE[2:], [What.REMOVED]),
        ([*BEFORE, at(120, 125)], [What.ADDED]),
        ([at(0, 5), at(61, 65), BEFORE[2]], [What.MOVED]),
        ([at(0, 5), at(60, 65, "critical"), BEFORE[2]], [What.MOVED]),
        ([at(0, 5), at(62, 70), BEFORE[2]], [What.MOVED]),
        ([at(0, 5), at(100, 105), BEFORE[2]], [What.REMOVED, What.ADDED]),
        ([*BEFORE[:2], at(230, None, key="host=b")], [What.MOVED]),
        ([*BEFORE[:2], at(200, 210, key="host=b"), at(230, None, key="host=b")], [What.MOVED, What.ADDED]),
    ],
)
def test_differences_are_told_by_rule_key_and_time(after: list[Episode], expected: list[What]) -> None:
    """Episodes that overlap, or begin close to each other, are one that moved."""
    assert [each.what for each in differences(BEFORE, after)] == expected


def test_the_alert_of_a_key_that_flaps_is_beside_the_episodes() -> None:
    """It has the rule and the key of the alarm, and a life of its own."""
    flaps = document("flapping", 2, id="2", values={"changes": 3})
    calm = document("resolved", 9, id="2", reason="calmed_down")
    assert episodes(document("fired", 1), flaps, document("resolved", 5), calm) == [at(1, 5)]
