"""The shelf: aggregates by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from streamwatchd.aggregates import (
    avg,
    changes,
    count,
    distinct,
    first,
    increase,
    last,
    max,
    min,
    predict,
    quantile,
    rate,
    ratio,
    slope,
    stddev,
    sum,
    var,
)
from streamwatchd.aggregates.base import AggregateSpec

AGGREGATES: Mapping[str, AggregateSpec] = MappingProxyType(
    {
        module.spec.name: module.spec
        for module in (
            *(avg, changes, count, distinct, first, increase, last, max, min),
            *(predict, quantile, rate, ratio, slope, stddev, sum, var),
        )
    }
)


def aggregate(name: str) -> AggregateSpec:
    """Raises KeyError for a name that the shelf does not hold (the checker has refused it before)."""
    return AGGREGATES[name]
