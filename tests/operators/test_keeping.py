"""What a model keeps of keys: per version, and as long as a key has rows."""

from __future__ import annotations

import numpy as np
import pytest

from streamwatchd.batch import Dictionary, Strings
from streamwatchd.operators.keeping import Keeping
from streamwatchd.packing import pack, unpack


def hosts(*names: str) -> list[Strings]:
    dictionary = Dictionary()
    return [Strings(dictionary.encode(names), dictionary)]


def remembered(keeping: Keeping, name: str, at: int, version: str = "v", width: int = 2) -> list[float]:
    return keeping.recall(version, width, hosts(name), 1, at).memory[0].tolist()  # type: ignore[no-any-return]


def kept(at: int = 100) -> Keeping:
    keeping = Keeping(("host",), 1_000)
    found = keeping.recall("v", 2, hosts("a", "b"), 2, at)
    keeping.keep(found, np.array([0]), np.array([[1.0, 2.0]]), at)
    return keeping


def test_a_key_begins_with_nothing_and_a_row_left_out_changes_nothing() -> None:
    keeping = kept()
    assert remembered(keeping, "a", 200) == [1.0, 2.0]
    assert np.isnan(remembered(keeping, "b", 200)).all()


def test_a_key_without_rows_for_long_begins_anew() -> None:
    keeping = kept()
    assert remembered(keeping, "a", 1_100) == [1.0, 2.0]
    assert np.isnan(remembered(keeping, "a", 1_101)).all()


def test_another_version_begins_anew() -> None:
    keeping = kept()
    assert np.isnan(remembered(keeping, "a", 200, version="w", width=3)).all()
    assert np.isnan(remembered(keeping, "a", 200)).all()


def test_state_goes_to_disk_and_back_without_keys_that_are_forgotten() -> None:
    keeping = kept()
    later = keeping.recall("v", 2, hosts("c"), 1, 5_000)
    keeping.keep(later, np.array([0]), np.array([[3.0, np.nan]]), 5_000)
    again = Keeping(("host",), 1_000)
    again.restore(unpack(pack(keeping.snapshot())))
    assert remembered(again, "c", 5_100)[0] == 3.0
    assert len(again.snapshot()[2]) == 1


def test_state_that_does_not_agree_is_refused() -> None:
    digest, width, keys, memory, last, newest = kept().snapshot()
    with pytest.raises(ValueError, match="memory of a model"):
        Keeping(("host",), 1_000).restore([digest, width, keys, memory, last[:1], newest])
