"""How far a task has come, by the inputs that a stream or a node rests on."""

from __future__ import annotations

from streamwatchd.operators.asking import BEGINNING
from streamwatchd.operators.progress import Progress


def progress() -> Progress:
    made = Progress()
    made.limits = {"a": 10_000, "b": 7_000}
    made.roots = {"k": frozenset({"a", "b"})}
    made.paces = {"k": 2_000}
    return made


def test_a_derived_stream_goes_with_the_least_of_its_inputs() -> None:
    """As far as its rows are known: at multiples of a pace only."""
    assert [progress().of_stream(name) for name in ("a", "b", "k")] == [10_000, 7_000, 6_000]


def test_before_the_first_watermark_nothing_has_come() -> None:
    """Whatever the pace."""
    made = progress()
    made.limits["b"] = BEGINNING
    assert made.of_stream("k") == BEGINNING


def test_it_never_goes_back() -> None:
    """An older limit changes nothing; streams that nobody asked for are left out."""
    made = progress()
    made.go_on({"a": 9_000, "b": 8_000, "c": 1})
    assert made.limits == {"a": 10_000, "b": 8_000}


def test_of_a_snapshot_it_takes_what_there_still_is() -> None:
    """A stream that the rules no longer read does not hold anything up."""
    made = progress()
    made.restore({"a": 12_000, "gone": 1}, {"a": 11_000}, {"a": 3_000})
    assert (made.limits, made.sent) == ({"a": 12_000, "b": 7_000}, {"a": 11_000})
    assert made.begun == {"a": 3_000}
