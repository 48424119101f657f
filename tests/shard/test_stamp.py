"""What stands beside committed offsets."""

from __future__ import annotations

import pytest

from streamwatchd.errors import StateMismatch
from streamwatchd.ports.kafka import Committed, Partition
from streamwatchd.shard.owner import Layout, Owner
from streamwatchd.shard.stamp import committed_epoch, layout_of, stamp_of, stamps

IN, OTHER = Partition("in", 0), Partition("in", 2)
OWNER = Owner("app", 1, 2, 0)


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("tenure", ["", "3f0a"])
def test_a_stamp_reads_as_it_was_written(closed: bool, tenure: str) -> None:
    """Epoch, shard, layout, who works on it, and whether it is the last one."""
    stamp = stamp_of(OWNER, 7, closed=closed, tenure=tenure)
    assert stamps({IN: Committed(5, str(stamp)), OTHER: None}) == {IN: stamp}
    assert layout_of([stamp]) == Layout(1, 2)
    assert layout_of([]) is None


def test_the_committed_epoch_is_the_newest() -> None:
    """Partitions that joined later have none yet; what an older layout left behind does not count."""
    assert committed_epoch({IN: Committed(5, "e=4;s=0/2;g=1"), OTHER: None}, OWNER) == 4
    assert committed_epoch({IN: Committed(5, "e=4;s=0/2;g=1"), OTHER: Committed(1, "e=9;s=1/3;g=0")}, OWNER) == 4
    assert committed_epoch({OTHER: Committed(1, "e=9;s=1/3;g=0")}, OWNER) == 0
    assert committed_epoch({IN: None}, OWNER) == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "moved by hand"),
        ("e=x", "moved by hand"),
        ("e=4;s=1/3;g=2", "start this one again with `shards: 3`"),
        ("e=4;s=1/2;g=1", "belongs to shard 1"),
    ],
)
def test_positions_of_somebody_else_are_refused(text: str, reason: str) -> None:
    """With the partition named and a way out."""
    with pytest.raises(StateMismatch, match=reason):
        committed_epoch({IN: Committed(5, text)}, OWNER)


def test_partitions_agree_on_the_layout() -> None:
    """One layout at a time is in force."""
    with pytest.raises(StateMismatch, match="layout 1 \\(2 shards\\) and of layout 1 \\(3 shards\\)"):
        layout_of([stamp_of(OWNER, 1), stamp_of(Owner("app", 1, 3, 0), 1)])
