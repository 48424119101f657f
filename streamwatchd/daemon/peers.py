"""The other hosts, as the host with shard 0 sees them while it changes the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from streamwatchd.daemon.hosts import Heard, Hosts
from streamwatchd.daemon.orders import Order
from streamwatchd.ports.clock import Clock
from streamwatchd.shard.control import Have, Held
from streamwatchd.shard.version import Version


class Peers:
    """One order at a time."""

    def __init__(self, hosts: Hosts, clock: Clock) -> None:
        self._hosts = hosts
        self._clock = clock
        self._order: Order | None = None
        self._number = 0
        self._published = -1

    def running(self, version: int) -> set[int]:
        """Shards at work elsewhere, of hosts that know `version`."""
        return {shard for each in self._fresh() if each.reply.version == version for shard in each.reply.running}

    def _fresh(self) -> list[Heard]:
        return [each for each in self._hosts.heard.values() if self._hosts.is_fresh(each)]

    def offer(self, digest: str, data: bytes) -> None:
        """Begin a new order: this content, whose file is `data`, may come."""
        self._number = max(self._number + 1, self._clock.now_ms())
        self._order = Order(self._hosts.name, self._number, digest)
        self._hosts.orders.give(self._order, {f"content/{digest}": data})
        self._hosts.hurry = True

    def hold(self, ticket: int) -> None:
        assert self._order is not None
        self._order = Order(self._order.host, self._order.number, self._order.digest, ticket)
        self._hosts.orders.give(self._order)

    def replies(self) -> Iterator[Have | Held]:
        """All that the others have said to the order so far."""
        order = self._order
        for each in self._fresh():
            if order is not None and each.reply.number == order.number:
                for shard in each.reply.have:
                    yield Have(shard, order.digest)
                for shard, ticket, horizon_ms in each.reply.held:
                    yield Held(shard, ticket, horizon_ms)

    def publish(self, version: Version) -> None:
        """Decide."""

        def published() -> None:
            self._published = version.number

        self._end(version, published)

    def is_published(self, version: Version) -> bool:
        return self._published >= version.number

    def give_up(self) -> None:
        """Of an order that stands; without one nothing is said."""
        self._end(None, lambda: None)

    def _end(self, version: Version | None, done: Callable[[], None]) -> None:
        order, self._order = self._order, None
        if order is not None:
            made = (version.number, version.at_ms) if version is not None else (0, 0)
            ended = Order(order.host, order.number, order.digest, order.ticket, True, *made)
            self._hosts.orders.give(ended, done=done)
            self._hosts.hurry = False

    def take_the_lead(self) -> None:
        """Shard 0 has come here: what stands was another host's."""
        self._hosts.orders.clear()
