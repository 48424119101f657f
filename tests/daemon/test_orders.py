"""The control record of a change on several hosts."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.daemon.orders import Order, Orders
from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.ports.fake_disk import FakeDisk, broken
from streamwatchd.shard.version import Version

FOLDER = Path("/shared/app")
OFFER = Order("a", 7, "v1")
DECIDED = Order("a", 7, "v1", 1, over=True, version=3, at_ms=901)


class Store:
    """Hosts a and b on one store."""

    def __init__(self) -> None:
        self.files = FakeDisk()
        self.first, self.second = (Orders(self.files, FOLDER, name) for name in "ab")
        self.fetched: list[str] = []
        self.said: list[str] = []
        self.second.fetch, self.second.say = self.fetched.append, self.said.append

    def beat(self) -> None:
        self.first.beat()
        self.second.beat()


def test_an_order_is_read_by_the_others_with_its_content_at_hand() -> None:
    """The content is in the store before the order that names it, and fetched once."""
    store = Store()
    store.first.give(OFFER, {"content/v1": b"rules"})
    store.beat()
    assert store.second.seen == OFFER
    assert store.files.read(FOLDER / "content" / "v1") == b"rules"
    store.first.give(DECIDED)
    store.beat()
    assert store.second.seen == DECIDED
    assert store.second.seen.decided == Version(3, 901, "v1")
    assert store.fetched == ["v1"]


def test_what_was_given_up_decides_nothing() -> None:
    """Nor does an order that stands."""
    assert OFFER.decided is None
    assert Order("a", 7, "v1", 1, over=True).decided is None


def test_orders_are_written_as_often_as_it_takes() -> None:
    """In their order; nobody is told that one is there before it is."""
    store = Store()
    done: list[str] = []
    store.first.give(OFFER)
    store.first.give(DECIDED, done=lambda: done.append("decided"))
    store.files.faults.at(2, broken, point="disk.write")
    with pytest.raises(Unavailable):
        store.first.beat()
    assert done == []
    store.beat()
    assert done == ["decided"]
    assert store.second.seen == DECIDED


def test_a_host_that_can_not_follow_says_so() -> None:
    """Its version does not compile the rules: it never answers, and tells why."""
    store = Store()

    def fetch(digest: str) -> None:
        raise StateMismatch("kept content v1 does not compile any more")

    store.second.fetch = fetch
    store.first.give(OFFER)
    store.beat()
    assert store.second.seen is None
    assert "does not compile" in store.said[0]


def test_what_another_host_left_is_given_up_unless_it_was_decided() -> None:
    """By the one who has shard 0 now."""
    store = Store()
    store.first.give(OFFER)
    store.beat()
    store.second.clear()
    store.second.beat()
    assert store.second.seen == Order("a", 7, "v1", over=True)
    store.first.give(DECIDED)
    store.beat()
    store.second.clear()
    store.second.beat()
    assert store.second.read() == DECIDED


def test_a_spoilt_record_is_none() -> None:
    """It decides nothing."""
    store = Store()
    store.files.write(FOLDER / "change", b"{")
    store.beat()
    assert store.second.seen is None
