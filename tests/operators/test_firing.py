"""The states of alarms over time."""

from __future__ import annotations

from streamwatchd.batch import Frame
from streamwatchd.lang.typed import STRING, Field
from streamwatchd.operators.firing import FiringStates, Telling, stream_of
from streamwatchd.operators.spec import KeyColumn

HOST, MOUNT = (KeyColumn(name, Field(name, STRING), "string") for name in ("host", "mount"))


def states() -> FiringStates:
    """Host a fires on two mounts: from 10 to 30 on one, from 20 to 50 on the other."""
    frames: list[Frame] = []
    telling = Telling((HOST, MOUNT), lambda stream, frame: frames.append(frame) if stream == stream_of("r") else None)
    telling.begin(frozenset({"r"}), None)
    for at, mount, fires in ((9, "/", True), (19, "/var", True), (29, "/", False), (49, "/var", False)):
        telling.note("r", ("a", mount), at, fires=fires)
    telling.note("another", ("a", "/"), 1, fires=True)
    telling.flush()
    found = FiringStates(("host", "mount"))
    for frame in frames:
        found.take(frame)
    return found


def test_it_fires_as_long_as_any_alarm_with_these_values_does() -> None:
    """A judgement at 10 has the time 9."""
    made = states()
    assert [made.fires(("host",), ("a",), at) for at in (9, 10, 30, 49, 50)] == [False, True, True, True, False]
    assert [made.fires(("mount", "host"), ("/", "a"), at) for at in (10, 29, 30)] == [True, True, False]
    assert not made.fires(("host",), ("b",), 20)


def test_what_nobody_asks_for_any_more_is_forgotten() -> None:
    """The state at the instant stays; an alarm that is down then leaves nothing."""
    made = states()
    made.forget_before(40)
    assert len(made.snapshot()[1]) == 1
    assert made.fires((), (), 45)
    made.forget_before(60)
    assert made.snapshot()[1] == []
    assert not made.fires((), (), 61)


def test_a_snapshot_goes_on() -> None:
    """Under the same questions."""
    made, other = states(), FiringStates(("host", "mount"))
    other.restore(made.snapshot())
    assert [other.fires(("host",), ("a",), at) for at in range(60)] == [
        made.fires(("host",), ("a",), at) for at in range(60)
    ]
