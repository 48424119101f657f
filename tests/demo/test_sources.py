"""The five kinds of sources when all is well."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from streamwatchd.demo import sources
from streamwatchd.demo.sources import KINDS, Kind, Span

SPAN = Span(1_767_571_200_000, 600)
COUNT = 9_000


def blocks(kind: Kind, seed: int = 1) -> list[sources.Block]:
    return kind.blocks(np.random.default_rng(seed), COUNT, SPAN)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_makes_what_is_asked_for(kind: Kind) -> None:
    """About so many records, all within the span, every column as long as the block."""
    made = blocks(kind)
    assert sum(len(block.seconds) for block in made) == pytest.approx(COUNT, rel=0.02)
    for block in made:
        assert block.seconds.min() >= 0
        assert block.seconds.max() < SPAN.seconds
        assert {len(column) for column in block.fields.values()} == {len(block.seconds)}
        assert kind.key in block.fields


def test_errors_of_a_link_only_grow() -> None:
    """`in_errors` is a counter."""
    poll = blocks(next(kind for kind in KINDS if kind.name == "network"))[0]
    for link in ("core-01:ge0", "access-30:ge3"):
        counts = poll.fields["in_errors"][poll.fields["link"] == link]
        assert len(counts) > 10
        assert (np.diff(counts) >= 0).all()


def test_failures_keep_their_share_at_every_moment() -> None:
    """No minute of a service can be far off its share by luck."""
    block = blocks(next(kind for kind in KINDS if kind.name == "api"))[0]
    block.fields["failing"][:] = 0.03
    assert block.derive is not None
    block.derive(block.fields)
    for service, total in Counter(block.fields["service"].tolist()).items():
        failed = np.cumsum(block.fields["status"][block.fields["service"] == service] >= 500)
        assert np.abs(failed - 0.03 * np.arange(1, total + 1)).max() <= 1


def test_statistics_come_every_ten_seconds_from_every_service() -> None:
    """Between two of them nothing is known of a service's errors."""
    stats = blocks(next(kind for kind in KINDS if kind.name == "service_metrics"))[0]
    assert set(Counter(stats.fields["service"].tolist()).values()) == {60}
