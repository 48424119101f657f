"""Where the listener stands: kept, found again, begun anew with another topic."""

from __future__ import annotations

from pathlib import Path

from streamwatchd.daemon.control_topic.position import Position
from streamwatchd.ports.disk import RealDisk


def opened(folder: Path, topic_id: str = "t1") -> Position:
    made = Position(RealDisk(), folder)
    made.load("ops", topic_id)
    return made


def test_it_goes_on_where_it_stood(tmp_path: Path) -> None:
    """What was being done is known until it is done."""
    first = opened(tmp_path)
    first.begin("a")
    again = opened(tmp_path)
    assert (again.was_doing("a"), again.had("a"), again.next) == (True, False, {})
    again.end(0, 7, "a")
    last = opened(tmp_path)
    assert (last.was_doing("a"), last.had("a"), last.next) == (False, True, {0: 8})
    last.end(0, 8)
    assert opened(tmp_path).next == {0: 9}


def test_a_topic_made_anew_is_read_from_its_beginning_and_ids_stay(tmp_path: Path) -> None:
    """Whoever fills it again has no second effect."""
    opened(tmp_path).end(0, 7, "a")
    anew = opened(tmp_path, "t2")
    assert (anew.next, anew.had("a")) == ({}, True)


def test_a_file_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    (tmp_path / "control.json").write_text("{")
    assert opened(tmp_path).next == {}
