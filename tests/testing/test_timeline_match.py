"""What was expected against what came."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from streamwatchd.diagnostics import Span
from streamwatchd.testing.timeline import Case, Event, Expectation, Kind
from streamwatchd.testing.timeline_match import differences, failures
from streamwatchd.testing.timeline_run import Happening, Ran

HERE = Span("a_test.yaml", 1, 1, 1, 1)
FIRED = {"event": "fired", "severity": "major", "key": {"shop": "a"}, "values": {"x": 0.1, "n": 5, "none": None}}


def came(at_ms: int = 0, document: Mapping[str, object] = FIRED, name: str = "slow") -> Happening:
    return Happening(Kind.ALARM, name, at_ms, document)


def expected(line: int = 1, **fields: object) -> Expectation:
    own = {name: fields.pop(name) for name in ("at_ms", "by_ms", "exact", "tolerance") if name in fields}
    return Expectation(Kind.ALARM, "slow", fields, Span("a_test.yaml", line, 1, line, 1), f"row {line}", **own)  # type: ignore[arg-type]


def messages(case: Case, *happenings: Happening) -> list[str]:
    return [failure.message for failure in failures(case, Ran(happenings, 60_000))]


@pytest.mark.parametrize(
    ("expectation", "found"),
    [
        (expected(event="fired", key={"shop": "a"}), []),
        (expected(values={"x": 0.1000000001}), []),
        (expected(values={"none": None}), []),
        (expected(values={"x": 0.11}), ["values.x is 0.1, not 0.11"]),
        (expected(values={"x": 0.11}, tolerance=0.2), []),
        (expected(values={"y": 1}), ["values.y is not there"]),
        (expected(values={"n": 5}, exact=True), ["values has none, x too"]),
        (expected(at_ms=5_000), ["at is 9s, not 5s"]),
        (expected(by_ms=9_000), []),
        (expected(by_ms=8_000), ["at is 9s, later than 8s"]),
        (
            expected(severity="minor", event="resolved"),
            ["severity is major, not minor", "event is fired, not resolved"],
        ),
        (expected(reason="not_held"), ["reason is null, not not_held"]),
    ],
)
def test_every_difference_is_told(expectation: Expectation, found: list[str]) -> None:
    """An output fits when there is none."""
    assert differences(expectation, came(9_000)) == found


def test_each_output_stands_for_one_expectation() -> None:
    """Two equal rows need two outputs, and a loose row gives way to a strict one."""
    loose, strict = expected(1, event="fired"), expected(2, event="fired", key={"shop": "a"})
    other = came(document={**FIRED, "key": {"shop": "b"}})
    case = Case("x", HERE, expect=[loose, strict])
    assert messages(case, came(), other) == []
    assert messages(case, other, came()) == []
    assert messages(case, came()) == ["did not come: row 2"]


def test_what_must_not_come_is_listed() -> None:
    """With the outputs that came."""
    case = Case("x", HERE, expect_no=[expected(3, event="fired")])
    found = failures(case, Ran((came(9_000),), 60_000))
    assert [(each.span.line, each.details) for each in found] == [
        (3, ("at 9s slow fired major {shop: a} {x: 0.1, n: 5, none: null}",))
    ]
    assert messages(case, came(name="other")) == []


def test_pending_alarms_count_only_where_they_are_named() -> None:
    """Nobody is told of an alarm that is pending, nor of the end of one that never fired."""
    pending = came(document={**FIRED, "event": "pending"})
    not_held = came(document={**FIRED, "event": "resolved", "reason": "not_held"})
    assert messages(Case("x", HERE, expect_no=[expected()]), pending, not_held) == []
    assert messages(Case("x", HERE, expect=[expected(event="pending")]), pending) == []
    assert messages(Case("x", HERE, expect=[expected()]), pending) == ["did not come: row 1"]


def test_an_exact_test_wants_nothing_else() -> None:
    """Of the rules that it expects something of."""
    case = Case("x", HERE, expect=[expected()], exact=True)
    assert messages(case, came(), came(9_000)) == ["came too, and the test is `exact: true`"]
    assert messages(case, came(), came(name="other")) == []


def test_events_that_went_astray_fail_the_test() -> None:
    """A dead letter or late event that nobody meant would make a test pass for a wrong reason."""
    event = Event(0, "web", 0, {"status": "x"}, HERE)
    late = Event(0, "web", 0, {}, HERE, late=True)
    dead = Happening(Kind.DEAD_LETTER, "web", 0, {"reason": "wrong_type: status"}, event)
    assert messages(Case("x", HERE, events=[event]), dead) == [
        "an event of this row is a dead letter: wrong_type: status"
    ]
    wanted = Expectation(Kind.DEAD_LETTER, "web", {"reason": "wrong_type"}, HERE, "row")
    assert messages(Case("x", HERE, events=[event], expect=[wanted]), dead) == []
    assert messages(Case("x", HERE), Happening(Kind.LATE, "web", 0, {}, event)) == ["an event of this row is late"]
    assert messages(Case("x", HERE, events=[late]), Happening(Kind.LATE, "web", 0, {}, late)) == []
    skewed = Event(0, "web", -9, {}, HERE, skewed=True)
    assert messages(Case("x", HERE, events=[skewed]), Happening(Kind.LATE, "web", 0, {}, skewed)) == []
    assert messages(Case("x", HERE, events=[late])) == [
        "the event is not late: the watermark of its source was behind it"
    ]


def test_the_nearest_outputs_are_shown() -> None:
    """Fewest differences first, then nearest in time; none at all is said."""
    case = Case("x", HERE, expect=[expected(at_ms=20_000, event="fired")])
    found = failures(case, Ran((came(9_000), came(19_000)), 60_000))
    assert [detail.split(" slow")[0] for detail in found[0].details] == ["nearest: at 19s", "nearest: at 9s"]
    nothing = failures(case, Ran((), 60_000))
    assert nothing[0].details[0] == "`slow` gave nothing at all"
