"""Percentiles and distinct counts beyond what the contract of all aggregates says."""

from __future__ import annotations

import numpy as np
import pytest

from streamwatchd.aggregates.sketch import Distinct, Histogram, bucket_of, distinct, hash_of, middle_of, quantile
from streamwatchd.batch import Dictionary, Strings

NO_TIME = np.zeros(0, np.int64)


def test_minus_zero_is_zero() -> None:
    """They are equal, so they are one value, in one batch or in two."""
    first, second = hash_of(np.array([0.0, -0.0])).tolist()
    assert first == second


@pytest.mark.parametrize("value", [1e-9, 0.37, 1.0, 42.0, 1e15, -3.5])
def test_a_bucket_stands_within_one_percent_of_its_values(value: float) -> None:
    """The middle of a bucket that is 1 % wide."""
    (middle,) = middle_of(bucket_of(np.array([value]))).tolist()
    assert middle == pytest.approx(value, rel=0.0051)


def test_buckets_are_ordered_like_their_values() -> None:
    """Also below zero, where they mirror."""
    values = np.array([-1e6, -2.0, -0.5, 0.0, 1e-6, 0.5, 0.6, 7e9])
    assert sorted(bucket_of(values).tolist()) == bucket_of(values).tolist()


def test_the_rank_is_the_nearest_one() -> None:
    """ceil(q · n): the median of four is the second."""
    state = Histogram().reduce(np.zeros(4, np.intp), 2, np.array([1.0, 10.0, 100.0, 1000.0]), NO_TIME)
    assert quantile(state, 0.5, 2)[0] == pytest.approx(10.0, rel=0.01)
    assert np.isnan(quantile(state, 0.5, 2)[1])


@pytest.mark.parametrize("count", [1, 1_024, 5_000])
def test_distinct_counts_exactly_first_and_then_closely(count: int) -> None:
    """Up to 1,024 to the last one, then within a few percent."""
    dictionary = Dictionary([f"user-{i}" for i in range(count)])
    column = Strings(np.tile(np.arange(count, dtype=np.int32), 2), dictionary)
    state = Distinct().reduce(np.zeros(2 * count, np.intp), 1, column, NO_TIME)
    assert distinct(state, 1)[0] == pytest.approx(count, rel=0.0 if count <= 1_024 else 0.05)
