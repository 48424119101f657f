"""Two hundred of the ten thousand reloads of `make reloads`."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.compiler import Compiled
from tests.reloads.run import Run, run


@pytest.mark.parametrize("seed", [1, 2])
def test_a_file_that_does_not_check_touches_no_other(tmp_path: Path, seed: int) -> None:
    """Torn, empty, broken and good files under traffic: what is in force is each file's last good content."""
    found = run(tmp_path, seed, 100)
    assert not found.faults
    assert found.refused > 30
    assert found.switches > 30
    assert found.outputs > 100


def test_the_run_sees_a_part_of_a_file_in_force(tmp_path: Path) -> None:
    """And a file that holds up another: a reloader that keeps everything back when one file is bad is found out."""
    one = Run(tmp_path, 1)
    compiled = one._compile

    def all_or_nothing(last_good: dict[str, bytes]) -> Compiled:
        found = compiled(last_good)
        return one.in_force if found.loaded.refused else found

    one._reloader._compile = all_or_nothing  # type: ignore[assignment]
    assert one.run(100).faults
