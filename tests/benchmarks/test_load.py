"""A small flood of keys: memory stays, and the old keys keep their places."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_flood_of_keys_does_not_grow_the_state() -> None:
    """30 times the cap comes by; as many keys are kept as the cap allows, and all others are counted in one storm a
    rule. What still grows is the decoder's dictionary of texts, up to a million of them (some 200 bytes each)."""
    command = [sys.executable, "-m", "benchmarks.load.keys", "--keys", "150000", "--cap", "5000"]
    found = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    assert found["keys"] == 5_000
    assert found["overflowed"] == 2 * 145_000
    assert 8 <= found["storms"] <= 14
    assert found["most_mib"] - found["full_mib"] < 150_000 * 300 / 2**20
