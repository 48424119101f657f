"""Who works on a shard: the daemon that said so last, beside the committed offsets.

A tenure is one decision that a daemon works on a shard: at its start, by `swctl takeover`, by a lease. All workers that
come of it, however often they are restarted, share its name. The first of them claims the shard: right after it has
fenced whoever was there, and before anything else, it commits the offsets as they stand with the name of its tenure.

A transactional id alone does not decide: whoever opens it later wins, and an owner that builds a new producer after a
doubtful commit opens it later than the newcomer that has just fenced him. So

- who was fenced asks for the tenure, and leaves once it is another's. Until then it waits: a newcomer's claim comes
  right after the fence. If none comes, he was fenced by an owner in doubt, who has left, and goes on;
- who has built a new producer asks too, and so does who has had nothing to commit for a while; he leaves if the
  tenure is another's;
- a newcomer that is fenced before its claim is committed claims again.

So the newcomer always stays, and the other one always leaves.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from streamwatchd.errors import Fenced, Unavailable
from streamwatchd.ports.clock import Clock
from streamwatchd.ports.kafka import Committed, Kafka, Partition
from streamwatchd.shard.owner import Owner
from streamwatchd.shard.stamp import Positions, Stamp, stamps

_CLAIM_S = 5.0
"""A newcomer's claim is committed so soon after its fence, if it lives."""
_ASK_S = 0.25


def newest_stamps(positions: Positions, owner: Owner) -> dict[Partition, Stamp]:
    """Those of the owner's last committed epoch; none before the first. Raises StateMismatch for foreign offsets."""
    found = {
        each: stamp
        for each, stamp in stamps(positions).items()
        if (stamp.layout, stamp.shard) == (owner.layout, owner.shard)
    }
    epoch = max((stamp.epoch for stamp in found.values()), default=0)
    return {each: stamp for each, stamp in found.items() if stamp.epoch == epoch}


class Tenure:
    """`name` is empty where nothing is claimed (simulations): then a fence decides alone."""

    def __init__(self, kafka: Kafka, owner: Owner, name: str, clock: Clock, trying: Callable[[str], None]) -> None:
        """`trying` is told what is waited for."""
        self._kafka = kafka
        self._owner = owner
        self.name = name
        self._clock = clock
        self._trying = trying

    def claim(self, positions: Positions, *, begun: bool) -> dict[Partition, Committed]:
        """What to commit so that the shard is ours; nothing where it is, or where nobody has committed anything.

        Raises Fenced where it was ours before (`begun`), and is another's now.
        """
        found = newest_stamps(positions, self._owner)
        if not self.name or {stamp.tenure for stamp in found.values()} <= {self.name}:
            return {}
        if begun:
            raise Fenced(f"another daemon has taken {self._owner} over while no worker was here")
        return {
            each: Committed(position.offset, str(replace(found[each], tenure=self.name)))
            for each, position in positions.items()
            if each in found and position is not None
        }

    def check(self, positions: Positions) -> None:
        """Raises Fenced where the shard is another's."""
        theirs = {stamp.tenure for stamp in newest_stamps(positions, self._owner).values()} - {self.name}
        if self.name and theirs:
            raise Fenced(f"another daemon has taken {self._owner} over")

    def ask(self, partitions: Collection[Partition]) -> None:
        """Raises Fenced where the shard is another's; a broker that does not answer says nothing."""
        with contextlib.suppress(Unavailable):
            self.check(self._committed(partitions))

    def outlasts(self, fence: Fenced, partitions: Collection[Partition]) -> None:
        """After a fence: returns when nobody has claimed the shard for as long as a claim may take; else raises."""
        if not self.name:
            raise fence
        self._trying(f"{fence}; asking whether another daemon works on this shard")
        until = self._clock.monotonic() + _CLAIM_S
        while self._clock.monotonic() < until:
            try:
                self.check(self._committed(partitions))
            except Unavailable as error:
                self._trying(str(error))
            self._clock.sleep(_ASK_S)

    def _committed(self, partitions: Collection[Partition]) -> Mapping[Partition, Committed | None]:
        admin = self._kafka.admin()
        try:
            return admin.committed(self._owner.app, partitions)
        finally:
            admin.close()
