"""`--watch`."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.cli.watching import again_and_again


class Enough(Exception):
    """The test has seen what it wants."""


def test_it_is_done_once_a_change_and_not_between(tmp_path: Path) -> None:
    """Files that are none of a project's, and hidden ones, are no change."""
    steps = iter(["", "a.yaml", "", ".git.yaml", "notes.txt", "sub/b.csv", ""])
    done = []

    def wait(_: float) -> None:
        name = next(steps, None)
        if name is None:
            raise Enough
        if name:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(name)

    with pytest.raises(Enough):
        again_and_again(lambda: done.append(len(done)), tmp_path, wait=wait, clear=False)
    assert done == [0, 1, 2]
