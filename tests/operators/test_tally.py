"""Counts of scores per version."""

from __future__ import annotations

import numpy as np

from streamwatchd.operators.tally import EDGES, Tallies


def test_rows_are_counted_by_score() -> None:
    tallies = Tallies()
    tallies.of("m@1").add(np.array([0.2, 0.95, np.nan, 1.0]), 2)
    ((name, tally),) = tallies
    assert (name, tally.scored, tally.unscored, tally.anomalies) == ("m@1", 3, 1, 2)
    assert dict(zip(EDGES, tally.above, strict=True)) == {0.5: 2, 0.65: 2, 0.8: 2, 0.9: 2, 0.95: 2, 0.99: 1}


def test_of_many_versions_the_oldest_goes_and_the_rest_survives() -> None:
    tallies = Tallies()
    for number in range(10):
        tallies.of(f"m@{number}").failed = number
    again = Tallies()
    again.restore(tallies.snapshot())
    assert {name: each.failed for name, each in again} == {f"m@{number}": number for number in range(2, 10)}
