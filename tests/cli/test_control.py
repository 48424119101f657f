"""Finding the daemon's socket, and printing what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.cli.control import columns, number, socket_path, span
from streamwatchd.errors import UnreadableInput
from tests.daemon.project import write_project


def test_the_socket_is_where_the_configuration_says(tmp_path: Path) -> None:
    """In the state folder unless it says otherwise; mistakes in rules are no hindrance."""
    config = write_project(tmp_path, {"bad.yaml": "rules: 3"})
    assert socket_path(config, None) == tmp_path / "state" / "control.sock"
    config = write_project(tmp_path, {}, control_socket="run/c.sock")
    assert socket_path(config, None) == tmp_path / "run" / "c.sock"
    assert socket_path(None, Path("/x")) == Path("/x")


def test_a_configuration_without_a_socket_is_said(tmp_path: Path) -> None:
    """Switched off, or not readable as a configuration."""
    with pytest.raises(UnreadableInput, match="takes no commands"):
        socket_path(write_project(tmp_path, {}, control_socket="'off'"), None)
    (tmp_path / "streamwatchd.yaml").write_text("- 1\n")
    with pytest.raises(UnreadableInput, match="does not check"):
        socket_path(tmp_path / "streamwatchd.yaml", None)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (4.25, "4.2 s"),
        (59, "59 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (7_500, "2 h 5 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_lengths_of_time_have_two_units_at_most(seconds: float | None, text: str) -> None:
    """For people."""
    assert span(seconds) == text


def test_numbers_stand_to_the_right() -> None:
    """Names to the left."""
    rows = [("alpha", "5", "x"), ("b", number(12_345), number(None))]
    assert columns(("name", "n", "what"), rows) == "name        n  what\nalpha       5  x\nb      12,345  –"
