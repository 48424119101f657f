"""scikit-learn's forest as arrays scores as scikit-learn does."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import IsolationForest

from streamwatchd.models.isolation_forest import load
from streamwatchd.training.forest import fit
from tests.models.rhythms import EVERY_MS, traffic
from tests.models.trees import manifest


def test_the_arrays_score_as_scikit_learn_does() -> None:
    """To 1e-7, in both ways to walk: depths are kept in single precision, in which scikit-learn compares. So are the
    values here."""
    history = traffic(3, keys=4, features=3)
    history.vectors[:] = history.vectors.astype(np.float32)
    arrays = fit(history, EVERY_MS, 3, {"trees": 25}, lambda share: None)
    theirs = IsolationForest(n_estimators=25, max_samples=256, random_state=3).fit(history.vectors)
    scorer = load(manifest(features=3), arrays)
    for rows in (50, 1_000):
        raw, _ = scorer.score(history.vectors[:rows], np.zeros((rows, 0)), history.ends_ms[:rows])
        assert np.abs(raw + theirs.score_samples(history.vectors[:rows])).max() < 1e-7
