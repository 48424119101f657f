"""Verdicts on anomalies: kept, and a calibration that is shifted, whoever brings them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streamwatchd.errors import ModelRejected
from streamwatchd.ports.disk import RealDisk
from streamwatchd.repository.calibration import raw_at, scores
from streamwatchd.repository.dispositions import CONFIRMED, FALSE_POSITIVE, read_dispositions
from streamwatchd.repository.feedback import Taken, Verdict, take
from streamwatchd.repository.store import GOOD, ModelStore
from tests.models.stump import put_stump

SAID = Verdict(
    "mix", 1, FALSE_POSITIVE, {"k": "a"}, "2026-01-05T00:01:00.000Z", 0.96, "2026-01-06T00:00:00.000Z", "ann"
)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    put_stump(tmp_path, "mix", "n")
    return ModelStore(RealDisk(), tmp_path)


def test_a_false_positive_makes_a_version_that_scores_it_lower(store: ModelStore) -> None:
    """As a further good version of the same artifact, with an audit line; the mark is kept beside the model."""
    taken = take(store, SAID)
    assert (taken.version, taken.status) == (2, GOOD)
    first, second = (store.read("mix", version).manifest for version in (1, 2))
    assert second.artifact == first.artifact
    raw = np.array([raw_at(first.calibration, 0.96)])
    assert scores(second.calibration, raw)[0] < 0.96
    (kept,) = read_dispositions(store.files, store.root, "mix")
    assert (kept.verdict, kept.key, kept.by, kept.version) == (FALSE_POSITIVE, {"k": "a"}, "ann", 1)
    assert store.audited("mix")[-1]["by"] == "ann"


def test_the_same_verdict_again_changes_nothing(store: ModelStore) -> None:
    """A record of a topic may come twice."""
    first = take(store, SAID)
    assert take(store, SAID) == Taken(first.shift)
    assert store.versions("mix") == [1, 2]
    assert len(read_dispositions(store.files, store.root, "mix")) == 1


def test_a_confirmed_one_takes_the_shift_back(store: ModelStore) -> None:
    """The last verdict of a key and window counts."""
    shifted = take(store, SAID)
    assert shifted.shift < 0
    back = take(store, replace(SAID, verdict=CONFIRMED, version=2))
    assert back == Taken(pytest.approx(0.0), 3, GOOD)


def test_a_version_that_is_not_there_is_told(store: ModelStore) -> None:
    with pytest.raises(ModelRejected):
        take(store, replace(SAID, version=9))
